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
    private let files: [Database]

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
        guard settings.persistence.store != .memory else { return Storage(store: InMemoryStore()) }
        let directory = try DataDirectory(settings.dataDirectory)
        let lock = role == .server ? try directory.lock("server.lock") : nil
        let keyring = try keyring(settings, directory, role, log)
        let journal = try await journal(settings, directory, role, keyring, log)
        return switch settings.persistence.store {
        case .postgres: try await postgres(settings, directory, role, keyring, journal, lock)
        case .sqlite, .memory: try await sqlite(settings, directory, role, keyring, journal, lock)
        }
    }

    /// Finishes what was begun, and closes the files.
    public func close() async {
        await journal?.close()
        for file in files { await file.close() }
    }

    private init(
        store: any Store, queues: [(name: String, queue: any JobQueue)] = [], spool: (any JobQueue)? = nil,
        journal: Journal? = nil, keyring: Keyring? = nil, lock: FileLock? = nil, files: [Database] = []
    ) {
        self.store = store
        self.queues = queues
        self.spool = spool
        self.journal = journal
        self.keyring = keyring
        self.lock = lock
        self.files = files
    }

    // MARK: The kinds of stores

    private static func sqlite(
        _ settings: Settings, _ directory: DataDirectory, _ role: Role, _ keyring: Keyring, _ journal: Journal?,
        _ lock: FileLock?
    ) async throws(StorageError) -> Storage {
        do {
            let ballast = role == .server ? directory.file("ballast") : nil
            let file = SQLiteStore.Settings(
                path: settings.persistence.path, node: role == .server ? NodeID() : nil, ballastPath: ballast)
            let store = try await SQLiteStore(file, keyring)
            let queue = try await SQLiteQueue(store.database, keyring)
            return Storage(
                store: store, queues: [("store", queue)], journal: journal, keyring: keyring, lock: lock,
                files: [store.database])
        } catch {
            throw .store("\(error)")
        }
    }

    private static func postgres(
        _ settings: Settings, _ directory: DataDirectory, _ role: Role, _ keyring: Keyring, _ journal: Journal?,
        _ lock: FileLock?
    ) async throws(StorageError) -> Storage {
        do {
            let timeout = settings.persistence.timeout
            let limits = Pool.Limits(
                connections: settings.persistence.connections, connectTimeout: timeout, timeout: timeout)
            let database = try await PostgresDatabase.open(
                try ServerAddress(settings.persistence.url?.reveal() ?? ""), limits: limits, keyring: keyring)
            let node = role == .server ? try await PostgresNode(joining: database) : nil
            let file = try Database(Database.Settings(path: directory.file(spoolName)))
            let spool = try await SQLiteQueue(file, keyring)
            return Storage(
                store: PostgresStore(database, node: node),
                queues: [("store", PostgresQueue(database)), ("spool", spool)], spool: spool, journal: journal,
                keyring: keyring, lock: lock, files: [file])
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

    private static let spoolName = "spool.sqlite"
    private static let journalName = "journal.sqlite"

    private static func keyring(
        _ settings: Settings, _ directory: DataDirectory, _ role: Role, _ log: Log
    ) throws(StorageError) -> Keyring {
        do throws(KeyringError) {
            return try settings.encryption.keyring()
        } catch {
            guard case .missing(let path) = error, role != .tool else { throw .keyring(error) }
            // Only where nothing was sealed yet may a new key be made: elsewhere it would hide that the old one is lost.
            let files = [settings.persistence.path] + [spoolName, journalName].map(directory.file)
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
