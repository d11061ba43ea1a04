import Core
import Foundation
import JSON
import TestSupport

/// One connection to a server, used for one call after the other.
struct Client: Sendable {
    let raw: RawClient

    init(port: Int, receiveBuffer: Int? = nil) throws { raw = try RawClient(port: port, receiveBuffer: receiveBuffer) }

    /// Sends a request; paths that begin with `/` alone stand under `/api/v1` when `isOurs`.
    func send(_ method: String, _ path: String, _ headers: [String: String] = [:], body: String? = nil) async {
        var fields = ["Host": "localhost"]
        if let body {
            fields.merge(["Content-Type": "application/json", "Content-Length": "\(body.utf8.count)"]) { $1 }
        }
        fields.merge(headers) { $1 }
        let head = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
        await raw.send("\(method) \(path) HTTP/1.1\r\n\(head)\r\n\(body ?? "")")
    }

    /// Sends a request and reads the whole answer.
    func call(
        _ method: String, _ path: String, _ headers: [String: String] = [:], body: String? = nil
    ) async throws -> RawResponse {
        await send(method, path, headers, body: body)
        return try await raw.response(to: method)
    }

    /// Says something, and gets the names of the turn.
    func ask(_ message: String, _ headers: [String: String] = [:], _ more: [String: JSONValue] = [:]) async throws
        -> Turn
    {
        let body = JSONValue.object(more.merging(["message": .string(message)]) { $1 })
        return try Turn(await call("POST", "/api/v1/chat/messages", headers, body: text(body)))
    }

    /// Opens a stream and reads the head of its answer.
    ///
    /// - Returns: the head as it came.
    @discardableResult
    func open(
        _ path: String, _ headers: [String: String] = [:], method: String = "GET", body: String? = nil
    ) async throws -> String {
        await send(method, path, headers.merging(["Accept": "text/event-stream"]) { $1 }, body: body)
        return try await raw.receive(until: "\r\n\r\n")
    }

    /// Reads the open stream until it ends, or `isEnough`.
    func watch(_ viewing: inout Viewing, until isEnough: (Viewing) -> Bool = { _ in false }) async throws {
        while !isEnough(viewing), let chunk = try await raw.chunk() { viewing.read(chunk) }
    }

    /// Opens a stream and reads it to its end.
    func view(_ path: String, _ headers: [String: String] = [:], after offset: Int = 0) async throws -> Viewing {
        var viewing = Viewing(after: offset)
        let head = try await open(path, headers)
        guard head.hasPrefix("HTTP/1.1 200 ") else { throw NoStream(head: head) }
        try await watch(&viewing)
        return viewing
    }

    struct NoStream: Error {
        let head: String
    }
}

/// What the start of a turn, or its result, names.
struct Turn: Sendable, Hashable {
    let status: Int
    let stream: String
    let conversation: String
    let message: JSONValue

    init(_ response: RawResponse) throws {
        let body = try JSONValue(parsing: response.body)
        guard let stream = body["stream"]?.string, let conversation = body["conversation_id"]?.string,
            let message = body["message"]
        else { throw Unexpected(response: response.text) }
        status = response.status
        (self.stream, self.conversation, self.message) = (stream, conversation, message)
    }

    var path: String { "/api/v1/streams/\(stream)" }

    struct Unexpected: Error {
        let response: String
    }
}

extension RawResponse {
    var json: JSONValue { (try? JSONValue(parsing: body)) ?? .null }
}
