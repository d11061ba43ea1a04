public import Core
public import Encryption
import Glibc
import SQLite
public import Streaming
public import Telemetry

/// Streams in a file of SQLite, sealed: what was shown is found there after a crash.
///
/// All that is handed over while one commit is on its way to the disk goes into the next. A commit returns when the disk
/// has it (`synchronous=FULL`), and holds one row for each stream that had news. What waits in memory is bounded by those
/// who hand over: each has one batch under way.
///
/// The file belongs to one process at a time, which is for its caller to see to.
public final class Journal: StreamJournal {
    let database: Database
    let worker: JournalWorker
    let keyring: Keyring
    let log: Log

    /// Opens the file, which is made at need, and waits for the disk.
    ///
    /// A file that is damaged is moved aside, never deleted, and another begun: the store has what was recorded.
    ///
    /// - Parameters:
    ///   - path: of the file; its folder must be there.
    ///   - keyring: what its text is sealed with.
    ///   - log: where failures of the disk are told.
    /// - Returns: a journal to ``recover(into:on:ending:)`` from before anything is written to it.
    /// - Throws: ``JournalError``.
    public static func open(path: String, keyring: Keyring, log: Log) async throws(JournalError) -> Journal {
        do {
            let database = try Database(settings(path))
            if let finding = try await database.check(isThorough: false, within: .seconds(60)).first {
                await database.close()
                throw SQLiteError(.corrupt, message: finding)
            }
            return try await Journal(database, path, keyring, log)
        } catch let error as JournalError {
            throw error
        } catch let error as SQLiteError where error.kind == .corrupt {
            log.error("journal_damaged", [], detail: error)
            return try await openAnew(path, keyring, log)
        } catch {
            throw .cannotOpen(path: path, reason: "\(error)")
        }
    }

    private static func openAnew(_ path: String, _ keyring: Keyring, _ log: Log) async throws(JournalError) -> Journal {
        let aside = "\(path).damaged-\(Timestamp.now.milliseconds)"
        for suffix in ["", "-wal", "-shm"] { _ = unsafe rename(path + suffix, aside + suffix) }
        do {
            return try await Journal(try Database(settings(path)), path, keyring, log)
        } catch let error as JournalError {
            throw error
        } catch {
            throw .cannotOpen(path: path, reason: "\(error)")
        }
    }

    private static func settings(_ path: String) -> Database.Settings {
        var settings = Database.Settings(path: path)
        settings.readers = 1
        return settings
    }

    private init(_ database: Database, _ path: String, _ keyring: Keyring, _ log: Log) async throws {
        let identity = keyring.identity
        let opening = try await database.write { try JournalFile.prepare($0, keyring: identity) }
        switch opening {
        case .wrongKey: throw JournalError.wrongKey(path: path)
        case .tooNew(let version): throw JournalError.tooNew(path: path, version: version)
        case .well(let nextKey, let nextRow):
            worker = JournalWorker(database, keyring, log, nextKey: nextKey, nextRow: nextRow)
        }
        self.database = database
        self.keyring = keyring
        self.log = log
    }

    /// Finishes what was handed over, and closes the file; waits for a disk that hangs as long as that lasts.
    public func close() async {
        await worker.inbox.clean()
        await database.close()
    }

    /// The same, but a file that is not closed in time is left as it is, and the log says so.
    ///
    /// What was handed over and is not on the disk by then is lost, as in a crash.
    ///
    /// - Returns: whether it was closed in time.
    @discardableResult
    public func close(within limit: Duration) async -> Bool {
        let isClosed = await within(limit) { await self.close() }
        if !isClosed { log.warning("journal_left", [.duration("waited", limit)]) }
        return isClosed
    }

    // MARK: Orders

    public func write(_ entries: [JournalEntry], _ done: @escaping @Sendable (Bool) -> Void) {
        order(.write(entries, done: done))
    }

    public func forget(_ stream: StreamID) { order(.forget(stream)) }

    public var statistics: JournalStatistics {
        var statistics = worker.inbox.statistics
        statistics.fileBytes = database.bytes + database.walBytes
        return statistics
    }

    /// Lets go of all that was written of a user, or of one conversation of theirs, and returns when it is off the disk.
    ///
    /// Streams of theirs that are running are removed from the hub before, which has them write no more.
    ///
    /// - Parameters:
    ///   - owner: whose they are.
    ///   - conversation: the one they are part of; `nil` for all.
    ///   - isKept: tells which stay, such as those of somebody who came back.
    /// - Throws: `SQLiteError` when the disk fails.
    public func forget(
        _ owner: UserID, in conversation: ConversationID? = nil, unless isKept: (StreamID) -> Bool = { _ in false }
    ) async throws {
        // What was handed over before is found in the file then.
        await worker.inbox.settled()
        let streams = try await database.read { try JournalFile.streams(of: owner, in: conversation, $0) }
        for stream in streams where !isKept(stream) { forget(stream) }
        await worker.inbox.clean()
    }

    func order(_ order: JournalOrder) { worker.inbox.add(order) }
}
