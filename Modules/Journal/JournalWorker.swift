import Core
import Encryption
import SQLite
import Streaming
import Synchronization
import Telemetry

/// What a journal is asked to do.
enum JournalOrder: Sendable {
    case write([JournalEntry], done: @Sendable (Bool) -> Void)
    case forget(StreamID)
    /// What the file has already, from an earlier life.
    case know([StreamID: JournalWorker.Known], garbage: [ClosedRange<Int>])
    /// Takes the rows of forgotten streams off the disk; told when they are.
    case clean(CheckedContinuation<Void, Never>?)
    /// Told when all before is done, or could not be.
    case wait(CheckedContinuation<Void, Never>)
}

/// Orders that wait for the worker, in order.
final class JournalInbox: Sendable {
    private struct State {
        var orders: [JournalOrder] = []
        var isWorking = false
        var statistics = JournalStatistics()
    }

    private let state = Mutex(State())
    private let work: @Sendable () async -> Void

    /// `work`: does what is taken from here until there is nothing left; called once at a time.
    init(_ work: @escaping @Sendable () async -> Void) { self.work = work }

    func add(_ order: JournalOrder) {
        let begins = state.withLock { state in
            state.orders.append(order)
            if case .write(let entries, _) = order { state.statistics.waitingBytes += entries.eventBytes }
            defer { state.isWorking = true }
            return !state.isWorking
        }
        if begins { Task { await work() } }
    }

    /// What waits; a worker that has nothing else to do (`isIdle`) ends when that is nothing.
    func take(isIdle: Bool) -> [JournalOrder] {
        state.withLock { state in
            defer { state.orders = [] }
            if state.orders.isEmpty, isIdle { state.isWorking = false }
            return state.orders
        }
    }

    func settled() async { await withCheckedContinuation { add(.wait($0)) } }
    func clean() async { await withCheckedContinuation { add(.clean($0)) } }

    var statistics: JournalStatistics { state.withLock { $0.statistics } }
    func count(_ body: (inout JournalStatistics) -> Void) { state.withLock { body(&$0.statistics) } }
}

extension [JournalEntry] {
    var eventBytes: Int { reduce(0) { $0 + $1.events.count } }
}

/// Does what a journal is asked to, in order; all that waits goes into one transaction.
actor JournalWorker {
    /// What the file has of a stream.
    struct Known: Sendable {
        var key: Int
        /// From its first row to its last; those of other streams lie between.
        var rows: ClosedRange<Int>
    }

    nonisolated let inbox: JournalInbox
    private let database: Database
    private let keyring: Keyring
    private let log: Log
    private var known: [StreamID: Known] = [:]
    private var nextKey: Int
    private var nextRow: Int
    /// Streams whose rows could not be taken away.
    private var unforgotten: [StreamID] = []
    private var isFailing = false

    /// Rows among which there are some of forgotten streams.
    private var garbage: [ClosedRange<Int>] = []
    private var isCleaning = false
    private var isCleaningPlanned = false
    private var cleaned: [CheckedContinuation<Void, Never>] = []

    /// Rows that are gone through in one transaction, so that others wait shortly.
    private static let cleanedAtOnce = 20_000
    /// Between two rounds of cleaning, each of which goes through the rows of all streams that lived at the same time.
    private static let cleaningPause = Duration.seconds(10)
    /// Pages without content past which room is given back to the disk.
    private static let keptFreePages = 4_096

    init(_ database: Database, _ keyring: Keyring, _ log: Log, nextKey: Int, nextRow: Int) {
        self.database = database
        self.keyring = keyring
        self.log = log
        self.nextKey = nextKey
        self.nextRow = nextRow
        let link = Link()
        inbox = JournalInbox { await link.worker.withLock { $0.value }?.work() }
        link.worker.withLock { $0.value = self }
    }

    /// From the inbox to the worker that has it.
    private final class Link: Sendable {
        struct Value {
            weak var value: JournalWorker?
        }
        let worker = Mutex(Value())
    }

    /// Works until there is nothing left to do.
    func work() async {
        while true {
            let orders = inbox.take(isIdle: !isCleaning)
            if orders.isEmpty, !isCleaning { return }
            if !orders.isEmpty { await perform(orders) }
            if isCleaning { await cleanSome() }
        }
    }

    // MARK: Writing

    private func perform(_ orders: [JournalOrder]) async {
        var batch = JournalFile.Batch()
        var changed: [StreamID: Known] = [:]
        var forgotten = Set(unforgotten)
        var asked: [@Sendable (Bool) -> Void] = []
        var waiting: [CheckedContinuation<Void, Never>] = []
        var bytes = 0
        for order in orders {
            switch order {
            case .write(let entries, let done):
                asked.append(done)
                bytes += entries.eventBytes
                for entry in entries {
                    add(entry, to: &batch, &changed)
                    forgotten.remove(entry.stream)
                }
            case .forget(let stream): forgotten.insert(stream)
            case .know(let streams, let rows):
                known.merge(streams) { $1 }
                throwAway(rows)
            case .clean(let waiter):
                isCleaning = true
                if let waiter { cleaned.append(waiter) }
            case .wait(let waiter): waiting.append(waiter)
            }
        }
        forgotten = forgotten.filter { changed[$0] != nil || known[$0] != nil }
        batch.forgotten = forgotten.compactMap { (changed[$0] ?? known[$0])?.key }
        let isWritten = await commit(batch)
        if isWritten {
            known.merge(changed) { $1 }
            throwAway(forgotten.compactMap { known.removeValue(forKey: $0)?.rows })
        }
        // What could not be forgotten is tried again with the next batch.
        unforgotten = isWritten ? [] : Array(forgotten)
        if !unforgotten.isEmpty { planCleaning() }
        let count = known.count
        inbox.count { statistics in
            statistics.waitingBytes -= bytes
            statistics.streams = count
            if isWritten {
                statistics.entries += batch.segments.count
                statistics.bytes += bytes
                if !batch.isEmpty { statistics.commits += 1 }
            } else {
                statistics.failures += 1
            }
        }
        for done in asked { done(isWritten) }
        for waiter in waiting { waiter.resume() }
    }

    private func add(_ entry: JournalEntry, to batch: inout JournalFile.Batch, _ changed: inout [StreamID: Known]) {
        let row = nextRow
        nextRow += 1
        var stream = changed[entry.stream] ?? known[entry.stream] ?? Known(key: 0, rows: row...row)
        if stream.key == 0 {
            stream.key = nextKey
            nextKey += 1
            batch.streams.append(
                .init(
                    key: stream.key, id: entry.stream, owner: entry.owner, subject: entry.subject,
                    begunAt: entry.begunAt))
        }
        stream.rows = stream.rows.lowerBound...row
        changed[entry.stream] = stream
        let place = JournalFile.place(entry.stream, first: entry.first)
        batch.segments.append(
            .init(
                row: row, key: stream.key, first: entry.first, last: entry.last,
                sealed: keyring.seal(entry.events.span, at: place)))
        if let outcome = entry.outcome { batch.ends.append(.init(key: stream.key, outcome: outcome)) }
    }

    /// - Returns: whether it is on disk.
    private func commit(_ batch: JournalFile.Batch) async -> Bool {
        guard !batch.isEmpty else { return true }
        do {
            FaultPoint.reach("journal_before_commit")
            try await database.write(bytes: batch.bytes) { try JournalFile.write(batch, $0) }
            FaultPoint.reach("journal_after_commit")
            if isFailing { log.info("journal_writes_again") }
            isFailing = false
            return true
        } catch {
            // Said once: it is tried again and again.
            if !isFailing { log.error("journal_failed", [], detail: error) }
            isFailing = true
            return false
        }
    }

    // MARK: Cleaning

    private func throwAway(_ rows: [ClosedRange<Int>]) {
        garbage += rows
        if !garbage.isEmpty { planCleaning() }
    }

    private func planCleaning() {
        guard !isCleaningPlanned else { return }
        isCleaningPlanned = true
        Task { [weak inbox] in
            try? await Task.sleep(for: Self.cleaningPause)
            inbox?.add(.clean(nil))
        }
    }

    /// Takes some rows of forgotten streams off the disk.
    private func cleanSome() async {
        garbage = garbage.joined()
        if let rows = garbage.first, !isFailing {
            let end = min(rows.upperBound, rows.lowerBound + Self.cleanedAtOnce - 1)
            do {
                let some = rows.lowerBound...end
                _ = try await database.write { try JournalFile.clean(some, $0) }
                // More may have come meanwhile, behind the first.
                if end == rows.upperBound { garbage.removeFirst() } else { garbage[0] = end + 1...rows.upperBound }
                if !garbage.isEmpty { return }
                try await giveRoomBack()
            } catch {
                log.warning("journal_not_cleaned", [], detail: error)
            }
        }
        isCleaning = false
        isCleaningPlanned = false
        if !garbage.isEmpty || !unforgotten.isEmpty { planCleaning() }
        for waiter in cleaned { waiter.resume() }
        cleaned = []
    }

    private func giveRoomBack() async throws {
        let free = try await database.read { try $0.row("PRAGMA freelist_count") { try $0.int(0) } ?? 0 }
        if free > Self.keptFreePages { _ = try await database.shrink(pages: free - Self.keptFreePages) }
    }
}

extension [ClosedRange<Int>] {
    /// The same numbers in ranges that neither meet nor overlap, in order.
    func joined() -> Self {
        var ranges: Self = []
        for range in sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = ranges.last, range.lowerBound <= last.upperBound + 1 {
                ranges[ranges.count - 1] = last.lowerBound...Swift.max(last.upperBound, range.upperBound)
            } else {
                ranges.append(range)
            }
        }
        return ranges
    }
}
