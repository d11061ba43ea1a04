import Core
import HTTPServer
import Streaming

/// A log's answer as OpenAI's chunks, for a client on the log's own loop.
///
/// As for our own viewers, no task waits while text flows. There is no coming back to such an answer: the client's
/// leaving stops it.
final class CompletionSource: BodySource, LogReader {
    private let log: StreamLog
    private let hub: StreamHub
    private let writer: BodyWriter
    private let chunks: CompletionChunks
    private var offset = 0
    private var hasText = false
    private var isOver = false
    private var failure: PlatformError?

    init(_ log: StreamLog, in hub: StreamHub, as chunks: CompletionChunks, to writer: BodyWriter) {
        self.log = log
        self.hub = hub
        self.chunks = chunks
        self.writer = writer
        do throws(PlatformError) { try log.attachHere(self) } catch { failure = error }
        var bytes: [UInt8] = []
        chunks.appendRole(to: &bytes)
        writer.append(bytes.span)
    }

    func logHasNews() { writer.sourceHasNews() }

    func take(_ events: Span<UInt8>) {
        var bytes: [UInt8] = []
        // An event of ours is at least about 128 bytes long.
        bytes.reserveCapacity(events.count + (events.count / 128 + 1) * chunks.overhead)
        StreamLog.takeApart(events) { panel, text in
            hasText = true
            chunks.append(text, panel, to: &bytes)
        } other: { json in
            guard let event = StreamEvent(bytes: json) else { return }
            take(event, into: &bytes)
        }
        writer.append(bytes.span)
    }

    private func take(_ event: StreamEvent, into bytes: inout [UInt8]) {
        switch event.type {
        case .error: failure = event.failure
        // The whole text once more is nothing that a client of these chunks could make sense of.
        case .resync: end(.failed(Self.tooSlow), into: &bytes)
        case .streamDone:
            let ending = CompletionEnding(done: event)
            switch ending.reading(failure: failure, hasText: hasText) {
            case .finished(let reason):
                chunks.append(ending, finish: reason, to: &bytes)
                isOver = true
            case .failed(let error): end(.failed(error), into: &bytes)
            }
        default: break
        }
    }

    private func end(_ reading: CompletionEnding.Reading, into bytes: inout [UInt8]) {
        guard case .failed(let error) = reading, !isOver else { return }
        isOver = true
        chunks.append(error, to: &bytes)
    }

    private static let tooSlow = PlatformError(
        .unavailable, "The answer was read so slowly that parts of it are gone. Ask again.")

    func write() -> BodyProgress {
        if isOver { return .end }
        switch log.readHere(after: offset, self) {
        case .upTo(let last):
            offset = last
            return isOver ? .end : .more
        case .all(let last):
            offset = last
            return isOver ? .end : .nothingYet
        case .nothingYet: return .nothingYet
        case .end: return .end
        }
    }

    func close() {
        log.detachHere(self)
        log.stopHere(.detached)
        hub.remove(log.id, for: log.owner)
    }
}
