import Core
import Providers
import Reactor

/// What one small call to a provider showed; `nil` is what it did not.
struct Checkup: Sendable {
    let provider: ProviderFacts
    var isReachable: Bool?
    var isAuthorised: Bool?
    var hasModel: Bool?
    var streams: Bool?
    var firstText: Duration?
    var total = Duration.zero
    var usage: Usage?
    /// `nil` when all is well.
    var problem: Problem?

    struct Problem: Sendable, Hashable {
        /// Stable, for programs.
        var code: String
        /// What is wrong, a sentence.
        var what: String
        /// What to do, a sentence or two.
        var advice: String
    }

    /// Short to answer, and long enough to come in pieces.
    private static let question = Prompt([.init(.user, "Count from 1 to 10 in digits. Say nothing else.")])

    /// Asks a provider something small; takes `limit` at most, and a second for one that does not heed it.
    init(of facts: ProviderFacts, within limit: Duration, on loop: EventLoop) async {
        provider = facts
        var watched: (provider: any Provider, head: SeenHead)?
        if let dialect = facts.provider as? any Dialect { watched = Self.watched(dialect, limit) }
        let call = DirectCall(watched?.provider ?? facts.provider, Self.question, on: loop)
        let guardian = Task {
            try await Task.sleep(for: limit + .seconds(1))
            call.cancel()
        }
        var pieces = 0
        var finish: FinishReason?
        var failure: PlatformError?
        for await (piece, after) in call.pieces {
            total = after
            switch piece {
            case .delta(.content(_)), .delta(.reasoning(_)):
                pieces += 1
                if firstText == nil { firstText = after }
            case .delta(.usage(let usage)): self.usage = usage
            case .delta(.finish(let reason)): finish = reason
            case .delta: break
            case .end(let error): failure = error
            }
        }
        guardian.cancel()
        let mediaType = watched?.head.mediaType
        if mediaType != nil || failure == nil { (isReachable, isAuthorised, hasModel) = (true, true, true) }
        streams = watched == nil ? (pieces > 0 ? pieces > 1 : nil) : mediaType.map { !$0.contains("json") }
        if let failure {
            take(failure)
        } else {
            problem = Diagnosis(facts).problem(isStreamed: streams ?? true, hasText: pieces > 0, finish)
        }
    }

    private static func watched(
        _ dialect: some Dialect, _ limit: Duration
    ) -> (provider: any Provider, head: SeenHead) {
        let watched = WatchedDialect(dialect, limit: limit)
        return (watched, watched.head)
    }

    private mutating func take(_ failure: PlatformError) {
        let kind = ProviderFailure(failure).kind
        problem = Diagnosis(provider).problem(failure)
        switch kind {
        case .unreachable, .staleConnection, .connectTimeout: if isReachable == nil { isReachable = false }
        case .authentication: (isReachable, isAuthorised) = (true, false)
        case .modelNotFound: (isReachable, hasModel) = (true, false)
        case .quota, .rateLimited, .contentBlocked, .contextTooLong: (isReachable, isAuthorised) = (true, true)
        case .rejected, .overloaded, .failed, .firstByteTimeout, .idleTimeout, .upstreamTimeout, .truncated,
            .protocolError:
            isReachable = true
        // Whether there was a connection is not known then.
        case .totalTimeout, .cancelled, .local: break
        }
    }
}
