import Core
public import Encryption
public import Journal
public import Persistence
import PostgreSQL
import SQLite
public import Settings
import StorePostgres
import StoreSQLite
import Streaming
public import Telemetry

/// All that is kept of an installation, opened as its settings say.
public struct Storage: Sendable {
    public let store: any Store
    /// What a worker drains, by name: the store's own queue, and the spool where there is one.
    public let queues: [(name: String, queue: any JobQueue)]
    /// Where turns wait while the store cannot be reached; `nil` where the store is a file on the same disk.
    public let spool: (any JobQueue)?
    /// `nil` for all but a server, and where nothing is to be written down.
    public let journal: Journal?
    /// What text is sealed with; `nil` where nothing is written.
    public let keyring: Keyring?
    /// Held by a server, whose answers nobody else may take for abandoned.
    private let lock: FileLock?
    private let databases: [Database]
    private let directory: DataDirectory?
    /// The file of the store; `nil` where it is in PostgreSQL or in memory.
    public let storePath: String?
    private let log: Log

    /// What a process opens it for.
    public enum Role: Sendable {
        /// Serves users; one for each data directory.
        case server
        /// Drains the queues.
        case worker
        /// Looks after it, from a terminal.
        case tool
    }

    /// Opens everything, making and migrating what is missing or old; several processes may do so at once.
    ///
    /// - Throws: ``StorageError``, which says what to do.
    public static func open(_ settings: Settings, for role: Role, log: Log) async throws(StorageError) -> Storage {
        guard settings.persistence.store != .memory else { return Storage(store: InMemoryStore(), log: log) }
        let directory = try DataDirectory(settings.dataDirectory)
        let lock = role == .server ? try directory.lock("server.lock") : nil
        let keyring = try keyring(settings, directory, role, log)
        let journal = try await journal(settings, directory, role, keyring, log)
        return switch settings.persistence.store {
        case .postgres: try await postgres(settings, directory, role, keyring, journal, lock, log)
        case .sqlite, .memory: try await sqlite(settings, directory, role, keyring, journal, lock, log)
        }
    }

    /// Finishes what was begun, and closes the files; waits for a disk that hangs as long as that lasts.
    public func close() async {
        await journal?.close()
        for database in databases { await database.close() }
    }

    /// The same, but what is not closed in time is left, and the log says so.
    ///
    /// Nothing that was acknowledged is lost with it: that is on the disk already, and the next start finds it. The lock on
    /// the data directory is held until the process ends.
    ///
    /// - Parameter limit: for all of the files together.
    public func close(within limit: Duration) async {
        await withTaskGroup(of: Void.self) { [log] group in
            if let journal { group.addTask { await journal.close(within: limit) } }
            for database in databases {
                group.addTask {
                    if await !within(limit, { await database.close() }) {
                        log.warning("store_left", [.duration("waited", limit)])
                    }
                }
            }
        }
    }

    /// The files of SQLite that there are, by the names they have in a backup, the store's last.
    public var files: [(name: String, path: String)] {
        let beside = [Self.journalName, Spool.name].compactMap { name in
            directory.map { (name: name, path: $0.file(name)) }
        }.filter { DataDirectory.isThere($0.path) }
        return beside + (storePath.map { [(Self.storeFile, $0)] } ?? [])
    }

    private init(
        store: any Store, queues: [(name: String, queue: any JobQueue)] = [], spool: (any JobQueue)? = nil,
        journal: Journal? = nil, keyring: Keyring? = nil, lock: FileLock? = nil, databases: [Database] = [],
        in directory: DataDirectory? = nil, storePath: String? = nil, log: Log
    ) {
        self.store = store
        self.queues = queues
        self.spool = spool
        self.journal = journal
        self.keyring = keyring
        self.lock = lock
        self.databases = databases
        self.directory = directory
        self.storePath = storePath
        self.log = log
    }

    // MARK: The kinds of stores

    private static func sqlite(
        _ settings: Settings, _ directory: DataDirectory, _ role: Role, _ keyring: Keyring, _ journal: Journal?,
        _ lock: FileLock?, _ log: Log
    ) async throws(StorageError) -> Storage {
        do {
            let ballast = role == .server ? directory.file("ballast") : nil
            let file = SQLiteStore.Settings(
                path: settings.persistence.path, node: role == .server ? NodeID() : nil, ballastPath: ballast)
            let store = try await SQLiteStore(file, keyring)
            if ballast != nil { tell(store, wanted: file.ballastBytes, log) }
            let queue = try await SQLiteQueue(store.database, keyring)
            return Storage(
                store: store, queues: [("store", queue)], journal: journal, keyring: keyring, lock: lock,
                databases: [store.database], in: directory, storePath: settings.persistence.path, log: log)
        } catch {
            throw .store("\(error)")
        }
    }

    /// Says when there is less to finish answers with than there should be, or nothing may be begun at all.
    private static func tell(_ store: SQLiteStore, wanted: Int, _ log: Log) {
        let bytes = store.ballastBytes
        if store.isShortOfRoom {
            log.error("disk_full")
        } else if bytes == 0 {
            log.warning("ballast_left_out")
        } else if bytes < wanted {
            log.warning("ballast_small", [.count("bytes", bytes)])
        }
    }

    private static func postgres(
        _ settings: Settings, _ directory: DataDirectory, _ role: Role, _ keyring: Keyring, _ journal: Journal?,
        _ lock: FileLock?, _ log: Log
    ) async throws(StorageError) -> Storage {
        do {
            let timeout = settings.persistence.timeout
            let limits = Pool.Limits(
                connections: settings.persistence.connections, connectTimeout: timeout, timeout: timeout)
            let database = try await PostgresDatabase.open(
                try ServerAddress(settings.persistence.url?.reveal() ?? ""), limits: limits, keyring: keyring)
            let node = role == .server ? try await PostgresNode(joining: database) : nil
            let spool = try await Spool(in: directory, keyring)
            return Storage(
                store: PostgresStore(database, node: node),
                queues: [("store", PostgresQueue(database)), ("spool", spool.queue)], spool: spool.queue,
                journal: journal, keyring: keyring, lock: lock, databases: [spool.file], in: directory, log: log)
        } catch let error as PostgresOpenError {
            if case .unreachable = error { throw .unreachable("\(error)") }
            throw .store("\(error)")
        } catch let error as StoreError {
            throw .unreachable("PostgreSQL went away at the start: \(error)")
        } catch {
            throw .store("\(error)")
        }
    }

    // MARK: Keys and journal

    /// What the store's file is called in a backup, and in a data directory unless the settings say otherwise.
    public static let storeFile = "medstream.sqlite"
    private static let journalName = "journal.sqlite"

    private static func keyring(
        _ settings: Settings, _ directory: DataDirectory, _ role: Role, _ log: Log
    ) throws(StorageError) -> Keyring {
        do throws(KeyringError) {
            return try settings.encryption.keyring()
        } catch {
            guard case .missing(let path) = error, role != .tool else { throw .keyring(error) }
            // Only where nothing was sealed yet may a new key be made: elsewhere it would hide that the old one is lost.
            let files = [settings.persistence.path] + [Spool.name, journalName].map(directory.file)
            if let data = files.first(where: DataDirectory.isThere) { throw .keyFileLost(path, data: data) }
        }
        do throws(KeyringError) {
            let keyring = try settings.encryption.createKeyring()
            log.info("key_file_made", [.text("file", settings.encryption.keyFile)])
            return keyring
        } catch {
            // A server and a worker that start together: one of them makes it.
            guard case .exists = error else { throw .keyring(error) }
        }
        do throws(KeyringError) { return try settings.encryption.keyring() } catch { throw .keyring(error) }
    }

    private static func journal(
        _ settings: Settings, _ directory: DataDirectory, _ role: Role, _ keyring: Keyring, _ log: Log
    ) async throws(StorageError) -> Journal? {
        guard role == .server, settings.streaming.durability != .off else { return nil }
        do throws(JournalError) {
            return try await Journal.open(path: directory.file(journalName), keyring: keyring, log: log)
        } catch {
            throw .store(error.description)
        }
    }
}
