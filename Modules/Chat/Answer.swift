import Core
import Providers
import Reactor
import Streaming
import Synchronization

/// How the model's part of a turn goes; confined to the loop of its stream.
final class Answer {
    /// Where its text goes.
    let stage: Stage
    /// Whether reasons are being given.
    var isReasoning = false
    /// Whether text for the chat has come.
    var hasBegun = false
    /// What each provider gave, in order; never empty.
    var spans: [Span]
    var finish: FinishReason?
    var error: PlatformError?
    var flags: [Delta.Flag] = []
    /// Why it was cut.
    var stopReason: StreamLog.StopReason?
    /// Ends the run when the caller's time is up.
    var deadline: LoopTimer?
    /// Records the answer now and then.
    var checkpoint: LoopTimer?
    /// How often it was recorded.
    var checkpoints = 0
    /// Whether a record is being written; one at a time, so that a slow store is not asked for more and more.
    let recording = Turnstile()

    /// Lets one in at a time.
    final class Turnstile: Sendable {
        private let isTaken = Atomic(false)

        func begin() -> Bool { isTaken.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged }
        func end() { isTaken.store(false, ordering: .releasing) }
    }

    /// One provider's part.
    struct Span {
        let provider: any Provider
        /// As it names itself, or as it was asked for.
        var model: String
        /// Bytes of the chat panel before it.
        let offset: Int
        var usage: Usage?

        init(of provider: any Provider, offset: Int = 0) {
            self.provider = provider
            model = provider.model
            self.offset = offset
        }
    }

    init(from provider: any Provider, in stage: Stage) {
        self.stage = stage
        spans = [Span(of: provider)]
    }

    /// The span of the provider that is being asked.
    var last: Span {
        get { spans[spans.count - 1] }
        set { spans[spans.count - 1] = newValue }
    }

    /// The spans with what they used and cost.
    ///
    /// Usage is what the provider counted, or an estimate where it said nothing and yet began to answer, since that is
    /// billed.
    func counted(_ text: String, _ reasoning: String, _ prompt: Prompt, _ prices: PriceTable) -> [AnswerSpan] {
        let input = prompt.messages.reduce(0) { $0 + $1.text.utf8.count }
        return spans.indices.map { place in
            let span = spans[place]
            let end = place + 1 < spans.count ? spans[place + 1].offset : text.utf8.count
            let output = max(0, end - span.offset) + (place == 0 ? reasoning.utf8.count : 0)
            let usage = span.usage ?? (output > 0 ? Usage(estimatedFromInput: input, output: output) : nil)
            let answerer = PriceTable.Answerer(
                provider: span.provider.name, kind: type(of: span.provider).kind,
                models: [span.model, span.provider.model])
            return AnswerSpan(
                provider: span.provider.name, model: span.model, offset: span.offset, usage: usage,
                cost: usage.flatMap { prices.cost(of: $0, by: answerer) })
        }
    }
}
