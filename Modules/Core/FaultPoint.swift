import Glibc
import Synchronization

/// A step of the write path at which a test may end the process, as a power cut or the kernel would.
///
/// The environment variable `FAULT_AT` names one: `after_commit_before_ack` ends the process the first time that point
/// is reached, `after_commit_before_ack:3` the third time; `after_commit_before_ack:3:pause` stops it as `SIGSTOP` does,
/// until `SIGCONT`. Debug builds alone know of it; in a release build reaching a point is no instruction at all.
public enum FaultPoint {
    /// Ends or stops the process here when `FAULT_AT` asks for it; else does nothing.
    ///
    /// `SIGKILL` runs no handler, flushes no buffer and unwinds nothing.
    ///
    /// - Parameter name: what the point is called, in small letters; the tests find it by reading the sources.
    @inlinable @inline(__always)
    public static func reach(_ name: StaticString) {
        #if DEBUG
        if let plan { plan.reach("\(name)") }
        #endif
    }

    #if DEBUG
    @usableFromInline static let plan = Plan(unsafe getenv("FAULT_AT").map { unsafe String(cString: $0) } ?? "")

    /// What `FAULT_AT` says.
    @usableFromInline final class Plan: Sendable {
        let name: String
        /// At which visit it happens, from 1.
        let visit: Int
        let signal: Int32
        private let visits = Atomic(0)

        /// - Returns: `nil` when `text` names no point, or names it in another form than the one above.
        init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard let first = parts.first, !first.isEmpty, parts.count <= 3,
                let visit = parts.count > 1 ? Int(parts[1]) : 1, visit > 0,
                parts.count < 3 || parts[2] == "pause"
            else { return nil }
            name = String(first)
            self.visit = visit
            signal = parts.count == 3 ? SIGSTOP : SIGKILL
        }

        /// Whether the signal is due at this visit of the point.
        func isDue(at point: String) -> Bool {
            point == name && visits.add(1, ordering: .relaxed).newValue == visit
        }

        @usableFromInline func reach(_ point: String) {
            if isDue(at: point) { kill(getpid(), signal) }
        }
    }
    #endif
}
