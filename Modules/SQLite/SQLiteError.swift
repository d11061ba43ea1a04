import CSQLite

/// Why SQLite did not do what it was asked; carries the statement, never its values.
public struct SQLiteError: Error, Sendable, Hashable {
    public var kind: Kind
    /// SQLite's extended result code, as its manual lists them; 0 when the failure is none of SQLite's.
    public var code: Int32
    /// In SQLite's words, which name tables and columns and no values.
    public var message: String
    /// The statement, when there was one.
    public var sql: String?

    /// What a caller can do about it.
    public enum Kind: Sendable, Hashable {
        /// Another connection held the lock for longer than the time-out. Trying again helps.
        case busy
        /// The disk, or the file's own bound, is full. Nothing was written.
        case full
        /// The file is damaged, or is no database. It must not be written to, and never be deleted.
        case corrupt
        /// The disk failed; whether a write happened is unknown.
        case io
        /// A row breaks a rule of the schema.
        case constraint(Constraint)
        /// It took longer than it was given.
        case timedOut
        /// The file, or the disk it lies on, cannot be written to.
        case readOnly
        /// The file cannot be opened: a folder is missing, or permission.
        case cannotOpen
        /// The database was closed.
        case closed
        /// A statement that is wrong, or a column that holds something else than was asked for: a fault of the program.
        case misuse
        /// Anything else; the code says what.
        case other
    }

    /// Which rule a row breaks.
    public enum Constraint: Sendable, Hashable {
        case primaryKey
        case unique
        case foreignKey
        case notNull
        case check
        case other
    }

    public init(_ kind: Kind, code: Int32 = 0, message: String, sql: String? = nil) {
        self.kind = kind
        self.code = code
        self.message = message
        self.sql = sql
    }
}

extension SQLiteError {
    static let closed = SQLiteError(.closed, message: "the database is closed")

    /// Reads an extended result code.
    init(code: Int32, message: String, sql: String?) {
        self.init(Self.kind(of: code), code: code, message: message, sql: sql)
    }

    private static func kind(of code: Int32) -> Kind {
        switch code & 0xFF {
        case SQLITE_BUSY, SQLITE_LOCKED: .busy
        case SQLITE_FULL: .full
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
        case SQLITE_IOERR: .io
        case SQLITE_INTERRUPT: .timedOut
        case SQLITE_READONLY: .readOnly
        case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: .cannotOpen
        case SQLITE_CONSTRAINT: .constraint(constraint(of: code))
        case SQLITE_MISUSE, SQLITE_RANGE, SQLITE_MISMATCH, SQLITE_ERROR, SQLITE_SCHEMA: .misuse
        default: .other
        }
    }

    private static func constraint(of code: Int32) -> Constraint {
        switch code {
        case CConstraint.primaryKey, CConstraint.rowID: .primaryKey
        case CConstraint.unique: .unique
        case CConstraint.foreignKey: .foreignKey
        case CConstraint.notNull: .notNull
        case CConstraint.check: .check
        default: .other
        }
    }

    /// The extended codes, which are expressions that Swift does not import.
    private enum CConstraint {
        static let check = SQLITE_CONSTRAINT | 1 << 8
        static let foreignKey = SQLITE_CONSTRAINT | 3 << 8
        static let notNull = SQLITE_CONSTRAINT | 5 << 8
        static let primaryKey = SQLITE_CONSTRAINT | 6 << 8
        static let unique = SQLITE_CONSTRAINT | 8 << 8
        static let rowID = SQLITE_CONSTRAINT | 10 << 8
    }
}

extension SQLiteError: CustomStringConvertible {
    public var description: String {
        let place = sql.map { " in: \($0.split(whereSeparator: \.isWhitespace).joined(separator: " "))" } ?? ""
        return "SQLite: \(message)\(code == 0 ? "" : " (\(code))")\(place)"
    }
}
