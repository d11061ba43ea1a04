extension Keyring {
    /// Makes a key file with one key, mode 0600, and brings it to the disk; it is there whole or not at all.
    ///
    /// - Throws: ``KeyringError/exists(path:)`` when the name is taken, ``KeyringError/unwritable(path:reason:)``.
    public static func create(file path: String) throws(KeyringError) -> Keyring {
        var bytes = newText()
        defer { bytes.wipe() }
        try KeyFile(path: path).create(bytes)
        return try Keyring(file: path)
    }

    /// The lines of a new keyring, for a place that is no file, such as a secret store.
    public static func newText() -> [UInt8] {
        let made = System.now
        let parts = [
            KeyringText.newLine(.fingerprint, made: made), KeyringText.newLine(.key, made: made),
        ]
        return joined([Array(preface.utf8)] + parts)
    }

    /// The line of a new key, with its newline, for a place that is no file.
    ///
    /// Put behind the others it becomes the current one.
    public static func newLine() -> [UInt8] { KeyringText.newLine(.key, made: System.now) }

    /// Adds a new key to a key file and makes it the current one; the others stay, for reading.
    ///
    /// - Returns: its id.
    @discardableResult
    public static func rotate(file path: String) throws(KeyringError) -> KeyID {
        var line = KeyringText.newLine(.key, made: System.now)
        defer { line.wipe() }
        try KeyFile(path: path).update { bytes throws(KeyringError) in
            _ = try KeySet(KeyringText(bytes, source: source(path)), source: source(path))
            let newline: [UInt8] = bytes.last == 0x0A ? [] : [0x0A]
            let longer = joined([bytes, newline, line])
            bytes.wipe()
            bytes = longer
        }
        return try Keyring(file: path).currentKey
    }

    /// Takes a key out of a key file for good: what is still sealed with it is lost.
    ///
    /// - Throws: ``KeyringError/currentKey(_:)``, ``KeyringError/unknownKey(_:)``, or why the file cannot be changed.
    public static func retire(_ id: KeyID, file path: String) throws(KeyringError) {
        try KeyFile(path: path).update { bytes throws(KeyringError) in
            let text = try KeyringText(bytes, source: source(path))
            let keys = try KeySet(text, source: source(path))
            guard let entry = text.entries.first(where: { $0.kind == .key && $0.id == id }) else {
                throw .unknownKey(id)
            }
            guard id != keys.current.id else { throw .currentKey(id) }
            var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
            lines.remove(at: entry.line - 1)
            let shorter = joined(lines.map { Array($0) + [0x0A] }.dropLast() + [Array(lines.last ?? [])])
            bytes.wipe()
            bytes = shorter
        }
    }

    private static func source(_ path: String) -> String { "The key file '\(path)'" }

    /// The parts one after the other, in memory that is taken once.
    private static func joined(_ parts: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(parts.reduce(0) { $0 + $1.count })
        for part in parts { bytes += part }
        return bytes
    }

    private static let preface = """
        # Medstream's keys. Whoever holds this file and the data can read it; without this file nobody can.
        # Keep a copy elsewhere than the data. The last 'key' line seals what is written now; the others open what is older.
        # kind id made secret

        """
}
