import Core
import HTTPServer

/// One call: its route and what the API's document says of it, side by side so that they change together.
struct Operation: Sendable {
    var route: Route
    /// One line, in the imperative.
    let summary: String
    let query: [Parameter]
    let headers: [Parameter]
    /// The schema of the request's body.
    let body: JSONValue?
    let answers: [Answer]

    struct Parameter: Sendable {
        let name: String
        let meaning: String
        let isRequired: Bool

        static func required(_ name: String, _ meaning: String) -> Parameter {
            Parameter(name: name, meaning: meaning, isRequired: true)
        }

        static func optional(_ name: String, _ meaning: String) -> Parameter {
            Parameter(name: name, meaning: meaning, isRequired: false)
        }
    }

    struct Answer: Sendable {
        let status: Int
        let meaning: String
        /// Media type and schema; nothing when the answer has no body.
        let content: [String: JSONValue]

        init(_ status: Int, _ meaning: String, _ content: [String: JSONValue] = [:]) {
            self.status = status
            self.meaning = meaning
            self.content = content
        }

        static func json(_ status: Int, _ meaning: String, _ schema: JSONValue) -> Answer {
            Answer(status, meaning, ["application/json": schema])
        }

        static func events(_ meaning: String) -> Answer {
            Answer(200, meaning, ["text/event-stream": Schema.reference("StreamEvent")])
        }

        /// The error answers of a call, by status.
        static func problems(_ statuses: Int...) -> [Answer] {
            statuses.map {
                Answer($0, Response.reason(of: $0), ["application/problem+json": Schema.reference("Problem")])
            }
        }
    }

    init(
        _ method: String, _ path: String, _ summary: String, query: [Parameter] = [], headers: [Parameter] = [],
        body: JSONValue? = nil, answers: [Answer], handler: @escaping Handler
    ) {
        route = Route(method, path, handler: handler)
        self.summary = summary
        self.query = query
        self.headers = headers
        self.body = body
        self.answers = answers
    }

    func under(_ prefix: String) -> Operation {
        var operation = self
        operation.route = Route(route.method, prefix + route.pattern, handler: route.handler)
        return operation
    }
}

/// JSON Schema (2020-12), as OpenAPI 3.1 uses it.
enum Schema {
    static let text: JSONValue = ["type": "string"]
    static let optionalText: JSONValue = ["type": ["string", "null"]]
    static let number: JSONValue = ["type": "integer"]
    static let flag: JSONValue = ["type": "boolean"]

    static func reference(_ name: String) -> JSONValue {
        ["$ref": .string("#/components/schemas/\(name)")]
    }

    static func object(_ members: [String: JSONValue], required: [String] = []) -> JSONValue {
        var schema: [String: JSONValue] = ["type": "object", "properties": .object(members)]
        if !required.isEmpty { schema["required"] = .array(required.sorted().map { .string($0) }) }
        return .object(schema)
    }

    static func list(_ element: JSONValue) -> JSONValue { ["type": "array", "items": element] }

    static func choice(_ words: [String]) -> JSONValue {
        ["type": "string", "enum": .array(words.map { .string($0) })]
    }
}
