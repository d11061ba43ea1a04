import Core
import HTTPServer
import JSON
import Reactor
import Synchronization
import TestSupport

/// A server that speaks Medstream's interface and does what a test's script says, over real connections.
final class FakeMedstream: Sendable {
    static let stream = StreamID("7f3k9q2m4x") ?? StreamID()
    static let conversation = ConversationID("01890a5d-ac96-774b-bcce-b302099a8057") ?? ConversationID()

    /// How a connection to a stream goes on.
    enum Move: Sendable {
        /// The event of this place in the script's events, counted from 1.
        case event(Int)
        /// Any bytes.
        case text(String)
        /// Holds until so many questions to stop have come.
        case awaitStop(Int)
        /// Holds until the client goes.
        case hold
        /// Breaks the connection off.
        case cut
        /// Answers with this in place of a stream; only as the first move.
        case answer(Response)
    }

    /// A question, as it came in.
    struct Question: Sendable {
        var body: JSONValue
        var key: String?
    }

    struct Script: Sendable {
        var events: [StreamEvent] = []
        /// Answers the n-th question, counted from 1; `nil` starts the stream.
        var question: @Sendable (Int) -> Response? = { _ in nil }
        /// What the n-th connection to the stream does, which wants the events after `offset`.
        var connection: @Sendable (_ number: Int, _ offset: Int) -> [Move]

        /// Streams all events, to each that comes.
        static func whole(_ events: [StreamEvent]) -> Script {
            Script(events: events) { _, offset in (offset..<events.count).map { .event($0 + 1) } }
        }
    }

    private struct Log {
        var questions: [Question] = []
        var offsets: [Int] = []
    }

    private let log = Mutex(Log())
    private let script: Script
    let stops = Tally()
    private let never = Tally()
    private let server = Mutex<HTTPServer?>(nil)
    let url: String

    var questions: [Question] { log.withLock { $0.questions } }
    /// The offset each connection to the stream asked for.
    var offsets: [Int] { log.withLock { $0.offsets } }

    init(_ script: Script) async throws {
        self.script = script
        let loop = EventLoop()
        loop.start()
        var settings = HTTPServerSettings()
        settings.port = 0
        let box = Box()
        let server = try await HTTPServer(settings, on: [loop]) { request in
            guard let fake = box.fake.withLock({ $0 }) else { throw HTTPError(503, code: "starting", "Starting.") }
            return try fake.answer(request)
        }
        url = "http://127.0.0.1:\(server.port)"
        self.server.withLock { $0 = server }
        box.fake.withLock { $0 = self }
    }

    /// The handler exists before the fake that it speaks for.
    private final class Box: Sendable {
        let fake = Mutex<FakeMedstream?>(nil)
    }

    private struct Cut: Error {}

    private func answer(_ request: Request) throws -> Response {
        let stream = "/api/v1/streams/\(Self.stream)"
        switch (request.method, request.path) {
        case ("POST", "/api/v1/chat/messages"): return try ask(request)
        case ("POST", "\(stream)/stop"):
            stops.add()
            return .json(Array(#"{"stream":"\#(Self.stream)","state":"stopping"}"#.utf8), status: 202)
        case ("GET", stream): return attach(request)
        default: return HTTPError(404, code: "not_found", "There is nothing at \(request.path).").response
        }
    }

    private func ask(_ request: Request) throws -> Response {
        let question = Question(body: try JSONValue(parsing: request.body), key: request.headers["Idempotency-Key"])
        let number = log.withLock { log in
            log.questions.append(question)
            return log.questions.count
        }
        if let response = script.question(number) { return response }
        return .json(Array(Self.names.utf8), status: 202)
    }

    private static let names = #"{"stream":"\#(stream)","conversation_id":"\#(conversation)","message":{}}"#

    /// Starts the stream, but tells its name only when `wait` is over.
    static func late(_ wait: @escaping @Sendable () async -> Void) -> Response {
        Response(
            202, headers: ["Content-Type": "application/json"],
            body: .stream { writer in
                await wait()
                try await writer.write(Array(names.utf8))
            })
    }

    private func attach(_ request: Request) -> Response {
        let offset = request.headers["Last-Event-ID"].flatMap { EventID($0) }?.offset ?? 0
        let number = log.withLock { log in
            log.offsets.append(offset)
            return log.offsets.count
        }
        let moves = script.connection(number, offset)
        if case .answer(let response) = moves.first { return response }
        return Response(
            headers: ["Content-Type": "text/event-stream; charset=utf-8"],
            body: .stream { writer in
                try await writer.write(Array("retry: 1\n\n".utf8))
                for move in moves { try await self.make(move, writer, on: request.loop) }
            })
    }

    private func make(_ move: Move, _ writer: BodyWriter, on loop: EventLoop) async throws {
        switch move {
        case .event(let offset):
            var bytes: [UInt8] = []
            script.events[offset - 1].appendServerSentEvent(
                id: EventID(stream: Self.stream, offset: offset), to: &bytes)
            try await writer.write(bytes)
        case .text(let text): try await writer.write(Array(text.utf8))
        case .awaitStop(let count): await stops.reaches(count)
        case .hold: await never.reaches(1)
        case .cut:
            // A turn of the loop later, so that what was written has gone out.
            await withCheckedContinuation { next in loop.execute { next.resume() } }
            throw Cut()
        case .answer: break
        }
    }
}

extension FakeMedstream {
    /// The events of an answer, as a server makes them.
    static func answer(
        reasoning: [String] = [], _ words: [String], end: StreamEvent = .done(.complete)
    ) -> [StreamEvent] {
        var events: [StreamEvent] = [
            .start(stream: stream, conversation: conversation, message: MessageID(), stage: .chat)
        ]
        for (panel, words) in [(Panel.reasoning, reasoning), (.chat, words)] where !words.isEmpty {
            events += words.enumerated().map { .chunk($1, panel: panel, stage: .chat, index: $0) }
            events.append(.stageComplete(panel: panel, stage: .chat))
        }
        return events + [.saved(message: MessageID()), end]
    }
}
