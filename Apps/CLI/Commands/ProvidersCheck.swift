import Arguments
import Core
import Reactor

/// `medstream providers check`: whether providers work.
enum ProvidersCheck {
    static let command: Command = Command(
        "check", "Ask each provider something small, and say what is wrong",
        details: """
            Asks all providers at once, or the one that is named, as a server would with this configuration: are they \
            reachable, is the key good, is the model there, do they stream, and how soon. It is a real call, and costs \
            as much as some thirty tokens do; a model that reasons may use more.

            The exit code is 0 when all is well, 1 when a provider is not, 78 when the configuration is wrong.
            """,
        examples: [
            Command.Example("medstream providers check", "Check all of config/medstream.yaml."),
            Command.Example("medstream providers check main --timeout 120", "Give one longer, such as a local model."),
            Command.Example(
                "medstream providers check --json | jq -r 'select(.ok | not).problem'", "What is wrong, for a script."),
        ],
        takes: [name, timeout, ProvidersCommand.config, Config.overrides, Shared.json],
        action: run)

    private static let name = Operand<String>("NAME", "One provider; all without it")
    private static let timeout = Option<Seconds>(
        "timeout", "SECONDS", "How long a provider may take", expects: "a whole number from 1 to 3600", default: "60")

    /// A span of time.
    private struct Seconds: LosslessStringConvertible {
        let number: Int

        init?(_ description: String) {
            guard let number = Int(description), (1...3600).contains(number) else { return nil }
            self.number = number
        }

        var description: String { String(number) }
    }

    private static func run(_ arguments: Arguments) async throws(UsageError) -> Int32 {
        guard let setup = ProvidersCommand.setup(arguments) else { return ExitCode.configuration }
        var chosen = setup.providers
        if let name = arguments[name] { chosen = [try setup.provider(name)] }
        let limit = Duration.seconds(arguments[timeout]?.number ?? 60)
        let loop = EventLoop()
        loop.start()
        let checks = chosen.map { provider in Task { await Checkup(of: provider, within: limit, on: loop) } }
        let terminal = Terminal()
        var isWell = true
        for check in checks {
            let checkup = await check.value
            terminal.write(arguments[Shared.json] ? json(checkup) : text(checkup))
            isWell = isWell && checkup.problem == nil
        }
        return isWell ? ExitCode.done : ExitCode.failed
    }

    private static func text(_ checkup: Checkup) -> String {
        let provider = checkup.provider
        let place = provider.host.map { " at \($0)" } ?? ""
        var lines = ["\(provider.name): \(checkup.problem == nil ? "ok" : "WRONG")"]
        lines[0] += " (\(provider.kind), \(provider.model)\(place))"
        let findings = [
            ("reachable", checkup.isReachable), ("authorised", checkup.isAuthorised), ("model", checkup.hasModel),
            ("streams", checkup.streams),
        ]
        lines.append(
            "  " + findings.map { "\($0) \($1.map { $0 ? "yes" : "no" } ?? Amounts.unknown)" }.joined(separator: ", "))
        if let first = checkup.firstText {
            let usage = checkup.usage.map {
                "; \(Amounts.tokens($0.input)) tokens in, \(Amounts.tokens($0.output)) out"
            }
            lines.append(
                "  first text after \(Amounts.time(first)), done after \(Amounts.time(checkup.total))\(usage ?? "")")
        }
        if let problem = checkup.problem { lines += ["  \(problem.what)", "  \(problem.advice)"] }
        return lines.map { $0 + "\n" }.joined()
    }

    private static func json(_ checkup: Checkup) -> String {
        func value(_ finding: Bool?) -> JSONValue { finding.map(JSONValue.bool) ?? .null }
        func value(_ time: Duration?) -> JSONValue { time.map { .int(Amounts.milliseconds($0)) } ?? .null }
        var members = checkup.provider.json
        members["ok"] = .bool(checkup.problem == nil)
        members["reachable"] = value(checkup.isReachable)
        members["authorised"] = value(checkup.isAuthorised)
        members["model_exists"] = value(checkup.hasModel)
        members["streams"] = value(checkup.streams)
        members["first_text_ms"] = value(checkup.firstText)
        members["total_ms"] = value(checkup.total)
        members["usage"] = checkup.usage?.json ?? .null
        members["code"] = checkup.problem.map { .string($0.code) } ?? .null
        members["problem"] = checkup.problem.map { .string($0.what) } ?? .null
        members["advice"] = checkup.problem.map { .string($0.advice) } ?? .null
        return JSONValue.object(members).jsonText + "\n"
    }
}
