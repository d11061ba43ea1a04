import Core
import JSON
import Providers
import TestSupport
import Testing

/// What every provider that speaks HTTP must do, over real sockets; a new one is tested by a line in ``Subject/all``.
@Suite("Any provider over HTTP", .timeLimit(.minutes(1)))
struct ProviderConformanceTests {
    static let prompt = Prompt([.init(.user, "How much paracetamol?")])
    static let pieces = ["At most ", "4 g", " a day", " – 体温 😀"]
    static let text = pieces.joined()

    static func batch() -> Prompt {
        var prompt = prompt
        prompt.streams = false
        return prompt
    }

    /// The beginning of a response, with one piece of text.
    static func half(_ subject: Subject) -> [UInt8] {
        Array(Subject.head("200 OK", subject.streamType).utf8) + Subject.chunk(subject.stream(["Half"])[0])
    }

    @Test("A streamed answer arrives in order and then ends", arguments: Subject.all)
    func stream(subject: Subject) async throws {
        let server = try ScriptedServer { _ in
            [.send(Subject.head("200 OK", subject.streamType))]
                + subject.stream(Self.pieces).map { .sendBytes(Subject.chunk($0)) } + [.send(Subject.end)]
        }
        let answer = await ask(try subject.provider(at: server.url), Self.prompt)
        #expect(answer.error == nil)
        #expect(answer.model == (subject.namesModel ? "kestrel-2" : nil))
        #expect(answer.text == Self.text)
        #expect(answer.finishes == [.stop])
        #expect(answer.deltas.compactMap { if case .content(let text) = $0 { text } else { nil } } == Self.pieces)
    }

    @Test("The same answer at once says the same", arguments: Subject.all)
    func batch(subject: Subject) async throws {
        let server = try ScriptedServer { _ in
            let body = Subject.chunk(subject.batch(Self.text)) + Subject.end
            return [.send(Subject.head("200 OK", "application/json") + body)]
        }
        let answer = await ask(try subject.provider(at: server.url), Self.batch())
        #expect(answer.error == nil)
        #expect(answer.text == Self.text)
        #expect(answer.finishes == [.stop])
    }

    @Test("A piece is handed over when it comes, not when the answer ends", arguments: Subject.all)
    func immediate(subject: Subject) async throws {
        let gate = Gate()
        let server = try ScriptedServer { _ in
            let events = subject.stream(["first", "second"])
            return [
                .send(Subject.head("200 OK", subject.streamType)), .sendBytes(Subject.chunk(events[0])), .wait(gate),
                .sendBytes(events.dropFirst().flatMap { Subject.chunk($0) }), .send(Subject.end),
            ]
        }
        let provider = try subject.provider(at: server.url)
        let text = try await onLoop { actor in
            var seen = ""
            try await provider.answer(Self.prompt, on: actor.loop) { delta in
                if case .content(let text) = delta { seen += text }
                if seen == "first" { gate.open() }
            }
            return seen
        }
        #expect(text == "firstsecond")
    }

    @Test("One request is sent, with the key and the question", arguments: Subject.all)
    func request(subject: Subject) async throws {
        let seen = Requests()
        let server = try ScriptedServer { request in
            seen.add(request)
            return [.send(Subject.head("200 OK", subject.streamType) + Subject.end)]
        }
        let provider = try subject.provider(at: server.url, "headers: { X-Ward: three }")
        _ = await ask(provider, Self.prompt)
        let request = try #require(seen.all.first)
        #expect(seen.all.count == 1)
        #expect(request.line.hasPrefix("POST /v1/"))
        #expect(request.headers.contains { $0.contains("hush-123") })
        #expect(request.header("X-Ward") == "three")
        #expect(request.header("Content-Type") == "application/json")
        #expect(request.header("Accept-Encoding") == nil)
        #expect(String(decoding: request.body, as: UTF8.self).contains("How much paracetamol?"))
        #expect(try JSONValue(parsing: request.body).object != nil)
    }

    @Test("An answer that breaks off is an error after what came of it", arguments: Subject.all)
    func truncated(subject: Subject) async throws {
        let ends: [[ScriptedServer.Step]] = [[.send(Subject.end)], [.close]]
        for end in ends {
            let server = try ScriptedServer { _ in [.sendBytes(Self.half(subject))] + end }
            let answer = await ask(try subject.provider(at: server.url), Self.prompt)
            #expect(answer.text == "Half")
            #expect(answer.error?.code == .providerTruncated)
            #expect(answer.finishes.isEmpty)
        }
    }

    @Test("A connection that breaks after the answer's end does no harm", arguments: Subject.all)
    func brokenAfterEnd(subject: Subject) async throws {
        let server = try ScriptedServer { _ in
            let body = subject.stream(Self.pieces).flatMap { Subject.chunk($0) }
            return [.send(Subject.head("200 OK", subject.streamType)), .sendBytes(body), .close]
        }
        let answer = await ask(try subject.provider(at: server.url), Self.prompt)
        #expect(answer.error == nil)
        #expect(answer.text == Self.text)
        #expect(answer.finishes == [.stop])
    }

    @Test(
        "A status is an error of its class, with the wait that was asked for and without the key",
        arguments: Subject.all,
        [
            ("401 Unauthorized", .providerAuthentication), ("404 Not Found", .modelNotFound),
            ("429 Too Many Requests", .rateLimited), ("500 Oops", .providerFailed), ("302 Found", .providerRejected),
            ("503 Busy", .providerOverloaded),
        ] as [(String, PlatformError.Code)])
    func status(subject: Subject, status: (line: String, code: PlatformError.Code)) async throws {
        let server = try ScriptedServer { _ in
            let body = #"{"error":{"message":"key hush-123 of How much paracetamol?"}}"#
            let more = "Retry-After: 7\r\nLocation: http://model.test/\r\n"
            return [.send(Subject.head(status.line, "application/json", more) + Subject.chunk(body) + Subject.end)]
        }
        let answer = await ask(try subject.provider(at: server.url), Self.prompt)
        let error = try #require(answer.error)
        #expect(error.code == status.code)
        #expect(error.retryAfter == (status.code.isRetryable ? .seconds(7) : nil))
        #expect(!error.debugDescription.contains("hush") && !error.debugDescription.contains("paracetamol"))
        #expect(answer.deltas.isEmpty)
    }

    @Test("Where nobody listens, the provider cannot be reached", arguments: Subject.all)
    func unreachable(subject: Subject) async throws {
        let url = "http://127.0.0.1:1"
        let answer = await ask(try subject.provider(at: url), Self.prompt)
        #expect(answer.error?.code == .providerUnreachable)
    }

    @Test("A silent provider runs out of time, before and in the answer", arguments: Subject.all)
    func silent(subject: Subject) async throws {
        for start in [[], Self.half(subject)] {
            let server = try ScriptedServer { _ in [.sendBytes(start), .awaitDisconnect] }
            let provider = try subject.provider(at: server.url, "timeouts: { first_byte: 100ms, idle: 100ms }")
            let answer = await ask(provider, Self.prompt)
            #expect(answer.error?.code == .timedOut)
            #expect(answer.text == (start.isEmpty ? "" : "Half"))
            await server.disconnects.reaches(1)
        }
    }

    @Test("Cancelling the task ends the request", arguments: Subject.all)
    func cancelled(subject: Subject) async throws {
        let server = try ScriptedServer { _ in [.sendBytes(Self.half(subject)), .awaitDisconnect] }
        let provider = try subject.provider(at: server.url)
        let task = Task { await ask(provider, Self.prompt) }
        await server.requests.reaches(1)
        task.cancel()
        let answer = await task.value
        #expect(answer.error?.code == .cancelled)
        await server.disconnects.reaches(1)
    }

    @Test("The settings name what is missing", arguments: Subject.all)
    func settings(subject: Subject) throws {
        #expect(throws: (any Error).self) { try subject.provider(at: "ftp:") }
        #expect(throws: (any Error).self) { try subject.provider(at: "http://x", "no_such_key: 1") }
        #expect(try subject.provider(at: "http://x").model == "kestrel-2")
        #expect(try !String(reflecting: subject.provider(at: "http://x")).contains("hush"))
    }
}
