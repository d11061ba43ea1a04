import Core
import HTTPServer
import Reactor
import Streaming

/// Answers that carry a stream's events as server-sent events.
struct EventStream: Sendable {
    let heartbeat: Duration

    /// The events after `offset`, from the log, as they come, for a client on `loop`.
    func response(_ log: StreamLog, after offset: Int, on loop: EventLoop) -> Response {
        let heartbeat = heartbeat
        if log.loop === loop {
            return Self.response(
                .source { writer in
                    Self.open(writer, heartbeat)
                    return LogSource(log, after: offset, to: writer)
                })
        }
        return Self.response(
            .stream { writer in
                Self.open(writer, heartbeat)
                do {
                    try await log.watch(after: offset) { try await writer.write($0.bytes) }
                } catch let error as PlatformError {
                    writer.append(Self.event(.busy(error.message)).span)
                }
            })
    }

    /// Events that are all there already.
    func response(of events: [(event: StreamEvent, id: EventID)]) -> Response {
        let bytes = events.flatMap { StreamLog.encoded($0.event, $0.id) }
        let heartbeat = heartbeat
        return Self.response(
            .stream { writer in
                Self.open(writer, heartbeat)
                try await writer.write(bytes)
            })
    }

    /// An answer of server-sent events.
    static func response(_ body: Response.Body) -> Response {
        Response(
            200,
            headers: [
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache, no-transform",
                "X-Accel-Buffering": "no",
            ],
            body: body)
    }

    private static func open(_ writer: BodyWriter, _ heartbeat: Duration) {
        writer.heartbeat(Array(":\n\n".utf8), every: heartbeat)
        // Spread, so that the readers of a restarted server do not all return in the same instant.
        var opening: [UInt8] = []
        ServerSentEvent.appendRetry(.milliseconds(Int.random(in: 1_000...3_000)), to: &opening)
        writer.append(opening.span)
    }

    /// An event outside the log, without an id: the status has gone out, and a native EventSource would never come back
    /// from another one anyway.
    fileprivate static func event(_ event: StreamEvent) -> [UInt8] {
        var json = JSONWriter()
        event.encode(into: &json)
        var bytes: [UInt8] = []
        ServerSentEvent.append(data: json.bytes.span, to: &bytes)
        return bytes
    }
}

/// A log's events for a client on the log's own loop, taken straight from the log whenever the client has room.
private final class LogSource: BodySource, LogReader {
    private let log: StreamLog
    private let writer: BodyWriter
    private var offset: Int
    /// Why it may not watch, told in place of the events.
    private var refusal: PlatformError?

    init(_ log: StreamLog, after offset: Int, to writer: BodyWriter) {
        self.log = log
        self.writer = writer
        self.offset = offset
        do throws(PlatformError) { try log.attachHere(self) } catch { refusal = error }
    }

    func logHasNews() { writer.sourceHasNews() }

    func take(_ events: Span<UInt8>) { writer.append(events) }

    func write() -> BodyProgress {
        if let refusal {
            writer.append(EventStream.event(.busy(refusal.message)).span)
            return .end
        }
        switch log.readHere(after: offset, self) {
        case .upTo(let last):
            offset = last
            return .more
        case .all(let last):
            offset = last
            return .nothingYet
        case .nothingYet: return .nothingYet
        case .end: return .end
        }
    }

    func close() { log.detachHere(self) }
}
