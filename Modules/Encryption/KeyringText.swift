internal import CSodium

/// The lines of a keyring.
///
/// A line is `kind id made secret`: the kind is `fingerprint` or `key`, the id eight hexadecimal digits, then when it
/// was made (UTC), and the secret of 64 hexadecimal digits. What follows a `#` is for people.
struct KeyringText {
    var entries: [Entry] = []

    /// The most bytes a keyring may have: some 500 keys.
    static let limit = 64 << 10

    enum Kind: String {
        case fingerprint, key
    }

    struct Entry {
        var kind: Kind
        var id: KeyID
        var made: String
        var secret: SecretBytes
        /// Counted from 1.
        var line: Int
    }

    /// - Throws: ``KeyringError/malformed(source:line:reason:)``, without a character of the line.
    init(_ bytes: [UInt8], source: String) throws(KeyringError) {
        guard bytes.count <= Self.limit else {
            throw .malformed(source: source, line: 0, reason: "a keyring has at most \(Self.limit >> 10) KiB")
        }
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            do throws(Fault) {
                if let entry = try Self.entry(line, index + 1) { entries.append(entry) }
            } catch {
                throw .malformed(source: source, line: index + 1, reason: error.rawValue)
            }
        }
    }

    private enum Fault: String, Error {
        case fields = "expected 'key' or 'fingerprint', an id, when it was made, and 64 hexadecimal digits"
        case secret = "the secret is not 64 hexadecimal digits in lower case"
        case id = "the id does not belong to this secret: the line was changed"
    }

    private static func entry(_ line: ArraySlice<UInt8>, _ number: Int) throws(Fault) -> Entry? {
        let fields = line.prefix { $0 != 0x23 }.split { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        if fields.isEmpty { return nil }
        guard fields.count == 4, let kind = Kind(rawValue: String(decoding: fields[0], as: UTF8.self)),
            let id = KeyID(String(decoding: fields[1], as: UTF8.self))
        else { throw .fields }
        let made = String(decoding: fields[2], as: UTF8.self)
        guard made.utf8.count <= 40, made.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw .fields }
        let secret = try secret(fields[3])
        guard secret.keyID == id else { throw .id }
        return Entry(kind: kind, id: id, made: made, secret: secret, line: number)
    }

    private static func secret(_ digits: ArraySlice<UInt8>) throws(Fault) -> SecretBytes {
        guard digits.count == 2 * SecretBytes.count else { throw .secret }
        return try SecretBytes { target throws(Fault) in
            for index in 0..<SecretBytes.count {
                let place = digits.startIndex + 2 * index
                guard let high = Hexadecimal.value(of: digits[place]),
                    let low = Hexadecimal.value(of: digits[place + 1])
                else { throw .secret }
                target[index] = high << 4 | low
            }
        }
    }

    /// A line for a new secret, with its newline.
    static func newLine(_ kind: Kind, made: String) -> [UInt8] {
        let secret = SecretBytes.random()
        var line = Array("\(kind.rawValue) \(secret.keyID) \(made) ".utf8)
        // Room for the digits at once: growing would leave a copy of some behind.
        line.reserveCapacity(line.count + 2 * SecretBytes.count + 1)
        secret.withBytes { Hexadecimal.append($0, to: &line) }
        return line + [0x0A]
    }
}

extension SecretBytes {
    /// The name of the key, derived from it.
    var keyID: KeyID {
        derived(for: "medskyid").withBytes { KeyID(number: $0.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }) }
    }
}
