import Chat
import Journal
import Reactor
import Settings
import Storage
import Streaming
import Telemetry

/// What a server does with what an earlier one left when it died: rebuilds its streams and closes its answers.
struct Recovery {
    private let storage: Storage
    private let settings: Settings
    private let log: Log

    init(_ storage: Storage, _ settings: Settings, log: Log) {
        self.storage = storage
        self.settings = settings
        self.log = log
    }

    /// The streams there are, before anybody can ask for one.
    ///
    /// - Parameter loops: where readers meet them.
    /// - Returns: where they are found.
    /// - Throws: when the journal cannot be read, or the store.
    func hub(on loops: [EventLoop]) async throws -> StreamHub {
        let hub = StreamHub(settings.streaming, journal: storage.journal)
        let abandoned = AbandonedAnswers(in: storage.store, spool: storage.spool, log: log)
        try await storage.journal?.recover(into: hub, on: loops) { stream in
            guard let ending = await abandoned.close(stream) else { return .interrupted }
            return .recorded(ending.texts, ending.events)
        }
        let count = try await abandoned.closeRest()
        if count > 0 { log.info("answers_closed", [.count("answers", count)]) }
        return hub
    }

    /// Ends, from time to time, what other servers left: a database tells of a death only after a while.
    func watch(_ hub: StreamHub) -> Task<Void, Never>? {
        guard storage.spool != nil else { return nil }
        let abandoned = AbandonedAnswers(in: storage.store, spool: storage.spool, log: log)
        return Task { [log] in
            while (try? await Task.sleep(for: Self.watchInterval)) != nil {
                let count = try? await abandoned.closeRest { hub.log($0, for: $1) != nil }
                if let count, count > 0 { log.info("answers_closed", [.count("answers", count)]) }
            }
        }
    }

    private static let watchInterval = Duration.seconds(5)
}
