package import Core

/// What a message of an event stream is, as its headers say.
package struct EventStreamHead: Sendable, Hashable {
    /// Such as `event`, `exception` or `error`; empty where the headers have none.
    package private(set) var messageType = ""
    /// The type of the event or the exception, or the code of the error, such as `contentBlockDelta`.
    package private(set) var name = ""

    private static let names = [":event-type", ":exception-type", ":error-code"]

    /// - Throws: ``Core/PlatformError`` with code `providerProtocol` for bytes that are no headers.
    package init(_ headers: Span<UInt8>) throws(PlatformError) {
        var (messageType, name) = ("", "")
        try Self.fields(of: headers) { (field, type, value) throws(PlatformError) in
            guard type == FieldType.string.rawValue, field.count > 0, field[0] == UInt8(ascii: ":") else { return }
            if field.equals(":message-type") {
                messageType = try value.text
            } else if Self.names.contains(where: { field.equals($0) }) {
                name = try value.text
            }
        }
        (self.messageType, self.name) = (messageType, name)
    }

    /// The types of a header's value, with the numbers they have on the wire.
    private enum FieldType: UInt8 {
        case yes, no, int8, int16, int32, int64, bytes, string, timestamp, uuid

        /// Bytes of a value of this type; `nil` where the value begins with its length.
        var size: Int? {
            switch self {
            case .yes, .no: 0
            case .int8: 1
            case .int16: 2
            case .int32: 4
            case .int64, .timestamp: 8
            case .uuid: 16
            case .bytes, .string: nil
            }
        }
    }

    /// Hands over each header's name, type and value, as they stand on the wire, lengths aside.
    package static func fields(
        of headers: Span<UInt8>, _ field: (Span<UInt8>, UInt8, Span<UInt8>) throws(PlatformError) -> Void
    ) throws(PlatformError) {
        var next = 0
        while next < headers.count {
            let name = try range(of: Int(headers[next]), after: next + 1, in: headers)
            guard name.upperBound < headers.count, let type = FieldType(rawValue: headers[name.upperBound]) else {
                throw EventStreamFault.headers.platformError
            }
            var start = name.upperBound + 1
            var size = type.size ?? 0
            if type.size == nil {
                let length = try range(of: 2, after: start, in: headers)
                size = Int(headers[length.lowerBound]) << 8 | Int(headers[length.lowerBound + 1])
                start = length.upperBound
            }
            let value = try range(of: size, after: start, in: headers)
            try field(headers.extracting(name), type.rawValue, headers.extracting(value))
            next = value.upperBound
        }
    }

    private static func range(
        of count: Int, after start: Int, in headers: Span<UInt8>
    ) throws(PlatformError) -> Range<Int> {
        guard start + count <= headers.count else { throw EventStreamFault.headers.platformError }
        return start..<start + count
    }
}

extension Span<UInt8> {
    fileprivate func equals(_ text: String) -> Bool {
        let other = text.utf8Span.span
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }

    fileprivate var text: String {
        get throws(PlatformError) {
            guard let text = try? UTF8Span(validating: self) else { throw EventStreamFault.headers.platformError }
            return String(copying: text)
        }
    }
}
