internal import CSodium

/// What one reading of a keyring gave; never changes.
final class KeySet: Sendable {
    /// Oldest first; the last one seals, all of them open.
    let keys: [SealingKey]
    /// Never rotates, for what it made is looked up by what it makes.
    let fingerprintKey: SecretBytes
    /// 32 hexadecimal digits that stay the same through all rotations.
    let identity: String
    private let byID: [KeyID: SecretBytes]

    struct SealingKey: Sendable {
        var id: KeyID
        var made: String
        var secret: SecretBytes
    }

    var current: SealingKey { keys[keys.count - 1] }

    /// - Throws: ``KeyringError/malformed(source:line:reason:)``.
    init(_ text: KeyringText, source: String) throws(KeyringError) {
        let fingerprints = text.entries.filter { $0.kind == .fingerprint }
        let keys = text.entries.filter { $0.kind == .key }
        guard let fingerprint = fingerprints.first, fingerprints.count == 1 else {
            throw .malformed(
                source: source, line: fingerprints.last?.line ?? 0,
                reason: fingerprints.isEmpty
                    ? "there is no 'fingerprint' line" : "there is a second 'fingerprint' line")
        }
        guard !keys.isEmpty else { throw .malformed(source: source, line: 0, reason: "there is no 'key' line") }
        if let second = keys.enumerated().first(where: { index, key in keys[..<index].contains { $0.id == key.id } }) {
            throw .malformed(
                source: source, line: second.element.line, reason: "the key \(second.element.id) stands there twice")
        }
        self.keys = keys.map {
            SealingKey(id: $0.id, made: $0.made, secret: $0.secret.derived(for: "medsseal"))
        }
        byID = Dictionary(self.keys.map { ($0.id, $0.secret) }) { first, _ in first }
        fingerprintKey = fingerprint.secret.derived(for: "medsfing")
        identity = fingerprint.secret.derived(for: "medsring").withBytes { Hexadecimal.text($0.prefix(16)) }
    }

    func secret(_ id: KeyID) -> SecretBytes? { byID[id] }
}
