import Foundation
import Hashing

/// Files and folders, for their owner alone, down to the disk.
enum File {
    private static let pieceBytes = 1 << 20

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    static func names(in folder: String) throws(BackupError) -> Set<String> {
        try told(folder) { Set(try FileManager.default.contentsOfDirectory(atPath: folder)) }
    }

    /// Makes a folder, and those that lead to it, unless it is there.
    static func makeFolder(_ path: String) throws(BackupError) {
        try told(path) {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        }
    }

    /// Removes a file, or a folder with all in it, if it is there.
    static func remove(_ path: String) throws(BackupError) {
        guard exists(path) else { return }
        try told(path) { try FileManager.default.removeItem(atPath: path) }
    }

    /// The bytes of a small file; `nil` when there is none.
    static func read(_ path: String, limit: Int) throws(BackupError) -> [UInt8]? {
        guard exists(path) else { return nil }
        return try told(path) {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }
            return try Array(file.read(upToCount: limit) ?? Data())
        }
    }

    static func write(_ bytes: [UInt8], to path: String) throws(BackupError) {
        try told(path) {
            let file = try create(path)
            defer { try? file.close() }
            try file.write(contentsOf: Data(bytes))
            try file.synchronize()
        }
    }

    /// The size and the SHA-256 of a file.
    static func hash(_ path: String) throws(BackupError) -> (bytes: Int, hash: String) {
        try pass(path, to: nil)
    }

    /// Copies a file to a path at which there is nothing, down to the disk.
    ///
    /// - Returns: the size and the SHA-256 of what was copied.
    static func copy(_ path: String, to target: String) throws(BackupError) -> (bytes: Int, hash: String) {
        let target = try told(target) { try create(target) }
        defer { try? target.close() }
        let result = try pass(path, to: target)
        try told(path) { try target.synchronize() }
        return result
    }

    private static func pass(_ path: String, to target: FileHandle?) throws(BackupError) -> (bytes: Int, hash: String) {
        try told(path) {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            defer { try? file.close() }
            var hash = SHA256()
            var bytes = 0
            while let piece = try file.read(upToCount: pieceBytes), !piece.isEmpty {
                hash.update(piece.span)
                bytes += piece.count
                try target?.write(contentsOf: piece)
            }
            return (bytes, hash.hexDigest())
        }
    }

    /// A new file with mode 0600.
    private static func create(_ path: String) throws -> FileHandle {
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        return FileHandle(fileDescriptor: file, closeOnDealloc: false)
    }

    static func rename(_ path: String, to target: String) throws(BackupError) {
        guard unsafe Glibc.rename(path, target) == 0 else { throw .inaccessible(path: target, reason: reason) }
    }

    /// Makes the names in a folder as durable as the files.
    static func syncFolder(_ path: String) throws(BackupError) {
        let folder = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .inaccessible(path: path, reason: reason) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw .inaccessible(path: path, reason: reason) }
    }

    /// What the system says about the last call that failed.
    private static var reason: String { unsafe String(cString: strerror(errno)) }

    /// Turns what Foundation throws into an error that names the path.
    private static func told<Result: ~Copyable>(
        _ path: String, _ body: () throws -> Result
    ) throws(BackupError) -> Result {
        do {
            return try body()
        } catch {
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError ?? error as NSError
            let reason =
                cause.domain == NSPOSIXErrorDomain
                ? unsafe String(cString: strerror(Int32(cause.code))) : error.localizedDescription
            throw .inaccessible(path: path, reason: reason)
        }
    }
}
