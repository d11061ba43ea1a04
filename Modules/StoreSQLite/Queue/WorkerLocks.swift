import Foundation
import Glibc
import Persistence

/// The locks that prove workers alive: each holds `flock` on a file named after it, which the kernel frees at its death.
struct WorkerLocks: Sendable {
    let folder: String

    /// Makes a worker and its file, and takes the files of dead ones away.
    func join() throws(LockFailure) -> WorkerLock {
        guard unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw LockFailure(folder) }
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        for file in files {
            if let name = file.wholeMatch(of: /(.*)\.lock/)?.1, let worker = WorkerID(String(name)) {
                _ = isAlive(worker)
            }
        }
        while true {
            let worker = WorkerID()
            if let lock = try WorkerLock(worker, path(of: worker)) { return lock }
        }
    }

    /// Whether a worker's process runs; the file of one that does not is taken away.
    func isAlive(_ worker: WorkerID) -> Bool {
        let path = path(of: worker)
        let file = unsafe open(path, O_RDWR | O_CLOEXEC)
        // When it is for another reason than its absence that it cannot be looked at, time decides.
        guard file >= 0 else { return errno != ENOENT }
        defer { close(file) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else { return true }
        unsafe unlink(path)
        return false
    }

    private func path(of worker: WorkerID) -> String { "\(folder)/\(worker).lock" }
}

/// One worker's lock, freed when it leaves or when it is let go of.
final class WorkerLock: WorkerLiveness {
    let worker: WorkerID
    private let path: String
    private let file: Int32

    /// - Returns: `nil` when somebody took the new file for a dead worker's before it was locked.
    init?(_ worker: WorkerID, _ path: String) throws(LockFailure) {
        self.worker = worker
        self.path = path
        file = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw LockFailure(path) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0, isThere else { return nil }
    }

    deinit { close(file) }

    func isHeld() async -> Bool { isThere }

    func leave() async { unsafe unlink(path) }

    /// Whether the file is still found under its name, where others look for it.
    private var isThere: Bool {
        var (own, found) = (stat(), stat())
        return unsafe fstat(file, &own) == 0 && stat(path, &found) == 0 && own.st_ino == found.st_ino
            && own.st_dev == found.st_dev
    }
}

/// A lock file could not be made; what the system said.
struct LockFailure: Error, CustomStringConvertible {
    let description: String

    init(_ path: String) { description = unsafe "'\(path)': \(String(cString: strerror(errno)))" }
}
