import Chat
import Core
import HTTPServer
import Persistence
import Streaming

extension API {
    /// Saying something, and having it answered.
    var chatOperations: [Operation] {
        [
            Operation(
                "POST", "/chat/messages", "Store a message and start its answer",
                query: [.optional("wait", "`true`: answer when the turn is finished, within `chat.batch_timeout`.")],
                headers: [
                    .optional("Idempotency-Key", "The same key joins the same turn; also as `request_id`."),
                    .optional("Accept", "`text/event-stream` streams the answer."),
                ],
                body: Schema.object(
                    [
                        "message": Schema.text, "conversation_id": Schema.optionalText,
                        "stage": Schema.choice(["chat", "onboarding"]), "request_id": Schema.optionalText,
                    ], required: ["message"]),
                answers: [
                    .json(202, "The turn has begun.", Schema.reference("Turn")),
                    .json(200, "The turn is finished.", Schema.reference("Turn")),
                    .events("The turn's events."),
                ] + Operation.Answer.problems(400, 404, 409, 413, 422, 429, 502, 503, 504)
            ) { try await postMessage($0) },
            streamOperation("/chat/stream", "Send a chat message and stream its answer", .chat),
            streamOperation("/chat/onboarding-stream", "Send an onboarding message and stream its answer", .onboarding),
        ]
    }

    /// The same for `EventSource`, which can only `GET`.
    ///
    /// Its reconnects carry the last event's id and join that stream.
    private func streamOperation(_ path: String, _ summary: String, _ stage: Stage) -> Operation {
        Operation(
            "GET", path, summary,
            query: [
                .required("message", "What the user says."),
                .optional("conversation_id", "Goes on with a conversation; a new one is begun without it."),
                .optional("request_id", "The same id joins the same turn."),
                .optional("last_event_id", "Resumes after this event; the header wins."),
            ],
            headers: [.optional("Last-Event-ID", "Resumes after this event.")],
            answers: [.events("The turn's events."), .init(204, "The stream has ended and was read to its end.")]
                + Operation.Answer.problems(404, 409, 422, 429, 503)
        ) { request in
            // Who asks for a header alone must not have a question asked.
            guard request.method != "HEAD" else {
                throw PlatformError(.methodNotAllowed, "This call takes GET alone: it starts an answer.")
            }
            if let place = lastEvent(request) { return try await stream(place.stream, request, after: place.offset) }
            guard let text = request.query["message"] else {
                throw PlatformError(.invalidRequest, "'message' is missing; say something.", field: "message")
            }
            let conversation = try request.query["conversation_id"].map { text throws(PlatformError) in
                try parse(text, "conversation_id", as: ConversationID.self)
            }
            let question = ChatService.Question(
                text, stage: stage, conversation: conversation, key: request.query["request_id"])
            let turn = try await chat.ask(question, as: user(request), on: request.loop)
            return try await stream(turn.stream, request, after: 0)
        }
    }

    private func postMessage(_ request: Request) async throws -> Response {
        let body = try RequestBody(request, known: ["message", "conversation_id", "stage", "request_id"])
        let stage = try body.value("stage", as: ConversationStage.self)?.stage ?? .chat
        let waits = request.query["wait"] == "true"
        let question = ChatService.Question(
            try body.requiredString("message"), stage: stage, conversation: try body.value("conversation_id"),
            key: try request.headers["idempotency-key"] ?? body.string("request_id"), streams: !waits)
        let turn = try await chat.ask(question, as: user(request), on: request.loop)
        return try await answer(turn, request, waits: waits)
    }

    /// Answers with a turn in the form the client asked for: its events, its result, or its names.
    func answer(_ turn: TurnReference, _ request: Request, waits: Bool) async throws -> Response {
        let user = user(request)
        if waits {
            do throws(PlatformError) {
                return .json(describe(turn, try await chat.result(of: turn, as: user)))
            } catch {
                // The turn is there all the same, and can be retried by its stream.
                return error.response(instance: "/api/v1/streams/\(turn.stream)")
            }
        }
        if request.acceptsEvents { return try await stream(turn.stream, request, after: 0) }
        let message = try await chat.message(of: turn, as: user)
        return .json(
            describe(turn, message), status: 202, headers: ["Location": "/api/v1/streams/\(turn.stream)"])
    }

    private func describe(_ turn: TurnReference, _ message: Message) -> [UInt8] {
        JSONValue.object([
            "stream": .string(turn.stream.text), "conversation_id": .string(turn.conversation.text),
            "message": message.json,
        ]).bytes
    }
}

/// The stages that are conversations, as the API names them.
struct ConversationStage: LosslessStringConvertible {
    let stage: Stage

    init?(_ text: String) {
        guard let stage = Stage(rawValue: text), stage == .chat || stage == .onboarding else { return nil }
        self.stage = stage
    }

    var description: String { stage.rawValue }
}

extension JSONValue {
    var bytes: [UInt8] {
        var writer = JSONWriter()
        write(into: &writer)
        return writer.bytes
    }
}
