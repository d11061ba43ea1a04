import Foundation
import Glibc

/// The folder of every file that the product writes, and the right to use it.
struct DataDirectory: Sendable {
    let path: String

    /// Makes the folder, for its owner alone, when it is missing.
    init(_ path: String) throws(StorageError) {
        self.path = path
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw .folder(path, error.localizedDescription)
        }
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Whether there is a file.
    static func isThere(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// Takes a lock that the kernel frees when the process ends, however it ends.
    ///
    /// Two servers on one folder would each take the other's running answers for abandoned ones.
    func lock(_ name: String) throws(StorageError) -> FileLock {
        guard let lock = try FileLock(file(name)) else { throw .inUse(path) }
        return lock
    }
}

/// A lock on a file, held until this is let go of.
public final class FileLock: Sendable {
    private let descriptor: Int32

    /// - Returns: `nil` when another process holds it.
    init?(_ path: String) throws(StorageError) {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .folder(path, unsafe String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
