/// How a sealed value is laid out, and what it is bound to.
///
/// | bytes | what |
/// | --- | --- |
/// | 1 | version, 1 |
/// | 4 | number of the key, highest byte first |
/// | 24 | nonce |
/// | rest | ciphertext, as long as the text, and its tag of 16 bytes |
///
/// The associated data is table, column and row, each as its length in UTF-8 (4 bytes, highest first) and its UTF-8,
/// and then the envelope's first 5 bytes.
enum Envelope {
    static let version: UInt8 = 1
    static let headBytes = 5
    static let overhead = headBytes + AEAD.nonceBytes + AEAD.tagBytes

    static func head(_ key: KeyID) -> [UInt8] { [version] + bigEndian(key.number) }

    /// The key's number; `nil` when the bytes are no envelope that this version of the program can read.
    static func keyID(of sealed: Span<UInt8>) -> KeyID? {
        guard sealed.count >= overhead, sealed[0] == version else { return nil }
        return KeyID(number: (1..<headBytes).reduce(0) { $0 << 8 | UInt32(sealed[$1]) })
    }

    static func associated(_ place: SealedPlace, _ head: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(
            12 + place.table.utf8.count + place.column.utf8.count + place.row.utf8.count + head.count)
        for part in [place.table, place.column, place.row] { append(part, to: &bytes) }
        return bytes + head
    }

    /// Appends a text so that no two lists of texts give the same bytes.
    static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes += bigEndian(UInt32(text.utf8.count))
        bytes += text.utf8
    }

    private static func bigEndian(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
