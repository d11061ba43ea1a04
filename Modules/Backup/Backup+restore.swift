extension Backup {
    /// The folder in which files lie until all of them are there; a start does not look into it.
    static let staging = "restoring.partial"

    /// Puts the files of a backup into an empty folder.
    ///
    /// They get their names there when all are copied, compared with their hashes, and judged; the last of the manifest
    /// comes last, so that a folder without it was not restored. An attempt that was cut off may be made again.
    ///
    /// - Parameters:
    ///   - folder: the backup's.
    ///   - target: empty or not there yet; what a file system keeps there for itself (`lost+found`) does not count.
    ///   - leavingOut: names that are not restored.
    ///   - judge: gets the folder in which the files lie for now, and throws when they are not fit for use.
    /// - Throws: ``BackupError``; the target is as empty as before then.
    public static func restore(
        _ folder: String, into target: String, leavingOut: Set<String> = [],
        judge: (_ staged: String) async throws -> Void
    ) async throws(BackupError) {
        let manifest = try manifest(of: folder)
        try File.makeFolder(target)
        guard try File.names(in: target).subtracting(["lost+found", staging]).isEmpty else {
            throw .notEmpty(path: target)
        }
        let staged = "\(target)/\(staging)"
        try File.remove(staged)
        try File.makeFolder(staged)
        do {
            let files = manifest.files.filter { !leavingOut.contains($0.name) }
            for file in files { try copy(file, from: folder, to: staged) }
            do {
                try await judge(staged)
            } catch let error as BackupError {
                throw error
            } catch {
                throw BackupError.failed(part: "What was restored cannot be used", reason: "\(error)")
            }
            for file in files {
                try File.rename("\(staged)/\(file.name)", to: "\(target)/\(file.name)")
                try File.syncFolder(target)
            }
            try File.remove(staged)
            try File.syncFolder(target)
        } catch {
            try? File.remove(staged)
            throw error as? BackupError ?? .failed(part: target, reason: "\(error)")
        }
    }

    private static func copy(
        _ file: BackupManifest.File, from folder: String, to staged: String
    ) throws(BackupError) {
        guard File.exists("\(folder)/\(file.name)") else { throw .missing(file: file.name) }
        let (bytes, hash) = try File.copy("\(folder)/\(file.name)", to: "\(staged)/\(file.name)")
        guard bytes == file.bytes, hash == file.sha256 else { throw .changed(file: file.name) }
    }
}
