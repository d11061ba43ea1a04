import Chat
import Core
import HTTPServer
import Persistence
import Streaming

extension API {
    /// Watching, stopping and repeating answers.
    var streamOperations: [Operation] {
        [
            Operation(
                "GET", "/streams/{id}", "Attach to a stream, resume it or replay it",
                query: [.optional("last_event_id", "Resumes after this event; the header wins.")],
                headers: [.optional("Last-Event-ID", "Resumes after this event.")],
                answers: [
                    .events("The events after that, then the live ones."),
                    .init(204, "The stream has ended and was read to its end."),
                ] + Operation.Answer.problems(404)
            ) { request in
                let id = try request.parameter("id", as: StreamID.self)
                // An event of another stream, or no event at all, says nothing about this one: it is read whole.
                let place = lastEvent(request)
                return try await stream(id, request, after: place?.stream == id ? place?.offset ?? 0 : 0)
            },
            Operation(
                "POST", "/streams/{id}/stop", "Stop an answer now and keep what was said",
                answers: [
                    .json(
                        202, "The answer stops, or had ended already.",
                        Schema.object(["stream": Schema.text, "state": Schema.choice(["stopping", "ended"])]))
                ] + Operation.Answer.problems(404)
            ) { request in
                let id = try request.parameter("id", as: StreamID.self)
                let isRunning = try await chat.stop(id, as: user(request))
                let state: JSONValue = isRunning ? "stopping" : "ended"
                return .json(JSONValue.object(["stream": .string(id.text), "state": state]).bytes, status: 202)
            },
            Operation(
                "POST", "/streams/{id}/retry", "Answer the same message once more",
                query: [.optional("wait", "`true`: answer when the turn is finished.")],
                headers: [
                    .optional("Idempotency-Key", "The same key joins the same turn; also as `request_id`."),
                    .optional("Accept", "`text/event-stream` streams the answer."),
                ],
                body: Schema.object(["request_id": Schema.optionalText]),
                answers: [
                    .json(202, "The turn has begun.", Schema.reference("Turn")),
                    .json(200, "The turn is finished.", Schema.reference("Turn")),
                    .events("The turn's events."),
                ] + Operation.Answer.problems(404, 409, 422, 429, 503)
            ) { request in
                let id = try request.parameter("id", as: StreamID.self)
                let body = try RequestBody(request, known: ["request_id"])
                let key = try request.headers["idempotency-key"] ?? body.string("request_id")
                let waits = request.query["wait"] == "true"
                let turn = try await chat.retry(
                    id, key: key, streams: !waits, as: user(request), on: request.loop)
                return try await answer(turn, request, waits: waits)
            },
        ]
    }

    /// Where the client says it stopped reading; an id that is not of our form counts as none.
    func lastEvent(_ request: Request) -> EventID? {
        (request.headers["last-event-id"] ?? request.query["last_event_id"]).flatMap { EventID($0) }
    }

    /// The events of a stream after an offset: from its log while that is in memory, from the store afterwards.
    func stream(_ id: StreamID, _ request: Request, after offset: Int) async throws -> Response {
        let user = user(request)
        if let log = chat.hub.log(id, for: user) {
            if await log.outcome != nil, await log.lastOffset == offset { return Response(204) }
            return events.response(log, after: offset, on: request.loop)
        }
        let record = try await chat.record(of: id, as: user)
        if record.last == offset { return Response(204) }
        return events.response(of: record.events)
    }
}
