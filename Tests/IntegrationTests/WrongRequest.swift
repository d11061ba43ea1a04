import Testing

/// A request that is wrong, and what it is told.
struct WrongRequest: Sendable, CustomTestStringConvertible {
    var method = "POST"
    var path = "/chat/messages"
    var headers: [String: String] = [:]
    var body: String?
    var status: Int
    var code: String
    var field: String?

    var testDescription: String { "\(method) \(path.prefix(60)) \(body?.prefix(60) ?? "")" }

    private static let unknown = "01890000-0000-7000-8000-000000000000"
    static let all: [WrongRequest] = [
        WrongRequest(body: "{", status: 400, code: "malformed_body"),
        WrongRequest(body: "[]", status: 400, code: "malformed_body"),
        WrongRequest(
            headers: ["Content-Type": "text/plain"], body: "x", status: 400, code: "malformed_body",
            field: "Content-Type"),
        WrongRequest(body: "{}", status: 422, code: "invalid_request", field: "message"),
        WrongRequest(body: nil, status: 422, code: "invalid_request", field: "message"),
        WrongRequest(body: #"{"message":7}"#, status: 422, code: "invalid_request", field: "message"),
        WrongRequest(body: #"{"message":" \n "}"#, status: 422, code: "invalid_request", field: "message"),
        WrongRequest(
            body: #"{"message":"\#(String(repeating: "ä", count: 32_001))"}"#, status: 422, code: "invalid_request",
            field: "message"),
        WrongRequest(body: #"{"message":"a","mesage":"b"}"#, status: 422, code: "invalid_request", field: "mesage"),
        WrongRequest(body: #"{"message":"a","stage":"triage"}"#, status: 422, code: "invalid_request", field: "stage"),
        WrongRequest(
            body: #"{"message":"a","conversation_id":"x"}"#, status: 422, code: "invalid_request",
            field: "conversation_id"),
        WrongRequest(body: #"{"message":"a","conversation_id":"\#(unknown)"}"#, status: 404, code: "not_found"),
        WrongRequest(
            headers: ["Idempotency-Key": String(repeating: "k", count: 201)], body: #"{"message":"a"}"#, status: 422,
            code: "invalid_request", field: "request_id"),
        WrongRequest(method: "GET", path: "/chat/stream", status: 422, code: "invalid_request", field: "message"),
        WrongRequest(
            method: "GET", path: "/chat/stream?message=a&conversation_id=x", status: 422, code: "invalid_request",
            field: "conversation_id"),
        WrongRequest(method: "DELETE", status: 405, code: "method_not_allowed"),
        WrongRequest(method: "GET", path: "/streams/0123456789", status: 404, code: "not_found"),
        WrongRequest(method: "GET", path: "/streams/short", status: 404, code: "not_found"),
        WrongRequest(path: "/streams/0123456789/stop", status: 404, code: "not_found"),
        WrongRequest(path: "/streams/0123456789/retry", status: 404, code: "not_found"),
        WrongRequest(
            path: "/streams/0123456789/retry", body: #"{"key":"a"}"#, status: 422, code: "invalid_request", field: "key"
        ),
        WrongRequest(method: "GET", path: "/conversations/\(unknown)", status: 404, code: "not_found"),
        WrongRequest(method: "GET", path: "/conversations/\(unknown)/messages", status: 404, code: "not_found"),
        WrongRequest(
            method: "PATCH", path: "/conversations/\(unknown)", body: "{}", status: 422, code: "invalid_request",
            field: "title"),
        WrongRequest(
            method: "GET", path: "/usage?from=2026-02-29", status: 422, code: "invalid_request", field: "from"),
        WrongRequest(method: "GET", path: "/usage?to=today", status: 422, code: "invalid_request", field: "to"),
        WrongRequest(
            method: "GET", path: "/usage?from=2026-03-02&to=2026-03-01", status: 422, code: "invalid_request",
            field: "from"),
        WrongRequest(method: "GET", path: "/usage?by=day,hour", status: 422, code: "invalid_request", field: "by"),
        WrongRequest(
            method: "GET", path: "/conversations?limit=0", status: 422, code: "invalid_request", field: "limit"),
        WrongRequest(
            method: "GET", path: "/conversations?limit=many", status: 422, code: "invalid_request", field: "limit"),
        WrongRequest(
            path: "/conversations", body: #"{"title":7}"#, status: 422, code: "invalid_request", field: "title"),
        WrongRequest(method: "GET", path: "/nothing/here", status: 404, code: "not_found"),
        WrongRequest(
            headers: ["Sec-Fetch-Site": "cross-site"], body: #"{"message":"a"}"#, status: 403, code: "forbidden"),
    ]
}
