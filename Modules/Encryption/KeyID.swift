/// The name of a key: the first 32 bits of a value derived from it, so that a key cannot stand under another's name.
public struct KeyID: Sendable, Hashable {
    /// As it stands in an envelope, highest byte first.
    public let number: UInt32

    /// The key with a number.
    public init(number: UInt32) { self.number = number }

    /// - Returns: `nil` unless `text` is eight hexadecimal digits in lower case.
    public init?(_ text: String) {
        guard text.utf8.count == 8, text.utf8.allSatisfy({ Hexadecimal.value(of: $0) != nil }),
            let number = UInt32(text, radix: 16)
        else { return nil }
        self.number = number
    }
}

extension KeyID: CustomStringConvertible {
    /// Eight hexadecimal digits in lower case.
    public var description: String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.utf8.count) + digits
    }
}
