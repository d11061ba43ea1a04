import Core
import Providers
import StreamClient

/// Shows an answer that comes straight from a provider as one that comes from a server is shown.
struct Trial {
    private let provider: ProviderFacts
    private let prices: PriceTable
    private let format: AnswerView.Format
    private let terminal = Terminal()
    private var view: AnswerView
    private var model: String
    private var usage: Usage?
    private var finish: FinishReason?
    private var isWithdrawn = false
    private var firstText: Duration?
    /// How the process should end.
    private(set) var exitCode = ExitCode.failed

    init(of provider: ProviderFacts, at prices: PriceTable, as format: AnswerView.Format) {
        self.provider = provider
        self.prices = prices
        self.format = format
        view = AnswerView(on: terminal, as: format)
        model = provider.model
    }

    mutating func take(_ piece: DirectCall.Piece, _ after: Duration) {
        switch piece {
        case .delta(let delta): take(delta, after)
        case .end(let error): end(error, after)
        }
    }

    private mutating func take(_ delta: Delta, _ after: Duration) {
        switch delta {
        case .start(let model): self.model = model
        case .reasoning(let text): show(text, on: .reasoning, after)
        case .content(let text): show(text, on: .chat, after)
        case .flag(let flag): show(.safety(flag.detail, rule: flag.kind, severity: "info"))
        case .retract:
            isWithdrawn = true
            for panel in Panel.allCases {
                show(.retract("The provider's filter withdrew the text.", panel: panel, stage: .chat))
            }
        case .usage(let usage): self.usage = usage
        case .finish(let reason): finish = reason
        }
    }

    private mutating func show(_ text: String, on panel: Panel, _ after: Duration) {
        if firstText == nil { firstText = after }
        show(.chunk(text, panel: panel, stage: .chat))
    }

    private mutating func show(_ event: StreamEvent) { view.show([.event(event, nil)]) }

    private mutating func end(_ error: PlatformError?, _ after: Duration) {
        let isStopped = error?.code == .cancelled
        if let error, !isStopped { show(.error(error)) }
        let outcome = outcome(error)
        let answerer = PriceTable.Answerer(
            provider: provider.name, kind: provider.kind, models: [model, provider.model])
        let cost = usage.flatMap { prices.cost(of: $0, by: answerer) }
        var facts: [String: JSONValue] = [
            "provider": .string(provider.name), "model": .string(model), "total_ms": .int(Amounts.milliseconds(after)),
        ]
        facts["finish"] = finish.map { .string($0.rawValue) }
        facts["first_text_ms"] = firstText.map { .int(Amounts.milliseconds($0)) }
        show(.done(outcome, sentence(outcome), usage: usage, cost: cost, metadata: facts))
        view.finish()
        if format != .json { report(error, cost, after) }
        exitCode = isStopped ? ExitCode.interrupted : outcome == .complete ? ExitCode.done : ExitCode.failed
    }

    private func outcome(_ error: PlatformError?) -> Outcome {
        if let error { return error.code == .cancelled ? .cancelled : firstText == nil ? .failed : .truncated }
        if isWithdrawn || finish == .contentFilter { return .blocked }
        return finish == .length ? .truncated : .complete
    }

    private func sentence(_ outcome: Outcome) -> String {
        switch outcome {
        case .complete, .failed, .interrupted: ""
        case .truncated: finish == .length ? "The model reached its output limit." : "The answer broke off."
        case .blocked: "The provider's content filter ended the answer."
        case .cancelled: "You stopped it."
        }
    }

    private func report(_ error: PlatformError?, _ cost: Cost?, _ after: Duration) {
        if let error, error.code != .cancelled {
            let problem = Diagnosis(provider).problem(error)
            terminal.note("medstream: \(problem.what) \(problem.advice)")
        }
        var parts = [usage.map(Self.text) ?? "the provider told no usage"]
        parts.append(cost.map(Amounts.money) ?? "no known cost")
        parts.append("\(firstText.map { "first text after \(Amounts.time($0)), " } ?? "")\(Amounts.time(after)) in all")
        terminal.note("\(model): \(parts.joined(separator: "; "))")
    }

    private static func text(_ usage: Usage) -> String {
        var text = "\(Amounts.tokens(usage.input)) tokens in, \(Amounts.tokens(usage.output)) out"
        if let reasoning = usage.reasoning, reasoning > 0 { text += ", \(Amounts.tokens(reasoning)) of them reasoning" }
        return text
    }
}
