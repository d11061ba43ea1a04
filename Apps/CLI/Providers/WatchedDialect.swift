import Configuration
import Core
import HTTPClient
import Providers
import Synchronization

/// A provider over HTTP that is watched at work: what its answer's head says, which deltas do not tell.
struct WatchedDialect<Base: Dialect>: Dialect {
    static var kind: String { Base.kind }
    static var usualFirstToken: Duration { Base.usualFirstToken }

    private let base: Base
    private let limit: Duration
    let head: SeenHead

    init(_ base: Base, limit: Duration) {
        self.base = base
        self.limit = limit
        head = SeenHead()
    }

    init(_ settings: Section) { self.init(Base(settings), limit: Deadlines().total) }

    var name: String { base.name }
    var model: String { base.model }
    var capabilities: Capabilities { base.capabilities }

    /// With deadlines within the limit, so that what took too long is told as what it is.
    func request(for prompt: Prompt) -> OutgoingRequest {
        var request = base.request(for: prompt)
        let deadlines = request.deadlines
        request.deadlines.connect = min(deadlines.connect, limit)
        request.deadlines.firstByte = min(deadlines.firstByte, limit)
        request.deadlines.idle = min(deadlines.idle, limit)
        request.deadlines.total = min(deadlines.total, limit)
        return request
    }

    func signed(_ request: OutgoingRequest, at moment: Timestamp) -> OutgoingRequest {
        base.signed(request, at: moment)
    }

    func decoder(for head: ResponseHead) throws(PlatformError) -> any DeltaDecoder {
        self.head.see(head.mediaType)
        return try base.decoder(for: head)
    }
}

/// The media type of an answer with status 200, once one has come.
final class SeenHead: Sendable {
    private let seen = Mutex<String?>(nil)

    var mediaType: String? { seen.withLock { $0 } }

    func see(_ mediaType: String) { seen.withLock { $0 = mediaType } }
}
