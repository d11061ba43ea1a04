import Foundation
import Glibc
import Synchronization

/// A file that only takes room, given up when the disk is full, so that what was begun can be finished.
///
/// While it is gone nothing new is begun; it is taken back once there is room enough again. On a small disk it is smaller,
/// and where none can be made there is none: then what was begun may fail with the disk, but nothing is refused for good.
final class Ballast: Sendable {
    private let path: String
    private let size: Int
    private let now: @Sendable () -> ContinuousClock.Instant
    private let state: Mutex<State>

    private struct State {
        var condition = Condition.noRoom
        /// Bytes that were taken, and are to be taken again; `nil` before the first time.
        var taken: Int?
        var lastTry: ContinuousClock.Instant?
    }

    /// How it stands.
    enum Condition: Sendable, Hashable {
        case held(bytes: Int)
        /// There is not enough room on the disk.
        case noRoom
        /// None can be made here: the disk as a whole is too small, or refuses for another reason than that it is full.
        case leftOut
    }

    /// It takes no more than one part in so many of the disk, which is there for other things.
    static let shareOfDisk = 8
    /// Less would not do to finish a few answers, each of which is written with the pages of its indices.
    static let least = 1 << 20

    /// Takes the room, if there is enough beside it.
    ///
    /// - Parameters:
    ///   - path: of the file.
    ///   - size: the most it takes, in bytes.
    ///   - now: the time that passes between two tries.
    init(path: String, size: Int, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
        self.path = path
        self.size = size
        self.now = now
        state = Mutex(State())
        _ = takeBack()
    }

    var condition: Condition { state.withLock { $0.condition } }

    /// Gives the room up.
    ///
    /// - Returns: whether there was any to give.
    func giveUp() -> Bool {
        state.withLock { state in
            guard case .held = state.condition else { return false }
            state.condition = .noRoom
            return unsafe unlink(path) == 0
        }
    }

    /// Takes the room back when there is enough; tries at most once a second.
    ///
    /// - Returns: whether something new may be begun: it is held, or there can be none.
    func takeBack() -> Bool {
        state.withLock { state in
            if case .held = state.condition { return true }
            let now = now()
            if let last = state.lastTry, now - last < .seconds(1) { return state.condition == .leftOut }
            state.lastTry = now
            state.condition = allocate(again: state.taken)
            if case .held(let bytes) = state.condition { state.taken = bytes }
            return state.condition != .noRoom
        }
    }

    /// Makes the file.
    ///
    /// The first time it takes half of what is free at most; what it had it takes back whole, so that on a disk that fills
    /// up it does not become smaller and smaller.
    private func allocate(again taken: Int?) -> Condition {
        guard let disk = Self.disk(of: path) else { return .leftOut }
        var facts = stat()
        let present = unsafe stat(path, &facts) == 0 ? Int(facts.st_size) : 0
        let share = min(size, disk.bytes / Self.shareOfDisk)
        let least = min(size, Self.least)
        if present >= max(taken ?? share, least) { return .held(bytes: present) }
        guard share >= least else { return .leftOut }
        let room = disk.free + present
        // As much again must stay free, or the very next write would fail.
        let bytes = taken ?? min(share, room / 2)
        if taken == nil, present >= max(bytes, least) { return .held(bytes: present) }
        guard bytes >= least, room >= 2 * bytes else { return .noRoom }
        return make(bytes)
    }

    private func make(_ bytes: Int) -> Condition {
        let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { return Self.isNoRoom(errno) ? .noRoom : .leftOut }
        defer { close(file) }
        let failure = posix_fallocate(file, 0, bytes)
        guard failure != 0 else { return .held(bytes: bytes) }
        unsafe unlink(path)
        return Self.isNoRoom(failure) ? .noRoom : .leftOut
    }

    private static func isNoRoom(_ error: Int32) -> Bool { error == ENOSPC || error == EDQUOT }

    /// Bytes of the disk that a file lies on, and how many of them may still be written.
    private static func disk(of path: String) -> (bytes: Int, free: Int)? {
        var facts = statvfs()
        let folder = URL(filePath: path).deletingLastPathComponent().path
        guard unsafe statvfs(folder, &facts) == 0 else { return nil }
        let block = Int(facts.f_frsize)
        return (Int(facts.f_blocks) * block, Int(facts.f_bavail) * block)
    }

    /// Bytes that may still be written to the disk of a file.
    static func freeBytes(beside path: String) -> Int? { disk(of: path)?.free }
}
