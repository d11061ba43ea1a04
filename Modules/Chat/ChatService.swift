public import Core
public import Persistence
public import Providers
public import Reactor
public import Streaming
public import Telemetry

/// Conversations with a model: stores what is said, has it answered, and finds the streams of answers again.
public final class ChatService: Sendable {
    /// What may change while the process runs, read once for each turn.
    public struct Configuration: Sendable {
        public var chat: ChatSettings
        /// By name: a stage that is a conversation is answered along the route of its name.
        public var routes: [String: ModelRoute]

        public init(chat: ChatSettings, routes: [String: ModelRoute]) {
            self.chat = chat
            self.routes = routes
        }
    }

    public let hub: StreamHub
    let store: any ConversationStore
    let recorder: TurnRecorder
    let configuration: @Sendable () -> Configuration
    let log: Log

    /// `spool`: where turns wait while the store cannot be reached; `nil` where that is on the machine's own disk.
    public init(
        store: any ConversationStore, spool: (any JobQueue)? = nil, hub: StreamHub, log: Log,
        configuration: @escaping @Sendable () -> Configuration
    ) {
        self.store = store
        recorder = TurnRecorder(store, spool: spool) { hub.wasAnswering($0) }
        self.hub = hub
        self.log = log
        self.configuration = configuration
    }

    /// Why no turn can be begun, as far as the store knows by itself.
    public var storeTrouble: StoreTrouble? { store.trouble }

    /// What a user says.
    public struct Question: Sendable {
        public var text: String
        /// `.chat` or `.onboarding`; that of the conversation, when one is named.
        public var stage: Stage
        /// A new conversation is begun when `nil`.
        public var conversation: ConversationID?
        /// The same key with the same question is the same turn, however often it is sent.
        public var key: String?
        /// Whether the answer is wanted piece by piece; otherwise at once, within `chat.batch_timeout`.
        public var streams: Bool

        public init(
            _ text: String, stage: Stage = .chat, conversation: ConversationID? = nil, key: String? = nil,
            streams: Bool = true
        ) {
            self.text = text
            self.stage = stage
            self.conversation = conversation
            self.key = key
            self.streams = streams
        }
    }

    // MARK: Turns

    /// Stores a message and starts its answer on the caller's loop, or joins the turn that the key already names.
    ///
    /// When this returns, the message is stored; the model has been asked for nothing before that.
    /// - Throws: `PlatformError` `invalidRequest` with the field, `notFound` for a conversation that is not this user's,
    ///   `conflict` for a key that came with another question, `unavailable` when there is no room.
    public func ask(
        _ question: Question, as owner: UserID, on loop: EventLoop
    ) async throws(PlatformError) -> TurnReference {
        let settings = configuration().chat
        let text = try checked(question.text, settings)
        let subject: NewTurn.Subject =
            if let conversation = question.conversation {
                .message(in: conversation, text: text)
            } else {
                .newConversation(kind: question.stage, title: title(of: text), text: text)
            }
        return try await begin(subject, key: question.key, streams: question.streams, as: owner, on: loop)
    }

    /// Has the message answered once more that a stream answered; the earlier answer stays, marked as replaced.
    ///
    /// - Throws: as ``ask(_:as:on:)``; `conflict` while the stream is still running.
    public func retry(
        _ stream: StreamID, key: String?, streams: Bool, as owner: UserID, on loop: EventLoop
    ) async throws(PlatformError) -> TurnReference {
        let old = try await storing { () throws(StoreError) in try await store.answer(of: stream, of: owner) }
        guard old.state == .final else {
            throw PlatformError(.conflict, "This answer is still being written. Stop it first.")
        }
        return try await begin(.retry(of: stream), key: key, streams: streams, as: owner, on: loop)
    }

    private func begin(
        _ subject: NewTurn.Subject, key: String?, streams: Bool, as owner: UserID, on loop: EventLoop
    ) async throws(PlatformError) -> TurnReference {
        let configuration = configuration()
        let new = NewTurn(
            owner: owner, subject: subject, key: try checked(key: key),
            keyRetention: configuration.chat.idempotencyRetention)
        // Open before the store knows of the stream: who finds the turn there, by its key or its row, finds the log too.
        let log = hub.open(new.names.stream, owner: owner, on: loop)
        do throws(PlatformError) {
            // Nothing is stored of what cannot be answered.
            try await log.admit()
            let open = try await storing { () throws(StoreError) in try await recorder.begin(new) }
            guard open.begun.isNew else {
                await log.leave()
                hub.remove(log.id, for: owner)
                return open.begun.turn
            }
            do throws(PlatformError) {
                try await start(open, of: new, configuration, streams: streams, into: log)
            } catch {
                await giveUp(open, key: new.key)
                throw error
            }
            // Who was told of a stream finds it after a crash on this machine's disk, even if the store is away then.
            if recorder.hasSpool { await log.begunOnDisk() }
            return open.begun.turn
        } catch {
            await log.fail(error)
            hub.remove(log.id, for: owner)
            throw error
        }
    }

    private func start(
        _ open: TurnRecorder.OpenTurn, of new: NewTurn, _ configuration: Configuration, streams: Bool,
        into log: StreamLog
    ) async throws(PlatformError) {
        // A token is at most a few bytes: what the builder may keep is surely among these.
        let limit = configuration.chat.historyLimit * 4
        let (conversation, history) = try await storing { () throws(StoreError) in
            try await recorder.context(of: open, limit: limit)
        }
        let stage = conversation.kind
        let route = try route(for: stage, configuration)
        let prompt = PromptBuilder(settings: configuration.chat).prompt(
            open.begun.question.text, after: history, stage: stage, streams: streams)
        let run = TurnRun(
            TurnRun.Record(open, by: recorder, every: configuration.chat.checkpoint), prompt, along: route, in: stage,
            deadline: streams ? nil : configuration.chat.batchTimeout, prices: configuration.chat.prices, log: self.log)
        let answer = open.begun.answer
        let subject = StreamSubject(
            conversation: answer.conversation, message: answer.id, request: TurnRecorder.name(of: new))
        try await log.start(subject) { await run.run(into: $0) }
    }

    /// Closes the row of an answer that could not be begun, and frees its key for another attempt.
    private func giveUp(_ open: TurnRecorder.OpenTurn, key: String?) async {
        var answer = open.begun.answer
        answer.state = .final
        answer.outcome = .failed
        answer.version = Message.finalVersion
        // The error and the end.
        answer.lastOffset = 2
        do throws(StoreError) {
            _ = try await recorder.finish(answer, waiting: open.waiting)
            // Where the store comes and goes, another attempt under the key would store the question a second time; it is
            // told of the failed answer instead, which can be retried.
            if let key, !recorder.hasSpool {
                try await store.release(key, from: open.begun.turn, of: answer.owner)
            }
        } catch {
            log.error("answer_not_closed", [.id("message", answer.id)], detail: error)
        }
    }

    private func route(for stage: Stage, _ configuration: Configuration) throws(PlatformError) -> ModelRoute {
        guard let route = configuration.routes[stage.rawValue] else {
            throw PlatformError(.unavailable, "No model is set up for this conversation. Tell your administrator.")
        }
        return route
    }

    // MARK: Checks

    private func checked(_ text: String, _ settings: ChatSettings) throws(PlatformError) -> String {
        guard text.contains(where: { !$0.isWhitespace }) else {
            throw PlatformError(.invalidRequest, "'message' is empty; say something.", field: "message")
        }
        guard text.utf8.count <= settings.maxMessageCharacters || text.count <= settings.maxMessageCharacters else {
            throw PlatformError(
                .invalidRequest, "'message' has more than \(settings.maxMessageCharacters) characters; shorten it.",
                field: "message")
        }
        return text
    }

    /// Long enough for any UUID and hash, short enough for a row's index.
    private static let maxKeyBytes = 200

    private func checked(key: String?) throws(PlatformError) -> String? {
        guard let key else { return nil }
        guard (1...Self.maxKeyBytes).contains(key.utf8.count) else {
            throw PlatformError(
                .invalidRequest, "The idempotency key must have 1 to \(Self.maxKeyBytes) bytes.", field: "request_id")
        }
        return key
    }

    private func title(of text: String) -> String {
        let line = text.split(whereSeparator: \.isNewline).first ?? ""
        return line.count > 60 ? line.prefix(59) + "…" : String(line)
    }
}

/// Calls the store, and says what its failures mean to a user.
func storing<Result>(
    _ body: () async throws(StoreError) -> Result
) async throws(PlatformError) -> Result {
    do throws(StoreError) {
        return try await body()
    } catch {
        switch error {
        case .notFound: throw PlatformError(.notFound, "There is no such thing, or it is not yours.")
        case .conflict(.key):
            throw PlatformError(
                .conflict, "This idempotency key was used for something else. Use a new one.", field: "request_id")
        case .conflict(.stillStreaming):
            throw PlatformError(.conflict, "This answer is still being written. Stop it first.")
        case .conflict(.email):
            throw PlatformError(.conflict, "Another account has this e-mail address.", field: "email")
        case .conflict(.identifier):
            throw PlatformError(.internalError, "This could not be stored. Try again.", cause: error)
        case .full: throw PlatformError(.storageFailed, "The store is full. Delete what is no longer needed.")
        case .unavailable(let cause):
            throw PlatformError(.unavailable, "The store cannot be reached. Try again shortly.", cause: cause)
        }
    }
}
