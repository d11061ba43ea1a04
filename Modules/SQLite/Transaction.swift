import CSQLite

/// What statements are run on; valid within the closure it is given to.
///
/// All statements of one closure see one state of the database and have their effect together or not at all.
// One that is handed to a call without a name of its own, as is a `Row`, crashes the optimiser of Swift 6.3.1.
public struct Transaction: ~Copyable {
    private let connection: Connection

    // Inlined, it brings the optimiser of Swift 6.3.1 down wherever a transaction is made.
    @inline(never)
    init(_ connection: Connection) { self.connection = connection }

    /// Runs a statement and lets its rows fall.
    ///
    /// - Returns: how many rows it inserted, changed or deleted.
    @discardableResult
    public borrowing func run(_ sql: SQL, _ values: (any Bindable)?...) throws(SQLiteError) -> Int {
        let statement = try bound(sql, values)
        defer { connection.putBack(statement) }
        while try step(statement, sql) {}
        return connection.lastChanges
    }

    /// The rows of a statement, read one by one.
    public borrowing func rows<Element>(
        _ sql: SQL, _ values: (any Bindable)?..., read: (borrowing Row) throws -> Element
    ) throws -> [Element] {
        let statement = try bound(sql, values)
        defer { connection.putBack(statement) }
        var elements: [Element] = []
        while try step(statement, sql) {
            let row = Row(statement, sql)
            elements.append(try read(row))
        }
        return elements
    }

    /// The first row of a statement; `nil` when it has none.
    public borrowing func row<Element>(
        _ sql: SQL, _ values: (any Bindable)?..., read: (borrowing Row) throws -> Element
    ) throws -> Element? {
        let statement = try bound(sql, values)
        defer { connection.putBack(statement) }
        guard try step(statement, sql) else { return nil }
        let row = Row(statement, sql)
        return try read(row)
    }

    /// Goes through the rows of a statement for as long as `body` says so; no further row is looked for.
    public borrowing func forEach(
        _ sql: SQL, _ values: (any Bindable)?..., body: (borrowing Row) throws -> Bool
    ) throws {
        let statement = try bound(sql, values)
        defer { connection.putBack(statement) }
        while try step(statement, sql) {
            let row = Row(statement, sql)
            guard try body(row) else { return }
        }
    }

    /// Whether a statement has a row.
    public borrowing func exists(_ sql: SQL, _ values: (any Bindable)?...) throws(SQLiteError) -> Bool {
        let statement = try bound(sql, values)
        defer { connection.putBack(statement) }
        return try step(statement, sql)
    }

    /// Runs a text of any number of statements without parameters.
    public borrowing func execute(_ script: SQL) throws(SQLiteError) { try connection.execute(script) }

    // MARK: Stepping

    private borrowing func bound(_ sql: SQL, _ values: [(any Bindable)?]) throws(SQLiteError) -> Prepared {
        let statement = try connection.take(sql)
        guard Int(sqlite3_bind_parameter_count(statement.pointer)) == values.count else {
            connection.putBack(statement)
            throw SQLiteError(.misuse, message: "\(values.count) values were given", sql: sql.text)
        }
        for (index, value) in values.enumerated() {
            let code = bind(value?.value ?? .null, to: statement.pointer, at: Int32(index + 1))
            guard code == SQLITE_OK else {
                let error = connection.error(code, sql)
                connection.putBack(statement)
                throw error
            }
        }
        return statement
    }

    private borrowing func bind(_ value: Value, to statement: OpaquePointer, at index: Int32) -> Int32 {
        switch value {
        case .null: return sqlite3_bind_null(statement, index)
        case .integer(let number): return sqlite3_bind_int64(statement, index, number)
        case .real(let number): return sqlite3_bind_double(statement, index, number)
        case .text(var text):
            return text.withUTF8 { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    // An empty text has an address, or it would be NULL.
                    medstream_sqlite_bind_text(statement, index, $0.baseAddress ?? emptyText, UInt64($0.count))
                }
            }
        case .blob(let bytes):
            return bytes.withUnsafeBytes {
                medstream_sqlite_bind_blob(statement, index, $0.baseAddress, UInt64($0.count))
            }
        }
    }

    /// - Returns: whether there is a row.
    private borrowing func step(_ statement: Prepared, _ sql: SQL) throws(SQLiteError) -> Bool {
        switch sqlite3_step(statement.pointer) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code: throw connection.error(code, sql)
        }
    }
}

/// What an empty text is bound as.
nonisolated(unsafe) private let emptyText: UnsafePointer<CChar> = {
    let byte = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
    byte.initialize(to: 0)
    return UnsafePointer(byte)
}()
