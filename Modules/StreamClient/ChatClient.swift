public import Core
import HTTPClient
import JSON
public import Reactor

/// The calls that begin and end an answer, and those that ask for what is on record.
///
/// One for each loop and server.
public actor ChatClient {
    private let server: ServerAddress
    private let loop: EventLoop
    private let backoff: Backoff

    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Opens no connection yet; `backoff` is for calls that fail and may be sent again.
    public init(to server: ServerAddress, on loop: EventLoop, backoff: Backoff = .call) {
        self.server = server
        self.loop = loop
        self.backoff = backoff
    }

    /// What the user says, and where.
    public struct Question: Sendable {
        public var text: String
        /// `nil` begins a new conversation.
        public var conversation: ConversationID?
        public var stage: Stage

        public init(_ text: String, in conversation: ConversationID? = nil, stage: Stage = .chat) {
            self.text = text
            self.conversation = conversation
            self.stage = stage
        }
    }

    /// An answer under way.
    public struct Turn: Sendable, Hashable {
        public var stream: StreamID
        public var conversation: ConversationID
    }

    /// Sends a question, again when the call fails for a passing reason.
    ///
    /// One key goes with all attempts, so that there is one answer, however many of them arrived.
    public func ask(_ question: Question) async throws(ClientError) -> Turn {
        var body: [String: JSONValue] = ["message": .string(question.text), "stage": .string(question.stage.rawValue)]
        body["conversation_id"] = question.conversation.map { .string($0.text) }
        let headers = [("Idempotency-Key", UUIDv7.make()), ("Content-Type", "application/json")]
        let json = Array(JSONValue.object(body).jsonText.utf8)
        let answer = try await call("POST", "/chat/messages", headers: headers, body: json)
        guard let stream = answer["stream"]?.string.flatMap(StreamID.init),
            let conversation = answer["conversation_id"]?.string.flatMap(ConversationID.init)
        else { throw .incomprehensible("the answer names no stream") }
        return Turn(stream: stream, conversation: conversation)
    }

    /// Ends an answer.
    ///
    /// What was said so far stays; an answer that has ended already stays as it is.
    public func stop(_ stream: StreamID) async throws(ClientError) {
        _ = try await call("POST", "/streams/\(stream)/stop")
    }

    func call(
        _ method: String, _ path: String, headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) async throws(ClientError) -> JSONValue {
        var backoff = backoff
        var random = SystemRandomNumberGenerator()
        while true {
            do throws(ClientError) {
                return try await attempt(method, path, headers, body)
            } catch {
                guard error.isTransient,
                    let delay = backoff.failed(floor: error.retryAfter ?? .zero, using: &random),
                    (try? await loop.sleep(for: delay)) != nil
                else { throw error }
            }
        }
    }

    private func attempt(
        _ method: String, _ path: String, _ headers: [(name: String, value: String)], _ body: [UInt8]
    ) async throws(ClientError) -> JSONValue {
        var request = OutgoingRequest(
            method, server.url(path), headers: [("Accept", "application/json")] + headers, body: body)
        request.deadlines.firstByte = .seconds(30)
        request.deadlines.total = .seconds(60)
        let response: IncomingResponse
        let answer: [UInt8]
        do {
            response = try await HTTPClient.on(loop).open(request)
            answer = try await response.wholeBody()
        } catch {
            throw .unreachable(error)
        }
        guard (200..<300).contains(response.status) else {
            throw .refused(Problem(response.status, response.headers, answer))
        }
        guard let json = try? JSONValue(parsing: answer), json.object != nil else {
            throw .incomprehensible("the answer is no JSON object")
        }
        return json
    }
}

extension IncomingResponse {
    /// A body that is bounded by what it is for: past 1 MiB the rest is left unread.
    func wholeBody() async throws(HTTPClientError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < 1 << 20, try await read({ for index in $0.indices { bytes.append($0[index]) } }) {}
        return bytes
    }
}
