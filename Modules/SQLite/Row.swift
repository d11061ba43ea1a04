import CSQLite

/// The row that a statement stands on, read column by column from 0; valid within the closure it is given to.
public struct Row: ~Copyable {
    private let statement: OpaquePointer
    private let sql: SQL

    // Inlined, it brings the optimiser of Swift 6.3.1 down wherever a row is made.
    @inline(never)
    init(_ statement: Prepared, _ sql: SQL) {
        self.statement = statement.pointer
        self.sql = sql
    }

    public borrowing func isNull(_ column: Int) -> Bool { type(column) == SQLITE_NULL }

    /// - Throws: ``SQLiteError`` when the column holds something else.
    public borrowing func int(_ column: Int) throws(SQLiteError) -> Int { Int(try int64(column)) }

    /// - Throws: ``SQLiteError`` when the column holds something else.
    public borrowing func int64(_ column: Int) throws(SQLiteError) -> Int64 {
        try require(SQLITE_INTEGER, column)
        return sqlite3_column_int64(statement, Int32(column))
    }

    /// - Throws: ``SQLiteError`` when the column holds something else.
    public borrowing func bool(_ column: Int) throws(SQLiteError) -> Bool { try int64(column) != 0 }

    /// - Throws: ``SQLiteError`` when the column holds something else.
    public borrowing func double(_ column: Int) throws(SQLiteError) -> Double {
        try require(SQLITE_FLOAT, column)
        return sqlite3_column_double(statement, Int32(column))
    }

    /// - Throws: ``SQLiteError`` when the column holds something else.
    public borrowing func text(_ column: Int) throws(SQLiteError) -> String {
        try require(SQLITE_TEXT, column)
        guard let bytes = sqlite3_column_text(statement, Int32(column)) else { return "" }
        let count = Int(sqlite3_column_bytes(statement, Int32(column)))
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// - Throws: ``SQLiteError`` when the column holds something else.
    public borrowing func blob(_ column: Int) throws(SQLiteError) -> [UInt8] {
        try require(SQLITE_BLOB, column)
        let count = Int(sqlite3_column_bytes(statement, Int32(column)))
        guard count > 0, let bytes = sqlite3_column_blob(statement, Int32(column)) else { return [] }
        return Array(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// `nil` for NULL.
    ///
    /// - Throws: ``SQLiteError`` when the column holds something else.
    public borrowing func optionalInt(_ column: Int) throws(SQLiteError) -> Int? {
        isNull(column) ? nil : try int(column)
    }

    /// `nil` for NULL.
    ///
    /// - Throws: ``SQLiteError`` when the column holds something else.
    public borrowing func optionalText(_ column: Int) throws(SQLiteError) -> String? {
        isNull(column) ? nil : try text(column)
    }

    /// `nil` for NULL.
    ///
    /// - Throws: ``SQLiteError`` when the column holds something else.
    public borrowing func optionalBlob(_ column: Int) throws(SQLiteError) -> [UInt8]? {
        isNull(column) ? nil : try blob(column)
    }

    /// What the column holds, whatever it is.
    public borrowing func value(_ column: Int) throws(SQLiteError) -> Value {
        switch type(column) {
        case SQLITE_INTEGER: .integer(try int64(column))
        case SQLITE_FLOAT: .real(try double(column))
        case SQLITE_TEXT: .text(try text(column))
        case SQLITE_BLOB: .blob(try blob(column))
        default: .null
        }
    }

    private borrowing func type(_ column: Int) -> Int32 { sqlite3_column_type(statement, Int32(column)) }

    private borrowing func require(_ expected: Int32, _ column: Int) throws(SQLiteError) {
        guard type(column) == expected else {
            throw SQLiteError(
                .misuse, message: "column \(column) holds type \(type(column)), not \(expected)", sql: sql.text)
        }
    }
}
