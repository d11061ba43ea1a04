import Foundation
import Glibc
import Synchronization

/// A file that only takes room, given up when the disk is full, so that what was begun can be finished.
///
/// While it is gone nothing new is begun; it is taken back once there is room enough again.
final class Ballast: Sendable {
    private let path: String
    private let size: Int
    private let state: Mutex<State>

    private struct State {
        var isHeld = false
        var lastTry: ContinuousClock.Instant?
    }

    /// Takes the room, if there is enough beside it.
    init(path: String, size: Int) {
        self.path = path
        self.size = size
        state = Mutex(State())
        _ = takeBack()
    }

    var isHeld: Bool { state.withLock { $0.isHeld } }

    /// Gives the room up.
    ///
    /// - Returns: whether there was any to give.
    func giveUp() -> Bool {
        state.withLock { state in
            defer { state.isHeld = false }
            return unsafe state.isHeld && unlink(path) == 0
        }
    }

    /// Takes the room back when there is enough; tries at most once a second.
    ///
    /// - Returns: whether it is held.
    func takeBack() -> Bool {
        state.withLock { state in
            if state.isHeld { return true }
            let now = ContinuousClock.now
            if let last = state.lastTry, now - last < .seconds(1) { return false }
            state.lastTry = now
            state.isHeld = allocate()
            return state.isHeld
        }
    }

    private func allocate() -> Bool {
        var facts = stat()
        if unsafe stat(path, &facts) == 0, facts.st_size >= size { return true }
        // As much again must stay free, or the very next write would fail.
        guard let free = Self.freeBytes(beside: path), free >= 2 * size else { return false }
        let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        guard posix_fallocate(file, 0, size) == 0 else {
            unsafe unlink(path)
            return false
        }
        return true
    }

    /// Bytes that may still be written to the disk of a file.
    static func freeBytes(beside path: String) -> Int? {
        var facts = statvfs()
        let folder = URL(filePath: path).deletingLastPathComponent().path
        guard unsafe statvfs(folder, &facts) == 0 else { return nil }
        return Int(facts.f_bavail) * Int(facts.f_frsize)
    }
}
