import Core

/// Copies of what is kept, each in a folder of its own with a manifest.
///
/// Nothing that is there is ever overwritten. A backup is finished when it has its manifest, and a restored folder when
/// its last file has its name.
public enum Backup {
    /// One thing to copy.
    public struct Part: Sendable {
        /// The name of its file, of small letters, digits, `.`, `-` and `_`.
        public var name: String
        /// Writes a whole copy to a path at which there is nothing, down to the disk.
        public var copy: @Sendable (_ path: String) async throws -> Void

        public init(_ name: String, copy: @escaping @Sendable (_ path: String) async throws -> Void) {
            (self.name, self.copy) = (name, copy)
        }

        /// A file that does not change meanwhile.
        public static func file(_ name: String, at path: String) -> Part {
            Part(name) { target in _ = try File.copy(path, to: target) }
        }
    }

    /// Makes a backup.
    ///
    /// - Parameters:
    ///   - parts: copied one after the other, in this order.
    ///   - folder: empty or not there yet.
    ///   - manifest: what is to be said of it; its list of files is filled in.
    /// - Returns: the manifest as it was written.
    /// - Throws: ``BackupError``; what was copied by then stays, without a manifest.
    public static func make(
        of parts: [Part], in folder: String, manifest: BackupManifest
    ) async throws(BackupError) -> BackupManifest {
        try File.makeFolder(folder)
        guard try File.names(in: folder).isEmpty else { throw .notEmpty(path: folder) }
        var manifest = manifest
        for part in parts {
            let path = "\(folder)/\(part.name)"
            do {
                try await part.copy(path)
            } catch let error as BackupError {
                throw error
            } catch {
                throw .failed(part: part.name, reason: "\(error)")
            }
            // Read again from the disk: what is hashed is what a restore will find.
            let (bytes, hash) = try File.hash(path)
            manifest.files.append(BackupManifest.File(name: part.name, bytes: bytes, sha256: hash))
        }
        let text = Array("\(manifest.json.jsonText)\n".utf8)
        let draft = "\(folder)/\(BackupManifest.fileName).partial"
        try File.write(text, to: draft)
        try File.rename(draft, to: "\(folder)/\(BackupManifest.fileName)")
        try File.syncFolder(folder)
        return manifest
    }

    /// Reads what a backup says of itself.
    ///
    /// - Throws: ``BackupError/noBackup(path:)``, ``BackupError/notUnderstood(path:reason:)``.
    public static func manifest(of folder: String) throws(BackupError) -> BackupManifest {
        let path = "\(folder)/\(BackupManifest.fileName)"
        guard let text = try File.read(path, limit: BackupManifest.limit) else { throw .noBackup(path: folder) }
        return try BackupManifest(parsing: text, path: path)
    }

    /// Compares each file of a backup with its hash.
    ///
    /// - Throws: ``BackupError/missing(file:)``, ``BackupError/changed(file:)`` for the first that differs.
    public static func verify(_ folder: String, _ manifest: BackupManifest) throws(BackupError) {
        for file in manifest.files {
            guard File.exists("\(folder)/\(file.name)") else { throw .missing(file: file.name) }
            let (bytes, hash) = try File.hash("\(folder)/\(file.name)")
            guard bytes == file.bytes, hash == file.sha256 else { throw .changed(file: file.name) }
        }
    }
}
