/// Header fields in the order they stand in a message; names compare without regard to case.
public struct Headers: Sendable, Hashable, ExpressibleByDictionaryLiteral {
    /// One line of a header.
    public struct Field: Sendable, Hashable {
        /// As written; compared without regard to case.
        public var name: String
        /// Without the blanks around it.
        public var value: String
    }

    /// All fields, those of one name too.
    public private(set) var fields: [Field] = []

    /// No fields.
    public init() {}

    /// The fields in the order of the literal; a name may stand in it twice.
    public init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// The first value of a field; setting replaces all, `nil` removes all.
    public subscript(name: String) -> String? {
        get { fields.first { Self.same($0.name, name) }?.value }
        set {
            fields.removeAll { Self.same($0.name, name) }
            if let newValue { append(name, newValue) }
        }
    }

    /// All values of a field, in order.
    public func values(_ name: String) -> [String] {
        fields.filter { Self.same($0.name, name) }.map(\.value)
    }

    /// Adds a field, whether or not there is one of its name.
    public mutating func append(_ name: String, _ value: String) {
        fields.append(Field(name: name, value: value))
    }

    /// Adds the fields of `others` whose names are not there yet.
    public mutating func addMissing(_ others: Headers) {
        for field in others.fields where self[field.name] == nil { fields.append(field) }
    }

    /// Whether a field that holds a comma-separated list, such as `Accept`, names `token`.
    ///
    /// A weight of 0 means "not this" (RFC 9110, section 12.4.2); other parameters are ignored.
    public func lists(_ token: String, in name: String) -> Bool {
        values(name).contains { value in
            value.split(separator: ",").contains { part in
                let words = part.split(separator: ";", omittingEmptySubsequences: false).map { $0.trimmingBlanks() }
                guard Self.same(words[0], token) else { return false }
                let weight = words.dropFirst().first { $0.hasPrefix("q=") || $0.hasPrefix("Q=") }
                return weight.flatMap { Double($0.dropFirst(2)) } != 0
            }
        }
    }

    /// ASCII letters alone are folded (RFC 9110, section 5.1).
    static func same(_ one: some StringProtocol, _ other: some StringProtocol) -> Bool {
        let (one, other) = (one.utf8, other.utf8)
        return one.count == other.count && zip(one, other).allSatisfy { lowercased($0) == lowercased($1) }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
    }
}

extension Substring {
    /// Without the spaces and tabs at both ends.
    fileprivate func trimmingBlanks() -> Substring {
        var text = self.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
