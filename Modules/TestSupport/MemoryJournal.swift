public import Core
public import Streaming
import Synchronization

/// A journal without a disk, which takes, holds up or refuses what it is given, as a test says.
public final class MemoryJournal: StreamJournal {
    public enum Mood: Sendable {
        /// Writes at once.
        case well
        /// Takes nothing until it is well again.
        case stalled
        /// Says of everything that it could not be written.
        case failing
    }

    private struct State {
        var mood = Mood.well
        var entries: [JournalEntry] = []
        var held: [(entries: [JournalEntry], done: @Sendable (Bool) -> Void)] = []
        var forgotten: [StreamID] = []
        var statistics = JournalStatistics()

        mutating func take(_ new: [JournalEntry]) {
            entries += new
            statistics.entries += new.count
            statistics.commits += 1
        }
    }

    private let state: Mutex<State>
    /// Calls of ``write(_:_:)``.
    public let calls = Tally()

    public init(_ mood: Mood = .well) { state = Mutex(State(mood: mood)) }

    public func write(_ entries: [JournalEntry], _ done: @escaping @Sendable (Bool) -> Void) {
        let isWritten = state.withLock { state -> Bool? in
            switch state.mood {
            case .well:
                state.take(entries)
                return true
            case .stalled:
                state.held.append((entries, done))
                return nil
            case .failing:
                state.statistics.failures += 1
                return false
            }
        }
        if let isWritten { done(isWritten) }
        calls.add()
    }

    public func forget(_ stream: StreamID) {
        state.withLock { state in
            state.entries.removeAll { $0.stream == stream }
            state.forgotten.append(stream)
        }
    }

    public var statistics: JournalStatistics { state.withLock { $0.statistics } }
    /// What is on disk.
    public var entries: [JournalEntry] { state.withLock { $0.entries } }
    public var forgotten: [StreamID] { state.withLock { $0.forgotten } }

    /// Changes the mood; one that is well takes what it held up.
    public func become(_ mood: Mood) {
        let held = state.withLock { state in
            state.mood = mood
            guard mood == .well else { return [] as [@Sendable (Bool) -> Void] }
            defer { state.held = [] }
            for held in state.held { state.take(held.entries) }
            return state.held.map(\.done)
        }
        for done in held { done(true) }
    }

    /// A stream as a server would find it whose journal has the first `count` entries of it.
    public func rebuilt(
        _ log: StreamLog, first count: Int = .max, _ settings: StreamingSettings = StreamingSettings()
    ) -> JournaledStream? {
        let entries = entries.filter { $0.stream == log.id }.prefix(count)
        var stream = JournaledStream(
            log.id, owner: log.owner, subject: entries.first?.subject, begunAt: log.begunAt, settings)
        for entry in entries {
            guard stream.add(entry.events, first: entry.first, last: entry.last) else { return nil }
        }
        return stream
    }
}
