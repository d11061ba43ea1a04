/// What stands for `$1`, `$2` … in a statement.
public enum Value: Sendable, Hashable {
    case null
    /// `bigint`, which fits wherever a smaller number does.
    case int(Int)
    case bool(Bool)
    /// `text`; the server refuses U+0000 in it.
    case text(String)
    /// `bytea`.
    case bytes([UInt8])
    /// `uuid`; a text that is none is sent as null.
    case uuid(String)
    case ints([Int])
    case texts([String?])
    case bytesList([[UInt8]?])
    case uuids([String])

    /// Null for `nil`.
    public static func int(ifAny value: Int?) -> Value { value.map(Value.int) ?? .null }
    /// Null for `nil`.
    public static func text(ifAny value: String?) -> Value { value.map(Value.text) ?? .null }
    /// Null for `nil`.
    public static func bytes(ifAny value: [UInt8]?) -> Value { value.map(Value.bytes) ?? .null }
    /// Null for `nil`.
    public static func uuid(ifAny value: String?) -> Value { value.map(Value.uuid) ?? .null }
    /// Null for `nil`.
    public static func bool(ifAny value: Bool?) -> Value { value.map(Value.bool) ?? .null }

    /// Numbers of PostgreSQL's types, which are the same in every server (`pg_type.dat`).
    enum TypeID {
        static let bool: UInt32 = 16
        static let bytea: UInt32 = 17
        static let name: UInt32 = 19
        static let int8: UInt32 = 20
        static let int2: UInt32 = 21
        static let int4: UInt32 = 23
        static let text: UInt32 = 25
        static let float8: UInt32 = 701
        static let varchar: UInt32 = 1043
        static let uuid: UInt32 = 2950
    }

    /// The type as the server numbers it; 0 lets it find out.
    var type: UInt32 {
        switch self {
        case .null: 0
        case .int: TypeID.int8
        case .bool: TypeID.bool
        case .text: TypeID.text
        case .bytes: TypeID.bytea
        case .uuid: TypeID.uuid
        case .ints: 1016
        case .texts: 1009
        case .bytesList: 1001
        case .uuids: 2951
        }
    }

    /// About how many bytes ``write(to:)`` appends, for all but lists.
    var size: Int {
        switch self {
        case .text(let value): value.utf8.count
        case .bytes(let value): value.count
        default: 16
        }
    }

    /// Appends the value as the server sends such values itself; `false` for null, which is no bytes.
    func write(to bytes: inout [UInt8]) -> Bool {
        switch self {
        case .null: return false
        case .int(let value): bytes.append(bigEndian: Int64(value))
        case .bool(let value): bytes.append(value ? 1 : 0)
        case .text(let value): bytes += value.utf8
        case .bytes(let value): bytes += value
        case .uuid(let text):
            return bytes.append(uuid: text)
        case .ints(let list): Self.write(list.map { .int($0) }, of: TypeID.int8, to: &bytes)
        case .texts(let list): Self.write(list.map { .text(ifAny: $0) }, of: TypeID.text, to: &bytes)
        case .bytesList(let list): Self.write(list.map { .bytes(ifAny: $0) }, of: TypeID.bytea, to: &bytes)
        case .uuids(let list): Self.write(list.map { .uuid($0) }, of: TypeID.uuid, to: &bytes)
        }
        return true
    }

    /// As `array_recv` reads it: dimensions, whether nulls occur, type; length and lower bound; then each element.
    private static func write(_ list: [Value], of type: UInt32, to bytes: inout [UInt8]) {
        bytes.append(bigEndian: Int32(list.isEmpty ? 0 : 1))
        bytes.append(bigEndian: Int32(1))
        bytes.append(bigEndian: type)
        guard !list.isEmpty else { return }
        bytes.append(bigEndian: Int32(truncatingIfNeeded: list.count))
        bytes.append(bigEndian: Int32(1))
        for value in list {
            let place = bytes.count
            bytes.append(bigEndian: Int32(-1))
            guard value.write(to: &bytes) else { continue }
            let length = UInt32(truncatingIfNeeded: bytes.count - place - 4)
            for index in 0..<4 { bytes[place + index] = UInt8(truncatingIfNeeded: length >> UInt32(24 - 8 * index)) }
        }
    }
}

extension [UInt8] {
    mutating func append(bigEndian value: some FixedWidthInteger) {
        for shift in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// Appends the 16 bytes that a UUID's 32 digits stand for; hyphens are passed over.
    ///
    /// - Returns: whether it was one; else nothing is appended.
    mutating func append(uuid text: String) -> Bool {
        let start = count
        var digits = 0
        for character in text.utf8 where character != 0x2D {
            let digit: UInt8
            switch character {
            case 0x30...0x39: digit = character - 0x30
            case 0x61...0x66: digit = character - 0x57
            case 0x41...0x46: digit = character - 0x37
            default: digit = 16
            }
            guard digit < 16, digits < 32 else {
                digits = 0
                break
            }
            if digits.isMultiple(of: 2) { append(digit << 4) } else { self[count - 1] |= digit }
            digits += 1
        }
        guard digits == 32 else {
            removeSubrange(start...)
            return false
        }
        return true
    }
}
