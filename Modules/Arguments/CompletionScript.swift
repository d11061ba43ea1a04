/// Scripts that let a shell complete a program's command lines, made of what the program declares.
///
/// Each follows the words typed so far down the tree of commands, and offers what fits there.
public enum CompletionScript: String, Sendable, CaseIterable, LosslessStringConvertible {
    case bash, zsh, fish

    public init?(_ description: String) { self.init(rawValue: description) }
    public var description: String { rawValue }

    /// The script for a program, to be sourced or put where the shell looks for completions.
    public func text(for program: Command) -> String {
        switch self {
        case .bash: Self.bash(program)
        case .zsh: Self.zsh(program)
        case .fish: Self.fish(program)
        }
    }

    private static func bash(_ program: Command) -> String {
        let collect = { (source: String) in "mapfile -t COMPREPLY < <(compgen \(source) -- \"$word\")" }
        let files = "compopt -o filenames; mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- \"$word\")"
        let values = choices(program, of: { collect("-W \(quoted($0))") }, files: files)
        let candidates = program.tree.map { path, command in
            let words = (command.subcommands.map(\.name) + spellings(command)).joined(separator: " ")
            let more = takesFiles(command) ? "; \(files)" : ""
            return "        \(quoted(path))) \(collect("-W \(quoted(words))"))\(more) ;;"
        }
        return """
            # bash completion of \(program.name); source it, or save it as
            # ~/.local/share/bash-completion/completions/\(program.name)
            _\(program.name)() {
                local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
                local at=\(program.name) i
                COMPREPLY=()
                for ((i = 1; i < COMP_CWORD; i++)); do
                    case "$at ${COMP_WORDS[i]}" in
                        \(paths(program))) at="$at ${COMP_WORDS[i]}" ;;
                    esac
                done
                case "$at $before" in
            \(values)
                esac
                case "$at" in
            \(candidates.joined(separator: "\n"))
                esac
            }
            complete -F _\(program.name) \(program.name)

            """
    }

    private static func zsh(_ program: Command) -> String {
        let values = choices(program, of: { "compadd -- \($0)" }, files: "_files")
        let candidates = program.tree.map { path, command in
            let commands = command.subcommands.map { quoted("\($0.name):\($0.summary)") }
            let options = command.options.flatMap { option in option.spellings.map { quoted("\($0):\(option.help)") } }
            return """
                        \(quoted(path)))
                            commands=(\(commands.joined(separator: " ")))
                            options=(\((options + [quoted("--help:Show this help")]).joined(separator: " ")))
                            \(takesFiles(command) ? "_files" : ":") ;;
                """
        }
        return """
            #compdef \(program.name)
            # zsh completion of \(program.name); source it after compinit, or save it as _\(program.name) in a folder
            # of $fpath.
            _\(program.name)() {
                local at=\(program.name) before=$words[CURRENT-1]
                local -a commands options
                local -i i
                for ((i = 2; i < CURRENT; i++)); do
                    case "$at $words[i]" in
                        \(paths(program))) at="$at $words[i]" ;;
                    esac
                done
                case "$at $before" in
            \(values)
                esac
                case "$at" in
            \(candidates.joined(separator: "\n"))
                esac
                (( $#commands )) && _describe -t commands command commands
                _describe -o -t options option options
            }
            if [[ $funcstack[1] == _\(program.name) ]]; then
                _\(program.name) "$@"
            else
                compdef _\(program.name) \(program.name)
            fi

            """
    }

    private static func fish(_ program: Command) -> String {
        let lines = program.tree.flatMap { path, command -> [String] in
            let head = "complete -c \(program.name) -n \"__\(program.name)_at '\(path)'\""
            let commands = command.subcommands.map { "\(head) -f -a \($0.name) -d \(quoted($0.summary, in: .fish))" }
            let options = command.options.flatMap { option in
                option.spellings.map { spelling in
                    let takes = option.placeholder == nil ? "" : fishValues(option.values)
                    return "\(head) -l \(spelling.dropFirst(2))\(takes) -d \(quoted(option.help, in: .fish))"
                }
            }
            let operands = command.operands.compactMap { operand -> String? in
                guard case .oneOf(let values) = operand.values else { return nil }
                return "\(head) -f -a '\(values.joined(separator: " "))'"
            }
            return commands + options + operands + ["\(head) -l help -d 'Show this help'"]
                + (takesFiles(command) ? ["\(head) -F"] : [])
        }
        return """
            # fish completion of \(program.name); save it as ~/.config/fish/completions/\(program.name).fish
            function __\(program.name)_at
                set -l at \(program.name)
                for word in (commandline -opc)[2..-1]
                    switch "$at $word"
                        case \(program.tree.dropFirst().map { quoted($0.path, in: .fish) }.joined(separator: " "))
                            set at "$at $word"
                    end
                end
                test "$at" = "$argv[1]"
            end
            complete -c \(program.name) -f
            \(lines.joined(separator: "\n"))

            """
    }

    private static func fishValues(_ values: Declaration.Values) -> String {
        switch values {
        case .unknown: " -x"
        case .files: " -r -F"
        case .oneOf(let names): " -x -a '\(names.joined(separator: " "))'"
        }
    }

    /// Branches of a `case` for what stands after an option with a value, and for operands out of a closed set.
    private static func choices(
        _ program: Command, of names: (String) -> String, files: String
    ) -> String {
        let branches = program.tree.flatMap { path, command in
            command.options.filter { $0.placeholder != nil }.map { option in
                let offer =
                    switch option.values {
                    case .unknown: ":"
                    case .files: files
                    case .oneOf(let values): names(values.joined(separator: " "))
                    }
                return "        \(quoted("\(path) --\(option.name)"))) \(offer); return ;;"
            }
        }
        let operands = program.tree.flatMap { path, command in
            command.operands.compactMap { operand -> String? in
                guard case .oneOf(let values) = operand.values else { return nil }
                let last = path.split(separator: " ").last ?? ""
                return "        \(quoted("\(path) \(last)"))) \(names(values.joined(separator: " "))); return ;;"
            }
        }
        return (branches + operands).joined(separator: "\n")
    }

    private static func paths(_ program: Command) -> String {
        program.tree.dropFirst().map { quoted($0.path) }.joined(separator: "|")
    }

    private static func spellings(_ command: Command) -> [String] {
        command.options.flatMap(\.spellings) + ["--help"]
    }

    private static func takesFiles(_ command: Command) -> Bool { command.operands.contains { $0.values == .files } }

    /// A word of the shell in single quotes.
    private static func quoted(_ text: String, in shell: CompletionScript = .bash) -> String {
        let quote = shell == .fish ? "\\'" : "'\\''"
        return "'\(text.replacing("'", with: quote))'"
    }
}
