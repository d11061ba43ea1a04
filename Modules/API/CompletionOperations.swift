import Chat
import Core
import HTTPServer
import Streaming

extension API {
    /// OpenAI's Chat Completions API, so that its clients work unchanged.
    var completionOperations: [Operation] {
        [
            Operation(
                "POST", "/v1/chat/completions", "Answer a conversation in the form of OpenAI's Chat Completions",
                body: Self.completionSchema,
                answers: [
                    .json(200, "The answer, or with `stream` its chunks.", ["type": "object"]),
                    Operation.Answer(
                        200, "The answer's chunks, then `[DONE]`.", ["text/event-stream": ["type": "object"]]),
                ] + Self.failures(400, 404, 413, 429, 502, 503, 504)
            ) { try await complete($0) },
            Operation(
                "GET", "/v1/models", "List the names that `model` may have",
                answers: [
                    .json(
                        200, "Routes, providers, and providers with their models.",
                        Schema.object(["object": Schema.text, "data": Schema.list(Self.modelSchema)]))
                ]
            ) { _ in
                let models = chat.modelNames.map { model($0.name, $0.owner) }
                return .json(JSONValue.object(["object": "list", "data": .array(models)]).bytes)
            },
            Operation(
                "GET", "/v1/models/{id}", "Read one of those names",
                answers: [.json(200, "There is one.", Self.modelSchema)] + Self.failures(404)
            ) { request in
                let name = request.parameters["id"] ?? ""
                guard let found = chat.modelNames.first(where: { $0.name == name }) else {
                    throw PlatformError(.notFound, "There is no such model.", field: "model")
                }
                return .json(model(found.name, found.owner).bytes)
            },
        ]
    }

    private func model(_ name: String, _ owner: String) -> JSONValue {
        ["id": .string(name), "object": "model", "created": .int(Self.start), "owned_by": .string(owner)]
    }

    /// Seconds since 1970; models have no other date here.
    private static let start = Timestamp.now.milliseconds / 1_000

    // MARK: Answers

    private func complete(_ request: Request) async throws -> Response {
        let asked = try CompletionRequest(request)
        let (log, stage) = try await chat.complete(asked.completion, as: user(request), on: request.loop)
        let head = CompletionHead(id: "chatcmpl-\(log.id)", model: asked.completion.model)
        do throws(PlatformError) {
            guard asked.completion.streams else { return try await whole(log, stage, head) }
            try await begin(log)
        } catch {
            await forget(log)
            throw error
        }
        let (hub, heartbeat) = (chat.hub, events.heartbeat)
        let chunks = CompletionChunks(head, wantsUsage: asked.wantsUsage)
        return EventStream.response(
            .source { writer in
                writer.heartbeat(Array(":\n\n".utf8), every: heartbeat)
                return CompletionSource(log, in: hub, as: chunks, to: writer)
            })
    }

    /// Waits for the first text, so that a failure before it has a status of its own; but no longer than a client may be
    /// left without a sign of life.
    ///
    /// - Throws: `PlatformError` when nothing but an error comes.
    private func begin(_ log: StreamLog) async throws(PlatformError) {
        // The first event only says that the stream has begun.
        await log.waitForEvent(after: 1, atMost: events.heartbeat)
        if Task.isCancelled { throw PlatformError(.cancelled, "The client has gone.") }
        guard await log.failure != nil, await !log.hasText else { return }
        await log.ended()
        if case .failed(let error) = await log.reading() { throw error }
    }

    private func whole(
        _ log: StreamLog, _ stage: Stage, _ head: CompletionHead
    ) async throws(PlatformError) -> Response {
        await log.ended()
        if Task.isCancelled { throw PlatformError(.cancelled, "The client has gone.") }
        let reading = await log.reading()
        let ending = await log.ending
        let (text, reasoning) = (await log.text(.chat, stage), await log.text(.reasoning, stage))
        await forget(log)
        switch reading {
        case .failed(let error): throw error
        case .finished(let reason):
            return .json(Self.answer(head, text, reasoning, reason, ending))
        }
    }

    private static func answer(
        _ head: CompletionHead, _ text: String, _ reasoning: String, _ reason: String, _ ending: CompletionEnding?
    ) -> [UInt8] {
        var message: [String: JSONValue] = ["role": "assistant", "content": .string(text), "refusal": .null]
        if !reasoning.isEmpty { message["reasoning_content"] = .string(reasoning) }
        var writer = JSONWriter()
        writer.beginObject()
        head.write(as: "chat.completion", into: &writer)
        writer.name("choices")
        writer.value([
            ["index": 0, "message": .object(message), "logprobs": .null, "finish_reason": .string(reason)]
        ])
        if let ending {
            writer.name("usage")
            writer.value(ending.usage)
            writer.name("medstream")
            writer.value(ending.facts)
        }
        writer.endObject()
        return writer.bytes
    }

    /// Ends the answer, if it has not ended, and lets go of it: nobody can ask for it again.
    private func forget(_ log: StreamLog) async {
        await log.stop(.detached)
        chat.hub.remove(log.id, for: log.owner)
    }

    // MARK: The document

    private static func failures(_ statuses: Int...) -> [Operation.Answer] {
        statuses.map {
            Operation.Answer($0, Response.reason(of: $0), ["application/json": Schema.reference("OpenAIError")])
        }
    }

    private static let modelSchema = Schema.object(
        ["id": Schema.text, "object": Schema.text, "created": Schema.number, "owned_by": Schema.text],
        required: ["id", "object", "created", "owned_by"])

    private static let completionSchema: JSONValue = {
        let number: JSONValue = ["type": ["number", "null"]]
        let count: JSONValue = ["type": ["integer", "null"]]
        let message = Schema.object(
            [
                "role": Schema.choice(["system", "developer", "user", "assistant"]),
                "content": ["type": ["string", "array", "null"]],
            ], required: ["role"])
        return Schema.object(
            [
                "model": Schema.text, "messages": Schema.list(message), "stream": ["type": ["boolean", "null"]],
                "stream_options": ["type": ["object", "null"]], "temperature": number, "top_p": number,
                "presence_penalty": number, "frequency_penalty": number, "max_completion_tokens": count,
                "max_tokens": count, "stop": ["type": ["string", "array", "null"]], "seed": count,
                "reasoning_effort": Schema.optionalText, "verbosity": Schema.optionalText,
            ], required: ["model", "messages"])
    }()
}

extension StreamLog {
    /// Whether a panel shows anything.
    fileprivate var hasText: Bool {
        Panel.allCases.contains { panel in Stage.allCases.contains { !text(panel, $0).isEmpty } }
    }

    /// How a log ended that has; `nil` before.
    fileprivate var ending: CompletionEnding? {
        get async {
            guard outcome != nil, let batch = await next(after: lastOffset - 1) else { return nil }
            var ending: CompletionEnding?
            StreamLog.takeApart(batch.bytes.span) { _, _ in
            } other: { json in
                ending = StreamEvent(bytes: json).map(CompletionEnding.init)
            }
            return ending
        }
    }

    /// What OpenAI's API makes of the end of a log that has ended.
    fileprivate func reading() async -> CompletionEnding.Reading {
        guard let ending = await ending else { return .failed(PlatformError(.internalError, "The answer was lost.")) }
        return ending.reading(failure: failure, hasText: hasText)
    }
}
