import CPQ

/// What a statement gave: its rows, or how many it changed.
///
/// The rows stay where libpq read them, and are freed with the last one who holds them.
public struct Rows: Sendable, RandomAccessCollection {
    private let result: Result

    /// Takes over a result of libpq.
    init(_ result: OpaquePointer) { self.result = Result(result) }

    /// How many rows the statement inserted, changed, deleted or found.
    public var affected: Int { Int(String(cString: PQcmdTuples(result.pointer))) ?? 0 }

    /// What the server says was done, such as `COMMIT`.
    var command: String { String(cString: PQcmdStatus(result.pointer)) }

    public var startIndex: Int { 0 }
    public var endIndex: Int { Int(PQntuples(result.pointer)) }
    public subscript(_ index: Int) -> Row { Row(result: result, index: Int32(index)) }

    /// Owns the `PGresult`.
    ///
    /// Sendable, because nobody changes a result once it is read: libpq documents that only `PGconn` objects must not be
    /// shared between threads, and that results are read-only after creation (section 34.19).
    final class Result: @unchecked Sendable {
        let pointer: OpaquePointer

        init(_ pointer: OpaquePointer) { self.pointer = pointer }

        deinit { PQclear(pointer) }
    }
}

/// One row; its columns are counted from 0.
public struct Row: Sendable {
    fileprivate let result: Rows.Result
    fileprivate let index: Int32

    /// The value of a column.
    ///
    /// - Throws: ``PostgreSQLError`` of kind `defect` when the column is of another type, or null and the value not optional.
    public func value<Column: ColumnValue>(_ column: Int, as type: Column.Type = Column.self) throws(PostgreSQLError)
        -> Column
    {
        let place = Int32(column)
        guard place >= 0, place < PQnfields(result.pointer) else {
            throw PostgreSQLError(.defect, "There is no column \(column)")
        }
        let isNull = PQgetisnull(result.pointer, index, place) != 0
        let start = UnsafeRawPointer(PQgetvalue(result.pointer, index, place))
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result.pointer, index, place)))
        let value = withExtendedLifetime(result) {
            Column(Field(bytes: isNull ? nil : bytes, type: PQftype(result.pointer, place)))
        }
        guard let value else {
            let name = PQfname(result.pointer, place).map { String(cString: $0) } ?? "\(column)"
            throw PostgreSQLError(
                .defect, "Column \(name) is \(isNull ? "null" : "of another type") and not \(Column.self)")
        }
        return value
    }

    /// Whether a column is null.
    public func isNull(_ column: Int) -> Bool { PQgetisnull(result.pointer, index, Int32(column)) != 0 }
}

/// What a column can be read as: whole numbers, text, bytes, truth, and each of them when it may be null.
public protocol ColumnValue: Sendable {
    /// - Returns: `nil` when the field holds no such value.
    init?(_ field: Field)
}

/// One column of one row, as the server sent it.
///
/// Outside this module it can only be handed on, to another ``ColumnValue``.
public struct Field {
    /// In the server's binary form; `nil` for null, and good for as long as the row.
    let bytes: UnsafeRawBufferPointer?
    let type: UInt32

    /// The bytes of a value of one of these types.
    func bytes(of types: UInt32...) -> UnsafeRawBufferPointer? { types.contains(type) ? bytes : nil }
}

extension Int: ColumnValue {
    public init?(_ field: Field) {
        guard let bytes = field.bytes(of: Value.TypeID.int2, Value.TypeID.int4, Value.TypeID.int8) else { return nil }
        let bits = bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        switch bytes.count {
        case 2: self = Int(Int16(truncatingIfNeeded: bits))
        case 4: self = Int(Int32(truncatingIfNeeded: bits))
        case 8: self = Int(Int64(bitPattern: bits))
        default: return nil
        }
    }
}

extension Bool: ColumnValue {
    public init?(_ field: Field) {
        guard let bytes = field.bytes(of: Value.TypeID.bool), bytes.count == 1 else { return nil }
        self = bytes[0] != 0
    }
}

extension Double: ColumnValue {
    public init?(_ field: Field) {
        guard let bytes = field.bytes(of: Value.TypeID.float8), bytes.count == 8 else { return nil }
        self.init(bitPattern: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}

extension String: ColumnValue {
    /// Text as it is, and a UUID in lower case with hyphens.
    public init?(_ field: Field) {
        if let bytes = field.bytes(of: Value.TypeID.text, Value.TypeID.varchar, Value.TypeID.name) {
            self.init(decoding: bytes, as: UTF8.self)
        } else if let bytes = field.bytes(of: Value.TypeID.uuid) {
            var text: [UInt8] = []
            text.reserveCapacity(36)
            for (index, byte) in bytes.enumerated() {
                if [4, 6, 8, 10].contains(index) { text.append(0x2D) }
                for digit in [byte >> 4, byte & 15] { text.append(digit < 10 ? 0x30 + digit : 0x57 + digit) }
            }
            self.init(decoding: text, as: UTF8.self)
        } else {
            return nil
        }
    }
}

extension [UInt8]: ColumnValue {
    public init?(_ field: Field) {
        guard let bytes = field.bytes(of: Value.TypeID.bytea) else { return nil }
        self.init(bytes)
    }
}

extension Optional: ColumnValue where Wrapped: ColumnValue {
    public init?(_ field: Field) {
        guard field.bytes != nil else {
            self = .none
            return
        }
        guard let value = Wrapped(field) else { return nil }
        self = .some(value)
    }
}
