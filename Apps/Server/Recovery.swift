import Chat
import Journal
import Reactor
import Settings
import Storage
import Streaming
import Telemetry

/// What a server does with what others did: rebuilds the streams of one that died and closes its answers, and lets go of
/// users whom an operator deletes.
struct Recovery {
    private let storage: Storage
    private let settings: Settings
    private let log: Log
    private let abandoned: AbandonedAnswers
    private let deleted: DeletedUsers

    init(_ storage: Storage, _ settings: Settings, log: Log) {
        self.storage = storage
        self.settings = settings
        self.log = log
        abandoned = AbandonedAnswers(in: storage.store, spool: storage.spool, log: log)
        deleted = DeletedUsers(in: storage.store, spool: storage.spool)
    }

    /// The streams there are, before anybody can ask for one.
    ///
    /// - Parameter loops: where readers meet them.
    /// - Returns: where they are found.
    /// - Throws: when the journal cannot be read, or the store.
    func hub(on loops: [EventLoop]) async throws -> StreamHub {
        let hub = StreamHub(settings.streaming, journal: storage.journal)
        try await deleted.load()
        try await storage.journal?.recover(into: hub, on: loops, unless: { try await deleted.includes($0) }) { stream in
            switch await abandoned.close(stream) {
            case .interrupted: .interrupted
            case .recorded(let texts, let events): .recorded(texts, events)
            case .deleted: .forgotten
            }
        }
        let count = try await abandoned.closeRest()
        if count > 0 { log.info("answers_closed", [.count("answers", count)]) }
        return hub
    }

    /// Looks from time to time who was deleted, and what other servers left: a database tells of a death only after a while.
    func watch(_ chat: ChatService) -> Task<Void, Never> {
        Task {
            var isFailing = false
            while (try? await Task.sleep(for: Self.watchInterval)) != nil {
                do {
                    if storage.spool != nil { try await closeAnswers(unlessIn: chat.hub) }
                    try await followDeletions(in: chat)
                    isFailing = false
                } catch {
                    // Said once: it is tried again and again.
                    if !isFailing { log.warning("watch_failed", [], detail: error) }
                    isFailing = true
                }
            }
        }
    }

    private func followDeletions(in chat: ChatService) async throws {
        let count = try await deleted.follow(in: chat) { [journal = storage.journal] user in
            try await journal?.forget(user) { chat.hub.log($0, for: user) != nil }
        }
        if count > 0 { log.info("users_forgotten", [.count("deletions", count)]) }
    }

    private func closeAnswers(unlessIn hub: StreamHub) async throws {
        let count = try await abandoned.closeRest { hub.log($0, for: $1) != nil }
        if count > 0 { log.info("answers_closed", [.count("answers", count)]) }
    }

    private static let watchInterval = Duration.seconds(5)
}
