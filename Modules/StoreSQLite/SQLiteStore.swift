public import Core
public import Encryption
public import Persistence
public import SQLite

/// All that the product keeps, in one file of SQLite; the queue may lie in the same one.
///
/// Text is sealed before it comes near the file. Writes of all callers share commits. When the disk is full, a ballast file
/// beside the database is given up, so that what was begun can be finished, and nothing new is begun until there is room.
public final class SQLiteStore: Store {
    /// The file, for the queue that lies in it, and for closing it.
    public let database: Database
    let keyring: Keyring
    let node: NodeID?
    let now: @Sendable () -> Timestamp
    let ballast: Ballast?
    private let health = FileHealth()

    /// How a store is opened.
    public struct Settings: Sendable {
        public var database: Database.Settings
        /// The server process that opens it; `nil` for tools, which write no answers.
        public var node: NodeID?
        /// The file that is given up when the disk is full; `nil` for none.
        public var ballastPath: String?
        /// Bytes of that file, which are as many as the log has, that it may be moved; fewer on a disk that is small or nearly
        /// full.
        public var ballastBytes = 32 << 20

        /// Settings for a file, whose folder must be there.
        public init(path: String, node: NodeID? = nil, ballastPath: String? = nil) {
            database = Database.Settings(path: path)
            self.node = node
            self.ballastPath = ballastPath
        }
    }

    /// Opens the file, checks it for a second at most, and brings its tables up to date.
    ///
    /// - Parameters:
    ///   - settings: where it is.
    ///   - keyring: what its text is, or will be, sealed with.
    ///   - now: the time of new rows, and what the age of keys is counted in.
    /// - Throws: ``StoreFileError``.
    public convenience init(
        _ settings: Settings, _ keyring: Keyring, now: @escaping @Sendable () -> Timestamp = { .now }
    ) async throws(StoreFileError) {
        try await self.init(settings, keyring, now: now, migrations: Migration.all)
    }

    init(
        _ settings: Settings, _ keyring: Keyring, now: @escaping @Sendable () -> Timestamp, migrations: [Migration]
    ) async throws(StoreFileError) {
        let path = settings.database.path
        do {
            database = try Database(settings.database)
        } catch {
            throw error.kind == .corrupt ? .damaged(path: path, [error.message]) : .unusable(path: path, error)
        }
        self.keyring = keyring
        self.node = settings.node
        self.now = now
        ballast = settings.ballastPath.map { Ballast(path: $0, size: settings.ballastBytes) }
        do {
            try await Self.check(database)
            try await Self.prepare(database, keyring, migrations, at: now())
        } catch {
            await database.close()
            throw Self.refusal(error, path: path)
        }
    }

    private static func check(_ database: Database) async throws {
        do {
            let sentences = try await database.check(isThorough: false, within: .seconds(1))
            guard sentences.isEmpty else { throw StoreFileError.damaged(path: database.settings.path, sentences) }
        } catch let error as SQLiteError where error.kind == .timedOut {
            // So large that it is checked by `store check` rather than at each start.
        }
    }

    private static func prepare(
        _ database: Database, _ keyring: Keyring, _ migrations: [Migration], at time: Timestamp
    ) async throws {
        let identity = keyring.identity
        let known = try await database.write { transaction in
            try Migration.run(migrations, at: time.milliseconds, in: transaction)
            // The queue's tables, for the jobs that are to follow a message.
            try transaction.execute(QueueSchema.tables)
            try transaction.run("INSERT INTO meta VALUES ('keyring', ?) ON CONFLICT DO NOTHING", identity)
            return try transaction.row("SELECT value FROM meta WHERE name = 'keyring'") { row in try row.text(0) }
        }
        guard known == identity else { throw StoreFileError.wrongKey(rows: known ?? "", given: identity) }
    }

    private static func refusal(_ error: any Error, path: String) -> StoreFileError {
        switch error {
        case let error as StoreFileError: error
        case let error as SQLiteError where error.kind == .corrupt: .damaged(path: path, [error.message])
        case let error as SQLiteError: .unusable(path: path, error)
        default: .unusable(path: path, SQLiteError(.other, message: "\(error)"))
        }
    }

    /// Finishes what was begun and closes the file.
    public func close() async { await database.close() }

    /// Whether the disk is so full that nothing new is begun.
    public var isShortOfRoom: Bool { ballast.map { !$0.takeBack() } ?? false }

    /// Damage before lack of room: with damage nothing is written whatever room there is.
    public var trouble: StoreTrouble? { !damage.isEmpty ? .damaged : isShortOfRoom ? .full : nil }

    /// Bytes that are kept free for what was begun; fewer than were asked for on a disk that is small or nearly full.
    ///
    /// 0 where none are: ``isShortOfRoom`` tells whether the disk is full, or no ballast can be made on it.
    public var ballastBytes: Int {
        if case .held(let bytes)? = ballast?.condition { bytes } else { 0 }
    }

    /// What is wrong with the file, in SQLite's sentences; empty as long as nothing was found.
    ///
    /// Looked for at the start, and when the disk fails or a statement meets damage. From then on nothing is written.
    public var damage: [String] { health.damage }

    // MARK: Calling the database

    /// Writes; when the disk is full, once more with the room of the ballast.
    @discardableResult
    func write<Result: Sendable>(
        bytes: Int = 0, _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws(StoreError) -> Result {
        guard damage.isEmpty else { throw .unavailable(StoreFileError.damaged(path: database.settings.path, damage)) }
        do {
            return try await database.write(bytes: bytes, body)
        } catch {
            guard (error as? SQLiteError)?.kind == .full, let ballast, ballast.giveUp() else {
                throw failure(error)
            }
        }
        // With the ballast's room the log goes into the file, and what it took is room for more than the ballast was.
        try? await database.checkpoint()
        do {
            return try await database.write(bytes: bytes, body)
        } catch {
            throw failure(error)
        }
    }

    /// What a failure means, once the file is looked at if that gives reason to.
    private func failure(_ error: any Error) -> StoreError {
        if let error = error as? SQLiteError { health.suspect(database, after: error) }
        return StoreError(ofFile: error)
    }

    /// Writes something new, for which there must be room beside the ballast.
    @discardableResult
    func add<Result: Sendable>(
        bytes: Int = 0, _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws(StoreError) -> Result {
        guard !isShortOfRoom else { throw .full }
        return try await write(bytes: bytes, body)
    }

    /// Reads; `limit` is how long it may take, for what operators ask that goes through much.
    func read<Result: Sendable>(
        within limit: Duration? = nil, _ body: @escaping @Sendable (borrowing Transaction) throws -> Result
    ) async throws(StoreError) -> Result {
        do {
            return try await database.read(within: limit, body)
        } catch {
            throw failure(error)
        }
    }

    func place<Place>(_ cursor: String?, _ read: (String) -> Place?) throws(StoreError) -> Place? {
        guard let cursor else { return nil }
        guard let place = read(cursor) else { throw .notFound }
        return place
    }
}

extension StoreError {
    /// What a failure of the file, or of a closure, means.
    init(ofFile error: any Error) {
        self =
            switch error {
            case let error as StoreError: error
            case let error as SQLiteError where error.kind == .full: .full
            default: .unavailable(error)
            }
    }
}
