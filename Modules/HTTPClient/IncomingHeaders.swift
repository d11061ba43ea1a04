/// The header fields of a response, in order; names are looked up whatever their case.
///
/// Kept as the bytes that came, because most are never looked at and a stream may stay open for long.
public struct IncomingHeaders: Sendable {
    /// Bytes of all field lines together; a server that sends more breaks the protocol's good manners, not ours.
    static let maxBytes = 64 * 1024

    /// Whole lines `name:value`, each ended by LF.
    private var lines: [UInt8] = []

    init() {}

    var byteCount: Int { lines.count }

    mutating func append(line: Span<UInt8>) {
        lines.reserveCapacity(lines.count + line.count)
        for index in line.indices { lines.append(line[index]) }
    }

    mutating func removeAll() { lines = [] }

    /// The value of the first field of that name, without the white space around it.
    public subscript(name: String) -> String? {
        for field in fields where Self.matches(field.name, name) { return Self.text(field.value) }
        return nil
    }

    /// The values of all fields of that name, in order.
    public func all(_ name: String) -> [String] {
        fields.filter { Self.matches($0.name, name) }.map { Self.text($0.value) }
    }

    /// All fields, with names as they were sent.
    public var pairs: [(name: String, value: String)] {
        fields.map { (String(decoding: $0.name, as: UTF8.self), Self.text($0.value)) }
    }

    private typealias Field = (name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)

    private var fields: some Sequence<Field> {
        lines.split(separator: UInt8(ascii: "\n")).lazy.compactMap { line -> Field? in
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
            return (line[..<colon], line[(colon + 1)...])
        }
    }

    private static func matches(_ found: ArraySlice<UInt8>, _ name: String) -> Bool {
        found.count == name.utf8.count && zip(found, name.utf8).allSatisfy { lowercased($0) == lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private static func text(_ value: ArraySlice<UInt8>) -> String {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D }
        var value = value.drop(while: isSpace)
        while let last = value.last, isSpace(last) { value.removeLast() }
        return String(decoding: value, as: UTF8.self)
    }
}

/// The status line and the header fields, as they come in line by line.
struct ResponseHead {
    private(set) var status = 0
    private(set) var headers = IncomingHeaders()
    private(set) var isComplete = false

    /// Takes one line with its line end.
    ///
    /// An interim response (RFC 9110 section 15.2) is forgotten when the next status line comes; trailers are skipped.
    /// - Returns: false when there is more of it than a response may have.
    mutating func receive(line: Span<UInt8>) -> Bool {
        guard !isComplete else { return true }
        if isBlank(line) {
            if status >= 200 { isComplete = true }
        } else if let newStatus = statusCode(in: line) {
            status = newStatus
            headers.removeAll()
        } else {
            guard headers.byteCount + line.count <= IncomingHeaders.maxBytes else { return false }
            headers.append(line: line)
        }
        return true
    }

    private func isBlank(_ line: Span<UInt8>) -> Bool {
        line.count == 0 || line[0] == UInt8(ascii: "\r") || line[0] == UInt8(ascii: "\n")
    }

    /// libcurl has checked the line; what is left is to find the three digits after the first space.
    private func statusCode(in line: Span<UInt8>) -> Int? {
        let start = Array("HTTP/".utf8)
        guard line.count > start.count, start.indices.allSatisfy({ line[$0] == start[$0] }) else { return nil }
        guard let space = line.indices.first(where: { line[$0] == UInt8(ascii: " ") }) else { return nil }
        var code = 0
        for index in (space + 1)..<line.count {
            guard case UInt8(ascii: "0")...UInt8(ascii: "9") = line[index], code < 100 else { break }
            code = code * 10 + Int(line[index] - UInt8(ascii: "0"))
        }
        return code
    }
}
