import SQLite
import Synchronization

/// Whether a file can be trusted: it is checked when the disk fails or a statement meets damage, and not written after.
final class FileHealth: Sendable {
    private struct State {
        var damage: [String] = []
        var isChecking = false
    }

    private let state = Mutex(State())

    /// What was found; empty as long as nothing was.
    var damage: [String] { state.withLock { $0.damage } }

    /// Has the file checked when an error gives reason to, unless that is being done.
    func suspect(_ database: Database, after error: SQLiteError) {
        guard error.kind == .io || error.kind == .corrupt else { return }
        let isFirst = state.withLock { state in
            defer { state.isChecking = true }
            return !state.isChecking && state.damage.isEmpty
        }
        guard isFirst else { return }
        Task {
            let found = await Self.sentences(about: database)
            state.withLock { state in
                state.isChecking = false
                state.damage = found
            }
        }
    }

    private static func sentences(about database: Database) async -> [String] {
        do {
            return try await database.check(isThorough: false)
        } catch {
            // Not to be looked at for now is no damage: the next failure has it looked at again.
            return (error as? SQLiteError)?.kind == .corrupt ? ["\(error)"] : []
        }
    }
}
