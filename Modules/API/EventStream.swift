import Core
import HTTPServer
import Streaming

/// Answers that carry a stream's events as server-sent events.
struct EventStream: Sendable {
    let heartbeat: Duration

    /// The events after `offset`, from the log, as they come.
    func response(_ log: StreamLog, after offset: Int) -> Response {
        response { writer in
            do {
                try await log.watch(after: offset) { try await writer.write($0.bytes) }
            } catch let error as PlatformError {
                // The status has gone out: a native EventSource would never come back from another one anyway.
                try await writer.write(Self.event(.busy(error.message)))
            }
        }
    }

    /// Events that are all there already.
    func response(of events: [(event: StreamEvent, id: EventID)]) -> Response {
        let bytes = events.flatMap { StreamLog.encoded($0.event, $0.id) }
        return response { try await $0.write(bytes) }
    }

    private func response(_ body: @escaping @Sendable (BodyWriter) async throws -> Void) -> Response {
        let heartbeat = heartbeat
        return Response(
            200,
            headers: [
                "Content-Type": "text/event-stream; charset=utf-8",
                "Cache-Control": "no-cache, no-transform",
                "X-Accel-Buffering": "no",
            ],
            body: .stream { writer in
                writer.heartbeat(Array(":\n\n".utf8), every: heartbeat)
                // Spread, so that the readers of a restarted server do not all return in the same instant.
                var opening: [UInt8] = []
                ServerSentEvent.appendRetry(.milliseconds(Int.random(in: 1_000...3_000)), to: &opening)
                try await writer.write(opening)
                try await body(writer)
            })
    }

    private static func event(_ event: StreamEvent) -> [UInt8] {
        var json = JSONWriter()
        event.encode(into: &json)
        var bytes: [UInt8] = []
        ServerSentEvent.append(data: json.bytes.span, to: &bytes)
        return bytes
    }
}
