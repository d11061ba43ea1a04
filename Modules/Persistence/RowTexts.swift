/// A row that is there and cannot be read; it names the row and nothing of what is in it.
public struct UnreadableRow: Error, Sendable, CustomStringConvertible {
    public let table: String
    public let row: String
    /// Why, such as that its key is not in the keyring.
    public let reason: String

    package init(table: String, row: String, reason: String) {
        self.table = table
        self.row = row
        self.reason = reason
    }

    public var description: String { "Row \(row) of \(table) cannot be read: \(reason)" }
}

/// The texts of one row as the bytes that are sealed together: each text behind its length in four bytes, the highest
/// first.
package enum RowTexts {
    package static func packed(_ texts: [String]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(texts.reduce(0) { $0 + $1.utf8.count + 4 })
        for text in texts {
            let length = UInt32(truncatingIfNeeded: text.utf8.count)
            for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
            bytes += text.utf8
        }
        return bytes
    }

    /// - Returns: `nil` unless the bytes are so many texts and nothing else.
    package static func unpacked(_ bytes: [UInt8], count: Int) -> [String]? {
        var rest = bytes[...]
        var texts: [String] = []
        while rest.count >= 4, texts.count < count {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            let bytes = rest.dropFirst(4).prefix(length)
            guard bytes.count == length, let text = String(validating: bytes, as: UTF8.self) else { break }
            texts.append(text)
            rest = rest.dropFirst(4 + length)
        }
        return texts.count == count && rest.isEmpty ? texts : nil
    }
}
