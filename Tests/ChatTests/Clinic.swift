import Chat
import Core
import Persistence
import Providers
import Reactor
import Streaming
import Synchronization
import Telemetry
import TestSupport

/// A chat service over a store in memory, with a provider that does as it is told.
final class Clinic: Sendable {
    let hub: StreamHub
    let provider: ScriptedProvider
    let service: ChatService
    private let shared: SharedConfiguration

    /// The loops that tests share, since a loop is never given back.
    static let loops = [LoopActor(), LoopActor(), LoopActor()]

    init(
        _ streaming: StreamingSettings = StreamingSettings(), store: any ConversationStore = InMemoryStore(),
        spool: (any JobQueue)? = nil, journal: (any StreamJournal)? = nil,
        script: @escaping @Sendable (Prompt) -> [ScriptedProvider.Act] = { _ in [.say("An answer."), .finish()] },
        chat: (inout ChatSettings) -> Void = { _ in }, hasRoutes: Bool = true
    ) {
        var settings = ChatSettings()
        settings.prompts = [.chat: "You are careful.", .onboarding: "You are welcoming."]
        chat(&settings)
        hub = StreamHub(streaming, journal: journal)
        provider = ScriptedProvider("scripted", script)
        let route = ModelRoute.only(provider, silence: streaming.idleTimeout)
        let shared = SharedConfiguration(settings, hasRoutes ? ["chat": route, "onboarding": route] : [:])
        self.shared = shared
        // Nobody reads the log of these tests.
        let log = Log(level: .error, descriptor: -1)
        service = ChatService(store: store, spool: spool, hub: hub, log: log) { shared.value }
    }

    /// Changes the settings as a reload does.
    func reload(_ change: (inout ChatService.Configuration) -> Void) { shared.change(change) }

    @discardableResult
    func ask(
        _ text: String, _ stage: Stage = .chat, in conversation: ConversationID? = nil, key: String? = nil,
        streams: Bool = true, as owner: UserID = someone, on actor: LoopActor = Clinic.loops[0]
    ) async throws -> TurnReference {
        let question = ChatService.Question(
            text, stage: stage, conversation: conversation, key: key, streams: streams)
        return try await actor.run { try await self.service.ask(question, as: owner, on: $0.loop) }
    }

    func retry(_ stream: StreamID, key: String? = nil, as owner: UserID = someone) async throws -> TurnReference {
        try await Clinic.loops[0].run {
            try await self.service.retry(stream, key: key, streams: true, as: owner, on: $0.loop)
        }
    }

    /// Watches a turn to its end.
    func watch(_ turn: TurnReference) async throws -> Viewing {
        guard let log = hub.log(turn.stream, for: someone) else { throw PlatformError(.notFound, "no such log") }
        return try await watch(log)
    }

    /// Watches a stream to its end.
    func watch(_ log: StreamLog) async throws -> Viewing {
        try await Clinic.loops[1].run { _ in
            var transcript = Viewing()
            try await log.watch(after: 0) { transcript.read($0.bytes) }
            return transcript
        }
    }

    /// Asks and watches to the end.
    func answer(
        to text: String, _ stage: Stage = .chat, in conversation: ConversationID? = nil
    ) async throws -> (turn: TurnReference, transcript: Viewing, message: Message) {
        let turn = try await ask(text, stage, in: conversation)
        let transcript = try await watch(turn)
        return (turn, transcript, try await service.message(of: turn, as: someone))
    }

    /// Waits until the stream shows that much text.
    func shows(_ text: String, _ turn: TurnReference) async throws {
        guard let log = hub.log(turn.stream, for: someone) else { throw PlatformError(.notFound, "no such log") }
        var last = 0
        while await log.text(.chat, .chat) != text, let batch = await log.next(after: last) { last = batch.last }
    }

    /// All messages of a conversation.
    func messages(_ conversation: ConversationID) async throws -> [Message] {
        try await service.messages(of: conversation, as: someone, after: nil, limit: 200).items
    }
}

/// What may change while a service runs.
private final class SharedConfiguration: Sendable {
    private let configuration: Mutex<ChatService.Configuration>

    init(_ settings: ChatSettings, _ routes: [String: ModelRoute]) {
        configuration = Mutex(ChatService.Configuration(chat: settings, routes: routes))
    }

    var value: ChatService.Configuration { configuration.withLock { $0 } }

    func change(_ body: (inout ChatService.Configuration) -> Void) { configuration.withLock { body(&$0) } }
}

extension ModelRoute {
    /// To one provider, which is asked once.
    static func only(_ provider: any Provider, silence: Duration = .seconds(30)) -> ModelRoute {
        var policy = FailurePolicy()
        policy.tries = 1
        return ModelRoute(
            provider.name, to: [Target(provider, policy: policy, patience: Patience(silence: silence))])
    }
}

let someone = UserID()
let stranger = UserID()

extension StreamingSettings {
    /// The defaults, changed.
    static func with(_ change: (inout StreamingSettings) -> Void) -> StreamingSettings {
        var settings = StreamingSettings()
        change(&settings)
        return settings
    }
}
