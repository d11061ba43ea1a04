import Chat
import Core
import HTTPServer
import Persistence

extension API {
    /// Conversations and what was said in them.
    var conversationOperations: [Operation] {
        let problems = Operation.Answer.problems(404, 422)
        let paging: [Operation.Parameter] = [
            .optional("limit", "How many at most, 1 to 200; 50 by default."),
            .optional("after", "What `next` of the page before said."),
        ]
        return [
            Operation(
                "POST", "/conversations", "Begin a conversation",
                body: Schema.object(
                    ["title": Schema.optionalText, "stage": Schema.choice(["chat", "onboarding"])]),
                answers: [.json(201, "The new conversation.", Schema.reference("Conversation"))]
                    + Operation.Answer.problems(400, 422)
            ) { request in
                let body = try RequestBody(request, known: ["title", "stage"])
                let stage = try body.value("stage", as: ConversationStage.self)?.stage ?? .chat
                let conversation = try await chat.makeConversation(
                    stage, title: body.string("title") ?? "", as: user(request))
                return .json(
                    conversation.json.bytes, status: 201,
                    headers: ["Location": "/api/v1/conversations/\(conversation.id)"])
            },
            Operation(
                "GET", "/conversations", "List conversations, the last used first", query: paging,
                answers: [
                    .json(
                        200, "A page of conversations.",
                        Schema.object([
                            "conversations": Schema.list(Schema.reference("Conversation")),
                            "next": Schema.optionalText,
                        ]))
                ] + Operation.Answer.problems(422)
            ) { request in
                let page = try await chat.conversations(
                    as: user(request), after: request.query["after"], limit: limit(request))
                return .json(
                    JSONValue.object([
                        "conversations": .array(page.items.map(\.json)),
                        "next": page.next.map { .string($0) } ?? .null,
                    ]).bytes)
            },
            Operation(
                "GET", "/conversations/{id}", "Read a conversation's header",
                answers: [.json(200, "The conversation.", Schema.reference("Conversation"))] + problems
            ) { request in
                .json(try await chat.conversation(request.parameter("id"), as: user(request)).json.bytes)
            },
            Operation(
                "PATCH", "/conversations/{id}", "Rename a conversation",
                body: Schema.object(["title": Schema.text], required: ["title"]),
                answers: [.json(200, "The conversation.", Schema.reference("Conversation"))] + problems
            ) { request in
                let title = try RequestBody(request, known: ["title"]).requiredString("title")
                return .json(
                    try await chat.rename(request.parameter("id"), to: title, as: user(request)).json.bytes)
            },
            Operation(
                "DELETE", "/conversations/{id}", "Delete a conversation with all its messages",
                answers: [.init(204, "It is gone.")] + problems
            ) { request in
                try await chat.delete(request.parameter("id"), as: user(request))
                return Response(204)
            },
            Operation(
                "GET", "/conversations/{id}/messages", "Read messages, oldest first", query: paging,
                answers: [
                    .json(
                        200, "A page of messages.",
                        Schema.object([
                            "messages": Schema.list(Schema.reference("Message")), "next": Schema.optionalText,
                        ]))
                ] + problems
            ) { request in
                let page = try await chat.messages(
                    of: request.parameter("id"), as: user(request), after: request.query["after"],
                    limit: limit(request))
                return .json(
                    JSONValue.object([
                        "messages": .array(page.items.map(\.json)), "next": page.next.map { .string($0) } ?? .null,
                    ]).bytes)
            },
        ]
    }

    private func limit(_ request: Request) throws(PlatformError) -> Int {
        guard let text = request.query["limit"] else { return 50 }
        guard let limit = Int(text), (1...200).contains(limit) else {
            throw PlatformError(.invalidRequest, "'limit' must be a number from 1 to 200.", field: "limit")
        }
        return limit
    }
}
