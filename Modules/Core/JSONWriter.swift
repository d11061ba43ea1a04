/// Writes JSON text (RFC 8259) into bytes, piece by piece, without white space.
///
/// Commas are the writer's business; that names and values alternate inside an object, and that everything begun is
/// ended, is the caller's. Hot encoders write what never changes with ``raw(_:)`` and the rest with the typed calls:
///
/// ```swift
/// var writer = JSONWriter()
/// writer.beginObject()
/// writer.name("type")
/// writer.value("progress")
/// writer.endObject()
/// ```
public struct JSONWriter: Sendable {
    /// The text so far, valid UTF-8.
    public private(set) var bytes: [UInt8]

    private var needsComma = false

    /// - Parameter bytes: what the text is appended to; its storage is used again when nobody else holds it.
    public init(appendingTo bytes: consuming [UInt8] = []) { self.bytes = bytes }

    /// Forgets the text and keeps its storage for the next one.
    public mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    public mutating func beginObject() { open(0x7B) }
    public mutating func endObject() { close(0x7D) }
    public mutating func beginArray() { open(0x5B) }
    public mutating func endArray() { close(0x5D) }

    /// The name of the member whose value is written next.
    public mutating func name(_ name: String) {
        separate()
        appendQuoted(name)
        bytes.append(0x3A)
        needsComma = false
    }

    public mutating func value(_ string: String) {
        separate()
        appendQuoted(string)
    }

    public mutating func value(_ number: Int) { value(Int64(number)) }

    public mutating func value(_ number: Int64) {
        separate()
        if number < 0 { bytes.append(0x2D) }
        let magnitude = number.magnitude
        var place: UInt64 = 1
        while magnitude / place > 9 { place *= 10 }
        while place > 0 {
            bytes.append(0x30 + UInt8(magnitude / place % 10))
            place /= 10
        }
    }

    /// The fewest digits that read back as the same number; JSON has no infinities and no NaN, they become `null`.
    public mutating func value(_ number: Double) {
        separate()
        bytes.append(contentsOf: (number.isFinite ? number.description : "null").utf8)
    }

    public mutating func value(_ flag: Bool) {
        separate()
        bytes.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    public mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// Any value, the members of objects sorted by name, so that equal values are equal texts.
    public mutating func value(_ json: JSONValue) {
        switch json {
        case .null: null()
        case .bool(let flag): value(flag)
        case .int(let number): value(number)
        case .double(let number): value(number)
        case .string(let string): value(string)
        case .array(let elements):
            beginArray()
            for element in elements { value(element) }
            endArray()
        case .object(let members): value(members)
        }
    }

    /// An object, its members sorted by name.
    public mutating func value(_ members: [String: JSONValue]) {
        beginObject()
        if members.count > 1 {
            for (name, member) in members.sorted(by: { $0.key < $1.key }) {
                self.name(name)
                value(member)
            }
        } else {
            for (name, member) in members {
                self.name(name)
                value(member)
            }
        }
        endObject()
    }

    /// Text that is JSON already, or a part of it with its own punctuation; written as it stands, with no comma before.
    ///
    /// A name or value written after it is taken to begin where the text ends: `raw("{\"a\":")` wants a value next.
    public mutating func raw(_ json: String) {
        bytes.append(contentsOf: json.utf8)
        needsComma = false
    }

    /// A string's content with the escapes JSON asks for, without the quotes around it.
    public mutating func escaped(_ string: String) { appendEscaped(string) }
}

extension JSONWriter {
    private mutating func separate() {
        if needsComma { bytes.append(0x2C) }
        needsComma = true
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func appendQuoted(_ string: String) {
        bytes.append(0x22)
        appendEscaped(string)
        bytes.append(0x22)
    }

    /// Counts what the escapes add first: almost no text needs any, and is then copied in one piece.
    private mutating func appendEscaped(_ string: String) {
        let text = string.utf8Span.span
        var added = 0
        for index in text.indices {
            let byte = text[index]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C { added += shortEscape(of: byte) == nil ? 5 : 1 }
        }
        guard added > 0 else { return bytes.append(contentsOf: string.utf8) }
        bytes.append(addingCapacity: text.count + added) { output in
            for index in text.indices {
                let byte = text[index]
                guard byte < 0x20 || byte == 0x22 || byte == 0x5C else {
                    output.append(byte)
                    continue
                }
                output.append(0x5C)
                if let letter = shortEscape(of: byte) {
                    output.append(letter)
                } else {
                    output.append(0x75)
                    output.append(0x30)
                    output.append(0x30)
                    output.append(0x30 + byte >> 4)
                    output.append(hexDigit(byte & 15))
                }
            }
        }
    }
}

/// The letter after the backslash (RFC 8259, section 7); `nil` where only `\u00xx` will do.
@inline(__always)
private func shortEscape(of byte: UInt8) -> UInt8? {
    switch byte {
    case 0x22, 0x5C: byte
    case 0x08: 0x62
    case 0x09: 0x74
    case 0x0A: 0x6E
    case 0x0C: 0x66
    case 0x0D: 0x72
    default: nil
    }
}

@inline(__always)
private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }

extension JSONValue {
    /// The value as JSON text: no white space, names sorted, so that equal values are equal texts.
    public var jsonText: String {
        var writer = JSONWriter()
        write(into: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Writes the value where the writer stands.
    public func write(into writer: inout JSONWriter) { writer.value(self) }
}
