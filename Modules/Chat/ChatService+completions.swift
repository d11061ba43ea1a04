public import Core
import Providers
public import Reactor
public import Streaming

/// Answers to whole conversations that the caller keeps: nothing of them is stored.
extension ChatService {
    /// A conversation that ends with what is to be answered.
    public struct Completion: Sendable {
        /// The name of a route, of a provider, or of both provider and model: see ``ChatService/modelNames``.
        public var model: String
        /// Oldest first; sent to the model as they are, without a prompt of ours.
        public var messages: [Prompt.Message]
        public var parameters: ModelParameters
        /// Whether the answer is wanted piece by piece; otherwise at once, within `chat.batch_timeout`.
        public var streams: Bool

        public init(
            model: String, messages: [Prompt.Message], parameters: ModelParameters = ModelParameters(),
            streams: Bool = true
        ) {
            self.model = model
            self.messages = messages
            self.parameters = parameters
            self.streams = streams
        }
    }

    /// Starts an answer on the caller's loop that is recorded nowhere but in its log.
    ///
    /// The log's last event tells usage and cost as that of every turn does; there is no `saved`. Whoever asked lets go
    /// of the answer with `StreamHub.remove(_:for:)` when it has been read.
    ///
    /// - Returns: the log, and the stage that its texts are of.
    /// - Throws: `PlatformError` `notFound` with the field `model` for a model that is not set up, `invalidRequest` with
    ///   the field for a message that is too long, `contextTooLong` where all together are more than the model is to
    ///   see of a conversation, `unavailable` when there is no room.
    public func complete(
        _ completion: Completion, as owner: UserID, on loop: EventLoop
    ) async throws(PlatformError) -> (log: StreamLog, stage: Stage) {
        let configuration = configuration()
        var target = try target(named: completion.model, configuration)
        // A caller that was given text cannot be told to forget it.
        if completion.streams, target.route.rescue == .restart { target.route.rescue = .off }
        try check(completion.messages, configuration.chat)
        let prompt = Prompt(
            completion.messages, stage: target.stage, streams: completion.streams, parameters: completion.parameters)
        let run = TurnRun(
            nil, prompt, along: target.route, in: target.stage,
            deadline: completion.streams ? nil : configuration.chat.batchTimeout, prices: configuration.chat.prices,
            log: log)
        let log = try await hub.start(StreamID(), owner: owner, on: loop) { await run.run(into: $0) }
        return (log, target.stage)
    }

    /// The names that ``Completion/model`` may have, each with who owns the model: routes first, then each provider
    /// alone and with its model.
    public var modelNames: [(name: String, owner: String)] {
        let routes = configuration().routes.values.sorted { $0.name < $1.name }
        let providers = routes.filter(\.isOneProvider).map(\.first)
        return routes.filter { !$0.isOneProvider }.map { ($0.name, "medstream") }
            + providers.flatMap { [($0.name, $0.name), (fullName(of: $0), $0.name)] }
    }

    /// Who answers under a model's name, and which kind of conversation it is.
    private func target(
        named name: String, _ configuration: Configuration
    ) throws(PlatformError) -> (route: ModelRoute, stage: Stage) {
        if let route = configuration.routes[name] { return (route, Stage(rawValue: name) ?? .chat) }
        let targets = configuration.routes.values.lazy.flatMap(\.targets)
        guard let target = targets.first(where: { fullName(of: $0.provider) == name }) else {
            throw PlatformError(
                .notFound, "There is no model '\(name.prefix(100))' here. GET /v1/models lists those there are.",
                field: "model")
        }
        return (ModelRoute(name, to: [target]), .chat)
    }

    private func fullName(of provider: any Provider) -> String { "\(provider.name)/\(provider.model)" }

    /// Holds the messages to the limits of a conversation of ours.
    ///
    /// There the oldest messages are left out; a caller that keeps its conversation itself must know of it instead.
    private func check(_ messages: [Prompt.Message], _ settings: ChatSettings) throws(PlatformError) {
        guard messages.contains(where: { $0.text.contains { !$0.isWhitespace } }) else {
            throw PlatformError(.invalidRequest, "'messages' are empty; say something.", field: "messages")
        }
        let longest = settings.maxMessageCharacters
        for (place, message) in messages.enumerated()
        where message.text.utf8.count > longest && message.text.count > longest {
            throw PlatformError(
                .invalidRequest, "'messages[\(place)]' has more than \(longest) characters; shorten it.",
                field: "messages[\(place)].content")
        }
        let builder = PromptBuilder(settings: settings)
        let conversation = messages.filter { $0.role != .system }
        let size = conversation.dropLast().reduce(builder.cost(conversation.last?.text ?? "")) { size, message in
            size + builder.cost(message.text)
        }
        guard conversation.count <= 1 || size <= settings.historyLimit else {
            throw PlatformError(
                .contextTooLong,
                "The messages have about \(size) \(settings.historyUnit.rawValue) together, the limit is "
                    + "\(settings.historyLimit). Leave out the oldest.", field: "messages")
        }
    }
}

extension ModelRoute {
    /// Whether it is the one that every provider has under its own name.
    fileprivate var isOneProvider: Bool { targets.count == 1 && first.name == name }
}
