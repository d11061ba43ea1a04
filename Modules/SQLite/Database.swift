import Synchronization

/// A file of SQLite that many may use at once, from any task: one writer and a few readers, each on a thread of its own.
///
/// No call blocks its caller's thread. Writes that wait at the same time share one commit and one trip to the disk. What a
/// write has returned from is on the disk, and every later read sees it. Other processes may have the same file open.
///
/// Let go, it finishes what was begun and closes; ``close()`` waits for that.
public final class Database: Sendable {
    public let settings: Settings
    let writer: Writer
    private let reads = Mailbox<Reader.Request>()
    private let readCost = Reader.Steps()
    private let threads: Ending

    /// Opens a file and waits for the disk: not for a task on an event loop.
    ///
    /// - Throws: ``SQLiteError``, with `cannotOpen` for a path that cannot be used, `corrupt` for a file that is no
    ///   database, `busy` when another process is setting it up for longer than the time-out.
    public init(_ settings: Settings) throws(SQLiteError) {
        self.settings = settings
        try settings.makeFile()
        writer = try Writer(settings)
        var readers: [Reader] = []
        for _ in 0..<max(1, settings.readers) {
            readers.append(try Reader(settings, taking: reads, counting: readCost))
        }

        let writer = writer
        // The last to close takes what the log still holds into the file, which one that only reads may not.
        let threads = Ending(1 + readers.count) { writer.close() }
        self.threads = threads
        Thread.start(named: "sqlite-writer") {
            writer.run()
            threads.ended()
        }
        for reader in readers {
            Thread.start(named: "sqlite-reader") {
                reader.run()
                threads.ended()
            }
        }
    }

    deinit {
        writer.box.close()
        reads.close()
    }

    /// Finishes what was begun, and closes; later calls throw `closed`.
    public func close() async {
        writer.box.close()
        reads.close()
        await threads.wait()
    }

    // MARK: Using it

    /// Writes in one transaction, which may be shared with other callers, and returns when it is on the disk.
    ///
    /// When `body` throws, what it wrote is undone, and what other callers wrote is not. It may be run several times, of
    /// which only the last has an effect; so it has none but on the database. A call is not cancelled with its task, which
    /// may not be told that it wrote nothing when it did.
    ///
    /// - Parameters:
    ///   - bytes: about how much it writes, to keep commits short.
    ///   - body: runs on the writer's thread, where it holds everybody up: it computes nothing that can be computed before.
    /// - Returns: what `body` returned the last time it was run.
    /// - Throws: what `body` throws; ``SQLiteError`` when it could not be committed.
    @discardableResult
    public func write<Result: Sendable>(
        bytes: Int = 0, _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { caller in
            let work = Pending(bytes: bytes, body, for: caller)
            if !writer.box.put(work) { work.finish(.closed) }
        }
    }

    /// Reads one state of the database.
    ///
    /// - Parameters:
    ///   - limit: how long it may take; ``Settings/readLimit`` by default.
    ///   - body: runs on a reader's thread.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws; ``SQLiteError`` `timedOut` past the limit.
    public func read<Result: Sendable>(
        within limit: Duration? = nil, _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { caller in
            let work = Pending(body, for: caller)
            if !reads.put(Reader.Request(work: work, limit: limit ?? settings.readLimit)) { work.finish(.closed) }
        }
    }

    /// Runs statements on the writer's connection outside of any transaction, as `VACUUM` and some pragmas must be.
    ///
    /// - Parameter body: what it did is not undone when it throws.
    /// - Returns: what `body` returns.
    /// - Throws: what `body` throws.
    @discardableResult
    public func alone<Result: Sendable>(
        _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { caller in
            let work = Pending(isAlone: true, body, for: caller)
            if !writer.box.put(work) { work.finish(.closed) }
        }
    }

    // MARK: Looking at it

    /// What was written since it was opened.
    public var counts: Counts { writer.done }

    /// What reads cost since it was opened, in steps of SQLite's machine: some 10 ns each, whatever the clock says.
    public var readSteps: Int { readCost.count.load(ordering: .relaxed) }

    /// Callers that wait for the writer to take them.
    public var waiting: Int { writer.box.count }

    /// Bytes of the file.
    public var bytes: Int { Settings.size(of: settings.path) }

    /// Bytes of the write-ahead log; they stay near 32 MiB but for a read that stays open.
    public var walBytes: Int { settings.walBytes }
}

/// Counts threads that run; the last that ends does what is left to do, and then it is told.
private final class Ending: Sendable {
    private struct State {
        var running: Int
        var isOver = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>
    private let last: @Sendable () -> Void

    init(_ count: Int, last: @escaping @Sendable () -> Void) {
        state = Mutex(State(running: count))
        self.last = last
    }

    func ended() {
        let isLast = state.withLock { state in
            state.running -= 1
            return state.running == 0
        }
        guard isLast else { return }
        last()
        let waiting = state.withLock { state in
            state.isOver = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for caller in waiting { caller.resume() }
    }

    func wait() async {
        await withCheckedContinuation { caller in
            let isOver = state.withLock { state in
                if !state.isOver { state.waiting.append(caller) }
                return state.isOver
            }
            if isOver { caller.resume() }
        }
    }
}
