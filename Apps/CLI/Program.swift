import Arguments
import Core
import Foundation

/// medstream: the terminal's way to the server.
@main
struct Main {
    static func main() async {
        let terminal = Terminal()
        do throws(UsageError) {
            let words = Array(CommandLine.arguments.dropFirst())
            switch try program.parse(words, environment: ProcessInfo.processInfo.environment) {
            case .help(let text): terminal.write(text)
            case .run(let action, let arguments, let path):
                do throws(UsageError) {
                    ExitCode.leave(try await action(arguments))
                } catch {
                    throw UsageError(error.message, command: path)
                }
            }
        } catch {
            terminal.note("\(error)")
            ExitCode.leave(ExitCode.usage)
        }
    }
}

/// Every command there is.
let program: Command = Command(
    "medstream", "Chat with a Medstream server, and look after its configuration",
    details: """
        Exit codes:
           0  done
           1  the answer failed, was cut short, the server refused the request, or a provider
              did not pass its check
          64  wrong usage
          69  the server cannot be reached or is too busy
          78  wrong configuration
         130  interrupted with Ctrl-C
         141  whoever reads the output has gone

        Text goes to standard output, everything else to standard error. Colours are used on terminals only, and never
        when NO_COLOR is set.
        """,
    examples: [
        Command.Example("medstream chat", "Talk, until /quit or Ctrl-D."),
        Command.Example("medstream chat \"What is a Wells score?\"", "Ask one question."),
    ],
    takes: [versionFlag],
    subcommands: [
        Chat.command, Replay.command, UsageCommand.command, ProvidersCommand.command, Config.command, Keys.command,
        StoreCommand.command, BackupCommand.command, RestoreCommand.command, Migrate.command, QueueCommand.command,
        Users.command,
        Version.command,
        Completion.command,
    ],
    action: { arguments throws(UsageError) in
        guard arguments[versionFlag] else {
            throw UsageError("expected a command: \(program.subcommands.map(\.name).joined(separator: ", "))")
        }
        return Version.print(asJSON: false)
    })

private let versionFlag = Flag("version", "Print the version")

/// How the process ends; those from 64 are BSD's of `sysexits.h`, those from 128 a shell's for signals.
enum ExitCode {
    static let done: Int32 = 0
    static let failed: Int32 = 1
    static let usage: Int32 = 64
    static let unavailable: Int32 = 69
    static let configuration: Int32 = 78
    static let interrupted: Int32 = 130
    static let outputGone: Int32 = 141

    /// Ends the process at once.
    ///
    /// `exit` has the libraries clean up first, under threads that run on, and waits for the main thread's lock on
    /// standard input. Nothing is lost, since no output is buffered.
    static func leave(_ code: Int32) -> Never { _exit(code) }
}
