public import Core
import HTTPClient
import JSON
public import Reactor

/// Reads one stream to its end over as many connections as it takes.
///
/// One reader, one task: ``next()`` is called again and again until it answers `nil`. Nothing is read ahead by more than
/// 64 KiB, so that a reader who cannot keep up holds back the server and not this process's memory.
public actor StreamReader {
    private let server: ServerAddress
    private let loop: EventLoop
    private let maxSilence: Duration
    private var reconnection: Reconnection
    private var random = SystemRandomNumberGenerator()

    private var connection: Connection?
    private var delay = Duration.zero
    private var wasInterrupted = false
    private var hasEnded = false
    private var failure: ClientError?

    private struct Connection {
        let response: IncomingResponse
        var decoder = ServerSentEventDecoder()
    }

    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Opens no connection yet.
    ///
    /// `offset` is that of the last event that is not wanted, 0 to have all. A connection that is silent for
    /// `maxSilence` counts as dead: a server gives a sign of life every 5 s.
    public init(
        _ stream: StreamID, after offset: Int = 0, from server: ServerAddress, on loop: EventLoop,
        backoff: Backoff = .stream, maxSilence: Duration = .seconds(20)
    ) {
        self.server = server
        self.loop = loop
        self.maxSilence = maxSilence
        reconnection = Reconnection(to: stream, after: offset, backoff: backoff)
    }

    /// Something a viewer may want to know.
    public enum Sighting: Sendable, Hashable {
        /// The next event; those without an id are none of the stream's own.
        case event(StreamEvent, EventID?)
        /// An event came that this version cannot read; it is passed over.
        case unreadable(String)
        /// The connection was lost; another one is tried after a wait.
        case interrupted(ClientError)
        /// The connection stands again.
        case resumed
    }

    /// Waits for what comes next.
    ///
    /// Cancelling the task closes the connection.
    /// - Returns: at least one sighting; `nil` after the stream's last event.
    /// - Throws: ``ClientError`` when the stream cannot be had, or not in reasonable time; everything that came before
    ///   has been handed over, and ``next()`` answers `nil` from then on.
    public func next() async throws(ClientError) -> [Sighting]? {
        while true {
            if let failure {
                self.failure = nil
                throw failure
            }
            guard !hasEnded else { return nil }
            var sightings: [Sighting] = []
            do throws(ClientError) {
                if connection == nil { try await connect(&sightings) } else { try await read(&sightings) }
            } catch {
                connection = nil
                recover(from: error, &sightings)
            }
            if !sightings.isEmpty { return sightings }
        }
    }

    /// What the stream was read up to.
    public var position: EventID { reconnection.position }

    private func connect(_ sightings: inout [Sighting]) async throws(ClientError) {
        if delay > .zero {
            do { try await loop.sleep(for: delay) } catch { throw .cut }
        }
        let response: IncomingResponse
        do {
            response = try await HTTPClient.on(loop).open(request)
        } catch {
            throw .unreachable(error)
        }
        if response.status == 204 {
            reconnection.foundNothing()
            hasEnded = true
            return
        }
        guard response.status == 200 else {
            let body = try? await response.wholeBody()
            throw .refused(Problem(response.status, response.headers, body ?? []))
        }
        guard response.headers["Content-Type"]?.lowercased().hasPrefix("text/event-stream") == true else {
            throw .incomprehensible("the answer is no stream of events")
        }
        connection = Connection(response: response)
        if wasInterrupted { sightings.append(.resumed) }
        wasInterrupted = false
    }

    private var request: OutgoingRequest {
        var request = OutgoingRequest("GET", server.url("/streams/\(reconnection.position.stream)"))
        request.headers = [("Accept", "text/event-stream"), ("Cache-Control", "no-store")]
        if let id = reconnection.lastEventID { request.headers.append(("Last-Event-ID", id)) }
        request.deadlines.firstByte = maxSilence
        request.deadlines.idle = maxSilence
        // An answer may take as long as it gives signs of life.
        request.deadlines.total = .seconds(86_400)
        return request
    }

    private func read(_ sightings: inout [Sighting]) async throws(ClientError) {
        guard let response = connection?.response else { return }
        var seen: [Sighting] = []
        var refusal: ClientError?
        let hasMore: Bool
        do {
            hasMore = try await response.read { bytes in refusal = decode(bytes, into: &seen) }
        } catch {
            throw .unreachable(error)
        }
        sightings += seen
        if reconnection.isFinished {
            hasEnded = true
            connection = nil
        } else if let refusal {
            throw refusal
        } else if !hasMore {
            throw .cut
        }
    }

    /// - Returns: why the connection cannot be used any more, if so.
    private func decode(_ bytes: Span<UInt8>, into sightings: inout [Sighting]) -> ClientError? {
        guard var decoder = connection?.decoder else { return nil }
        var refusal: ClientError?
        do {
            try decoder.decode(bytes) { _, id, data in
                guard refusal == nil, !reconnection.isFinished else { return }
                refusal = take(data, EventID(id), into: &sightings)
            }
        } catch {
            refusal = .incomprehensible("an event is larger than \(decoder.maximumEventBytes) bytes")
        }
        if let delay = decoder.retry { reconnection.asked(toWait: delay) }
        connection?.decoder = decoder
        return refusal
    }

    private func take(_ data: Span<UInt8>, _ id: EventID?, into sightings: inout [Sighting]) -> ClientError? {
        let event: StreamEvent
        do {
            event = try StreamEvent(json: JSONValue(parsing: data))
        } catch {
            sightings.append(.unreadable("\(error)"))
            // Its place is taken all the same: what follows is no gap.
            return reconnection.received(.unreadable, id: id).refusal
        }
        let verdict = reconnection.received(event.type, id: id)
        if verdict == .show { sightings.append(.event(event, id)) }
        return verdict.refusal
    }

    private func recover(from error: ClientError, _ sightings: inout [Sighting]) {
        switch reconnection.lost(error, using: &random) {
        case .connect(let delay):
            self.delay = delay
            wasInterrupted = true
            sightings.append(.interrupted(error))
        case .finish: hasEnded = true
        case .fail(let error):
            hasEnded = true
            failure = error
        }
    }
}

extension StreamEvent.Kind {
    /// Stands for an event whose type is not known because it could not be read.
    fileprivate static let unreadable = StreamEvent.Kind(rawValue: "unreadable")
}
