public import Core
import JSON

/// What a backup holds and belongs to: the file `manifest.json` in its folder, written when all else is there.
public struct BackupManifest: Sendable, Hashable {
    /// The version of the program that made it.
    public var product: String
    public var made: Timestamp
    /// The identity of the keyring that opens it.
    public var keyring: String
    /// The ids of the keys that were in the keyring, oldest first.
    public var keys: [String]
    /// In the order they were copied.
    public var files: [File]

    /// One file of a backup.
    public struct File: Sendable, Hashable {
        /// Without any folder.
        public var name: String
        public var bytes: Int
        /// SHA-256, as 64 hexadecimal digits.
        public var sha256: String

        public init(name: String, bytes: Int, sha256: String) {
            (self.name, self.bytes, self.sha256) = (name, bytes, sha256)
        }
    }

    public init(
        product: String = Product.version, made: Timestamp, keyring: String, keys: [String], files: [File] = []
    ) {
        self.product = product
        self.made = made
        self.keyring = keyring
        self.keys = keys
        self.files = files
    }

    /// The name of the file.
    public static let fileName = "manifest.json"
    /// What ``Backup`` understands; written into each manifest.
    static let version = 1
    /// More than any manifest has.
    static let limit = 1 << 20

    /// The file's text.
    public var json: JSONValue {
        [
            "format": "medstream-backup", "version": .int(Int64(Self.version)), "product": .string(product),
            "made": .string(made.description), "made_ms": .int(made.milliseconds), "keyring": .string(keyring),
            "keys": .array(keys.map(JSONValue.string)),
            "files": .array(
                files.map { file in
                    [
                        "name": .string(file.name), "bytes": .int(Int64(file.bytes)), "sha256": .string(file.sha256),
                    ]
                }),
        ]
    }

    /// - Throws: ``BackupError/notUnderstood(path:reason:)``.
    init(parsing text: [UInt8], path: String) throws(BackupError) {
        guard let json = try? JSONValue(parsing: text), json["format"]?.string == "medstream-backup" else {
            throw .notUnderstood(path: path, reason: "it is no manifest of a backup")
        }
        guard let version = json["version"]?.int, version == Self.version else {
            throw .notUnderstood(path: path, reason: "another version of medstream made it; use that one")
        }
        guard let product = json["product"]?.string, let made = json["made_ms"]?.int,
            let keyring = json["keyring"]?.string, let keys = json["keys"]?.array, let files = json["files"]?.array
        else { throw .notUnderstood(path: path, reason: "a part of it is missing") }
        self.init(
            product: product, made: Timestamp(milliseconds: Int64(made)), keyring: keyring,
            keys: keys.compactMap(\.string), files: files.compactMap(File.init))
        guard self.files.count == files.count, self.keys.count == keys.count,
            Set(self.files.map(\.name)).count == files.count
        else { throw .notUnderstood(path: path, reason: "its list of files is damaged") }
    }
}

extension BackupManifest.File {
    /// - Returns: `nil` also for a name that would lead out of the folder, or that the product has no use for.
    init?(_ json: JSONValue) {
        guard let name = json["name"]?.string, let bytes = json["bytes"]?.int, let sha256 = json["sha256"]?.string,
            !name.isEmpty, name.utf8.allSatisfy(Self.isPlain), name.first != ".", bytes >= 0, sha256.utf8.count == 64
        else { return nil }
        self.init(name: name, bytes: bytes, sha256: sha256)
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte) || [0x2D, 0x2E, 0x5F].contains(byte)
    }
}
