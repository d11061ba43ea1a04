import Core
import HTTPServer

/// The API's document (OpenAPI 3.1), written from the operations themselves.
struct OpenAPI {
    let operations: [Operation]

    var document: JSONValue {
        var paths: [String: [String: JSONValue]] = [:]
        for operation in operations {
            paths[operation.route.pattern, default: [:]][operation.route.method.lowercased()] = describe(operation)
        }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Medstream", "version": .string(Product.version),
                "description": "Streams model output to clinical users: complete, in order, resumable.",
                "license": ["name": "Apache-2.0", "identifier": "Apache-2.0"],
            ],
            "paths": .object(paths.mapValues { .object($0) }),
            "components": ["schemas": .object(Self.schemas)],
        ]
    }

    private func describe(_ operation: Operation) -> JSONValue {
        let inPath = operation.route.pattern.split(separator: "/").filter { $0.hasPrefix("{") }
            .map { parameter(String($0.dropFirst().dropLast()), "path", "Names the resource.", isRequired: true) }
        let inQuery = operation.query.map { parameter($0.name, "query", $0.meaning, isRequired: $0.isRequired) }
        let inHeader = operation.headers.map { parameter($0.name, "header", $0.meaning, isRequired: $0.isRequired) }
        var answers: [String: JSONValue] = [:]
        for answer in operation.answers {
            var description: [String: JSONValue] = ["description": .string(answer.meaning)]
            if !answer.content.isEmpty {
                description["content"] = .object(answer.content.mapValues { ["schema": $0] })
            }
            let key = String(answer.status)
            // One status may come as JSON or as events, by the client's choice.
            if case .object(let before)? = answers[key]?["content"], case .object(let now)? = description["content"] {
                description["content"] = .object(before.merging(now) { first, _ in first })
            }
            answers[key] = .object(description)
        }
        var members: [String: JSONValue] = [
            "summary": .string(operation.summary),
            "operationId": .string(identifier(operation)),
            "responses": .object(answers),
        ]
        let parameters = inPath + inQuery + inHeader
        if !parameters.isEmpty { members["parameters"] = .array(parameters) }
        if let body = operation.body {
            members["requestBody"] = [
                "content": ["application/json": ["schema": body]], "required": .bool(body["required"] != nil),
            ]
        }
        return .object(members)
    }

    private func parameter(_ name: String, _ place: String, _ meaning: String, isRequired: Bool) -> JSONValue {
        [
            "name": .string(name), "in": .string(place), "required": .bool(isRequired),
            "description": .string(meaning), "schema": Schema.text,
        ]
    }

    private func identifier(_ operation: Operation) -> String {
        let words = operation.route.pattern.split { !$0.isLetter && !$0.isNumber }
        return ([operation.route.method.lowercased()[...]] + words).joined(separator: "_")
    }

    private static let schemas: [String: JSONValue] = [
        "Problem": Schema.object(
            [
                "type": Schema.text, "title": Schema.text, "status": Schema.number,
                "code": Schema.choice(PlatformError.Code.allCases.map(\.rawValue)), "detail": Schema.text,
                "field": Schema.text,
            ], required: ["type", "title", "status", "code", "detail"]),
        "OpenAIError": OpenAIError.schema,
        "StreamEvent": Schema.object(
            [
                "type": Schema.text, "panel": Schema.choice(Panel.allCases.map(\.rawValue)),
                "stage": Schema.choice(Stage.allCases.map(\.rawValue)), "content": Schema.text,
                "metadata": ["type": "object"],
            ], required: ["type", "content"]),
        "Message": Schema.object(
            [
                "id": Schema.text, "role": Schema.choice(["user", "assistant"]), "content": Schema.text,
                "reasoning": Schema.text, "state": Schema.choice(["streaming", "final"]),
                "outcome": Schema.optionalText, "stream": Schema.optionalText, "provider": Schema.optionalText,
                "model": Schema.optionalText, "usage": ["type": ["object", "null"]],
                "cost": ["type": ["object", "null"]], "spans": Schema.list(["type": "object"]),
                "created_at": Schema.text,
                "reply_to": Schema.optionalText, "retry_of": Schema.optionalText,
            ], required: ["id", "role", "content", "state", "created_at"]),
        "Turn": Schema.object(
            ["stream": Schema.text, "conversation_id": Schema.text, "message": Schema.reference("Message")],
            required: ["stream", "conversation_id", "message"]),
        "Conversation": Schema.object(
            [
                "id": Schema.text, "title": Schema.text, "stage": Schema.choice(["chat", "onboarding"]),
                "created_at": Schema.text, "updated_at": Schema.text,
            ], required: ["id", "title", "stage", "created_at", "updated_at"]),
    ]
}
