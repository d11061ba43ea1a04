public import Core
import Encryption
public import Reactor
import SQLite
public import Streaming
import Telemetry

/// How a stream ends whose server died in the middle.
public enum StreamEnding: Sendable {
    /// With the text that the journal has, the outcome `interrupted` and a retry offered.
    case interrupted
    /// With what is recorded elsewhere: the texts, and the last events, of which the last is a `stream_done`.
    case recorded([StreamEvent.PanelText], [StreamEvent])
    /// Not at all: what it is part of was deleted.
    case forgotten
}

/// What was found in a journal when the server started.
public struct JournalRecovery: Sendable, Hashable {
    /// Streams that had ended, and are replayed again.
    public var finished = 0
    /// Streams that were running when the server died.
    public var interrupted = 0
    /// Streams whose time was over, that were deleted, or of which nothing could be read.
    public var forgotten = 0
}

extension Journal {
    /// Rebuilds the streams of the server's earlier life; called once, before anybody can ask for one.
    ///
    /// Each stream keeps its id and its events theirs. One that had ended is replayed until its retention is over. One
    /// that was running gets an end, which is on disk when this returns, at offsets that no viewer has seen: see
    /// ``Streaming/JournaledStream/leap``.
    ///
    /// - Parameters:
    ///   - hub: where streams are found from here on.
    ///   - loops: where their readers meet them; at least one, running.
    ///   - isDeleted: asked for each stream, whether it is let go of because what it is part of was deleted.
    ///   - ending: asked for each stream that was running, with the text that the journal has of it: closes its row in the
    ///     store, or tells what the store has already.
    /// - Returns: how many streams there were.
    /// - Throws: `SQLiteError` when the file cannot be read; what `isDeleted` throws.
    @discardableResult
    public func recover(
        into hub: StreamHub, on loops: [EventLoop],
        unless isDeleted: @Sendable (JournaledStream) async throws -> Bool = { _ in false },
        ending: @Sendable (JournaledStream) async -> StreamEnding
    ) async throws -> JournalRecovery {
        var found = try await read(hub.settings)
        var recovery = JournalRecovery()
        var left = Set(found.unreadable)
        for (stream, _) in found.streams where try await isDeleted(stream) { left.insert(stream.id) }
        found.streams.removeAll { left.contains($0.stream.id) }
        order(.know(found.known, garbage: found.garbage))
        found.streams.sort { ($0.endedAt ?? .distant) < ($1.endedAt ?? .distant) }
        var ends: [JournalEntry] = []
        for index in found.streams.indices where found.streams[index].stream.outcome == nil {
            switch await ending(found.streams[index].stream) {
            case .interrupted: ends.append(found.streams[index].stream.interrupt())
            case .recorded(let texts, let events): ends.append(found.streams[index].stream.end(as: texts, events))
            case .forgotten: continue
            }
            recovery.interrupted += 1
        }
        await write(ends)
        let now = Timestamp.now
        for (index, stream) in found.streams.enumerated() {
            let age = stream.endedAt.map { max(0, now.milliseconds - $0.milliseconds) } ?? 0
            let isKept = hub.restore(
                stream.stream, endedBefore: .milliseconds(age), on: loops[index % loops.count])
            if stream.endedAt != nil { recovery.finished += isKept ? 1 : 0 }
            guard !isKept else { continue }
            forget(stream.stream.id)
            recovery.forgotten += 1
        }
        for stream in left { forget(stream) }
        recovery.forgotten += left.count
        await worker.inbox.settled()
        log.info(
            "journal_recovered",
            [
                .count("finished", recovery.finished), .count("interrupted", recovery.interrupted),
                .count("forgotten", recovery.forgotten),
            ])
        return recovery
    }

    /// Writes the ends of streams down; a disk that fails now has them made again, the same, at the next start.
    private func write(_ ends: [JournalEntry]) async {
        guard !ends.isEmpty else { return }
        await withCheckedContinuation { waiter in
            write(ends) { _ in waiter.resume() }
        }
    }

    // MARK: Reading

    private struct Found {
        var streams: [(stream: JournaledStream, endedAt: Timestamp?)] = []
        var known: [StreamID: JournalWorker.Known] = [:]
        var unreadable: [StreamID] = []
        /// Rows of streams that were forgotten before the server died.
        var garbage: [ClosedRange<Int>] = []
    }

    private func read(_ settings: StreamingSettings) async throws -> Found {
        let rows = try await database.read(within: Self.readLimit) { try JournalFile.streams($0) }
        var found = Found()
        var places: [Int: Int] = [:]
        var isDamaged = [Bool](repeating: false, count: rows.count)
        for row in rows {
            places[row.key] = found.streams.count
            found.streams.append(
                (
                    JournaledStream(row.id, owner: row.owner, subject: row.subject, begunAt: row.begunAt, settings),
                    row.endedAt
                ))
        }
        var last = 0
        while true {
            let (after, limit) = (last, Self.segmentsAtOnce)
            let segments = try await database.read(within: Self.readLimit) {
                try JournalFile.segments(after: after, limit: limit, $0)
            }
            for segment in segments {
                guard let place = places[segment.key] else {
                    found.garbage = (found.garbage + [segment.row...segment.row]).joined()
                    continue
                }
                let id = found.streams[place].stream.id
                let first = found.known[id]?.rows.lowerBound ?? segment.row
                found.known[id] = .init(key: segment.key, rows: first...segment.row)
                // What follows on a damaged row would leave a gap that nobody was told of.
                if !isDamaged[place] { isDamaged[place] = !add(segment, to: &found.streams[place].stream) }
            }
            guard let newest = segments.last else { break }
            last = newest.row
        }
        for (place, row) in rows.enumerated() where found.known[row.id] == nil {
            found.known[row.id] = .init(key: row.key, rows: 0...0)
            isDamaged[place] = true
        }
        // One that had ended, and is not whole, is told from the store.
        let lost = found.streams.indices.filter { isDamaged[$0] && found.streams[$0].endedAt != nil }
        found.unreadable = lost.map { found.streams[$0].stream.id }
        for place in lost.reversed() { found.streams.remove(at: place) }
        let damaged = isDamaged.count { $0 }
        if damaged > 0 { log.error("journal_rows_unreadable", [.count("streams", damaged)]) }
        return found
    }

    private func add(_ segment: JournalFile.Segment, to stream: inout JournaledStream) -> Bool {
        let place = JournalFile.place(stream.id, first: segment.first)
        guard let events = try? keyring.open(segment.sealed, at: place) else { return false }
        return stream.add(events, first: segment.first, last: segment.last)
    }

    /// Segments that are read at once, of a few hundred bytes to 64 KiB each.
    private static let segmentsAtOnce = 500
    /// Nobody else uses the file yet.
    private static let readLimit = Duration.seconds(60)
}

extension Timestamp {
    /// After all that are.
    fileprivate static let distant = Timestamp(milliseconds: .max)
}
