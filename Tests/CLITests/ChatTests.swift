import Core
import Foundation
import HTTPServer
import JSON
import Testing
import TestSupport

@Suite("medstream chat", .timeLimit(.minutes(1)))
struct ChatTests {
    static let words = ["Chest pain ", "that comes ", "with breath ", "needs a ", "look: naïve ", "or not."]
    static let text = words.joined()
    static let events = FakeMedstream.answer(reasoning: ["Think ", "first."], words)

    @Test("prints an answer, and nothing else, for a question on the command line or on standard input")
    func answer() async throws {
        for isPiped in [false, true] {
            let server = try await FakeMedstream(.whole(Self.events))
            let run =
                isPiped
                ? try await Medstream.run("chat", "--server", server.url, input: "What is it?\nSay.\n")
                : try await Medstream.run("chat", "What is it?", "--server", server.url)
            #expect(run == Execution.Result(output: Self.text + "\n", errors: "", code: 0))
            let question = try #require(server.questions.first)
            #expect(server.questions.count == 1)
            #expect(question.body["message"]?.string == (isPiped ? "What is it?\nSay.\n" : "What is it?"))
            #expect(question.body["stage"]?.string == "chat")
            #expect(question.body["conversation_id"] == nil)
            #expect(question.key?.isEmpty == false)
        }
    }

    @Test("prints the reasoning before the answer when asked to")
    func reasoning() async throws {
        let server = try await FakeMedstream(.whole(Self.events))
        let run = try await Medstream.run("chat", "Hi", "--show-reasoning", "--server", server.url)
        #expect(run.output == "[reasoning]\nThink first.\n\n[answer]\n\(Self.text)\n")
        #expect(run.code == 0)
    }

    @Test("sends the conversation and the stage")
    func place() async throws {
        let server = try await FakeMedstream(.whole(Self.events))
        _ = try await Medstream.run(
            "chat", "Hi", "--conversation", FakeMedstream.conversation.text, "--stage=onboarding",
            environment: ["MEDSTREAM_SERVER": server.url])
        let question = try #require(server.questions.first)
        #expect(question.body["conversation_id"]?.string == FakeMedstream.conversation.text)
        #expect(question.body["stage"]?.string == "onboarding")
    }

    @Test("prints the events for programs, each on a line with its id")
    func json() async throws {
        let server = try await FakeMedstream(.whole(Self.events))
        let run = try await Medstream.run("chat", "Hi", "--json", "--server", server.url)
        let lines = run.output.split(separator: "\n")
        #expect(lines.count == Self.events.count)
        for (index, line) in lines.enumerated() {
            let json = try JSONValue(parsing: String(line))
            #expect(json["id"]?.string == "\(FakeMedstream.stream)-\(index + 1)")
            var event = try StreamEvent(json: json)
            event.extra["id"] = nil
            #expect(event == Self.events[index])
        }
        #expect(run.code == 0)
    }

    @Test("goes on where it was when the connection is cut, wherever that is", arguments: [1, 2, 5, 8, 11])
    func resume(cut: Int) async throws {
        let events = Self.events
        let script = FakeMedstream.Script(events: events) { number, offset in
            if number == 1 { return (1...cut).map { .event($0) } + [.text("id: half\ndata: {\"type\":\"con"), .cut] }
            // The server repeats the last event, which the client has seen.
            return (max(offset, 1)...events.count).map { .event($0) }
        }
        let server = try await FakeMedstream(script)
        let run = try await Medstream.run("chat", "Hi", "--server", server.url)
        #expect(run.output == Self.text + "\n")
        #expect(run.errors == "medstream: the connection was lost; reconnecting\nmedstream: reconnected\n")
        #expect(run.code == 0)
        #expect(server.offsets.first == 0)
        #expect(server.offsets.dropFirst().allSatisfy { $0 <= cut })
        #expect(server.questions.count == 1)
    }

    @Test("puts the rest of the text in its place when the server can only send it whole")
    func resync() async throws {
        let events = Self.events
        let texts = [
            StreamEvent.PanelText(panel: .reasoning, stage: .chat, text: "Think first."),
            StreamEvent.PanelText(panel: .chat, stage: .chat, text: Self.text),
        ]
        let resync = StreamEvent.resync(texts)
        let script = FakeMedstream.Script(events: events) { number, _ in
            if number == 1 { return (1...7).map { .event($0) } + [.cut] }
            let json = String(decoding: resync.jsonBytes, as: UTF8.self)
            return [
                .text("id: \(FakeMedstream.stream)-\(events.count - 1)\ndata: \(json)\n\n"), .event(events.count),
            ]
        }
        let server = try await FakeMedstream(script)
        let run = try await Medstream.run("chat", "Hi", "--server", server.url)
        #expect(run.output == Self.text + "\n")
        #expect(run.code == 0)
    }

    @Test("says so when text that was shown is revised")
    func rewrite() async throws {
        var events = FakeMedstream.answer(["Take two. ", "Call me."])
        events.insert(.retract("A dose was withdrawn.", span: 0..<10, panel: .chat, stage: .chat), at: 3)
        let server = try await FakeMedstream(.whole(events))
        let run = try await Medstream.run("chat", "Hi", "--server", server.url)
        #expect(run.output.hasSuffix("Call me.\n"))
        #expect(run.errors.contains("A dose was withdrawn."))
        #expect(run.errors.contains("revised"))
    }

    @Test("sends a question again under the same key when the first attempt fails")
    func retriedQuestion() async throws {
        var script = FakeMedstream.Script.whole(Self.events)
        script.question = { number in
            number < 3 ? HTTPError(503, code: "unavailable", "Busy.", headers: ["Retry-After": "0"]).response : nil
        }
        let server = try await FakeMedstream(script)
        let run = try await Medstream.run("chat", "Hi", "--server", server.url)
        #expect(run.output == Self.text + "\n")
        #expect(run.code == 0)
        #expect(server.questions.count == 3)
        #expect(Set(server.questions.map(\.key)).count == 1)
    }

    @Test(
        "tells by its exit code how an answer ended",
        arguments: [
            (StreamEvent.done(.complete), 0), (.done(.truncated, "The limit was reached."), 1),
            (.done(.blocked, "A filter withheld it."), 1), (.done(.cancelled, "Stopped elsewhere."), 1),
            (.done(.failed, "The model is down."), 1),
        ] as [(StreamEvent, Int32)])
    func outcome(end: StreamEvent, code: Int32) async throws {
        let server = try await FakeMedstream(.whole(FakeMedstream.answer(["Some text"], end: end)))
        let run = try await Medstream.run("chat", "Hi", "--server", server.url)
        #expect(run.output == "Some text\n")
        #expect(end.content.isEmpty ? run.errors.isEmpty : run.errors.contains(end.content))
        #expect(run.code == code)
    }

    @Test("shows an error of the stream and keeps the text before it")
    func streamError() async throws {
        var events = FakeMedstream.answer(["Half an "], end: .done(.failed))
        events.insert(.error(PlatformError(.providerFailed, "The model broke off. Try again.")), at: events.count - 1)
        let server = try await FakeMedstream(.whole(events))
        let run = try await Medstream.run("chat", "Hi", "--server", server.url)
        #expect(run.output == "Half an \n")
        #expect(run.errors.contains("The model broke off. Try again."))
        #expect(run.code == 1)
    }

    @Test(
        "says what the server says when it refuses",
        arguments: [
            (404, "not_found", 1), (422, "invalid_request", 1), (413, "too_large", 1), (429, "rate_limited", 69),
        ]
            as [(Int, String, Int32)])
    func refusal(status: Int, name: String, code: Int32) async throws {
        var script = FakeMedstream.Script.whole([])
        script.question = { _ in
            HTTPError(status, code: name, "This is why.", headers: ["Retry-After": "3600"]).response
        }
        let server = try await FakeMedstream(script)
        let run = try await Medstream.run("chat", "Hi", "--server", server.url)
        #expect(run == Execution.Result(output: "", errors: "medstream: This is why.\n", code: code))
        #expect(server.questions.count == 1)

        let json = try await Medstream.run("chat", "Hi", "--json", "--server", server.url)
        let event = try StreamEvent(json: JSONValue(parsing: json.output))
        #expect(event.type == .error)
        #expect(event.errorCode == name)
        #expect(json.code == code)
    }

    @Test("says that the server cannot be reached")
    func unreachable() async throws {
        let run = try await Medstream.run("chat", "Hi", "--server", "http://127.0.0.1:1")
        #expect(run.code == 69)
        #expect(run.output.isEmpty)
        #expect(run.errors.contains("cannot be reached"))
    }

    @Test("gives an answer up that the server no longer knows, and keeps the text")
    func lostStream() async throws {
        let script = FakeMedstream.Script(events: Self.events) { number, _ in
            if number == 1 { return (1...6).map { .event($0) } + [.cut] }
            return [.answer(HTTPError(404, code: "not_found", "There is no such stream.").response)]
        }
        let server = try await FakeMedstream(script)
        let run = try await Medstream.run("chat", "Hi", "--server", server.url)
        #expect(run.output.hasPrefix("Chest pain "))
        #expect(run.errors.contains("There is no such stream."))
        #expect(run.code == 1)
    }

    @Test("stops the answer at Ctrl-C and keeps what was said")
    func stop() async throws {
        let events = FakeMedstream.answer(["Some text "], end: .done(.cancelled, "You stopped it."))
        let script = FakeMedstream.Script(events: events) { _, _ in
            [.event(1), .event(2), .awaitStop(1)] + (3...events.count).map { .event($0) }
        }
        let server = try await FakeMedstream(script)
        let run = try Medstream.start(["chat", "Hi", "--server", server.url])
        await run.shows("Some text")
        run.send(SIGINT)
        let result = await run.result()
        #expect(result.output == "Some text \n")
        #expect(result.errors.contains("You stopped it."))
        #expect(result.code == 130)
        #expect(server.stops.value == 1)
    }

    @Test("leaves a question at Ctrl-C that the server does not take, and stops its answer where it does")
    func leaveQuestion() async throws {
        for isTaken in [false, true] {
            let (asked, gate) = (Tally(), Tally())
            let events = FakeMedstream.answer(["Some text "], end: .done(.cancelled, "You stopped it."))
            var script = FakeMedstream.Script(events: events) { _, _ in
                [.event(1), .event(2), .awaitStop(1)] + (3...events.count).map { .event($0) }
            }
            script.question = { _ in
                asked.add()
                return FakeMedstream.late { await gate.reaches(1) }
            }
            let server = try await FakeMedstream(script)
            let run = try Medstream.start(["chat", "Hi", "--server", server.url])
            await asked.reaches(1)
            run.send(SIGINT)
            if isTaken { gate.add() }
            #expect(await within(.seconds(20)) { _ = await run.result() }, "it waits on")
            run.send(SIGKILL)
            let result = await run.result()
            #expect(result.code == 130)
            #expect(server.questions.count == 1)
            #expect(server.stops.value == (isTaken ? 1 : 0))
            #expect(result.output == (isTaken ? "Some text \n" : ""))
            #expect(result.errors.contains(isTaken ? "You stopped it." : "stopped before the server had answered"))
        }
    }

    @Test("ends at a second Ctrl-C, whatever the server does")
    func leave() async throws {
        let script = FakeMedstream.Script(events: Self.events) { _, _ in (1...5).map { .event($0) } + [.hold] }
        let server = try await FakeMedstream(script)
        let run = try Medstream.start(["chat", "Hi", "--server", server.url])
        await run.shows("Chest pain")
        run.send(SIGINT)
        await server.stops.reaches(1)
        run.send(SIGINT)
        #expect(await run.result().code == 130)
    }

    @Test("ends quietly when nobody reads its output any more")
    func closedOutput() async throws {
        let script = FakeMedstream.Script(events: Self.events) { _, _ in
            (1...5).map { .event($0) } + [.awaitStop(1)] + (6...Self.events.count).map { .event($0) }
        }
        let server = try await FakeMedstream(script)
        let run = try Medstream.start(
            [
                "-c", "{ \"$0\" chat Hi --server \"$1\"; echo \"code $?\" >&2; } | head -c 5",
                Medstream.path, server.url,
            ],
            of: "/bin/bash")
        await run.shows("Chest")
        server.stops.add()
        let result = await run.result()
        #expect(result.output == "Chest")
        #expect(result.errors == "code 141\n")
    }

    @Test(
        "refuses what it cannot understand",
        arguments: [
            (["chat", "--jsno", "Hi"], "did you mean '--json'?"), (["chat", "Hi", "there"], "put quotes around"),
            (["chat", "--server", "localhost", "Hi"], "--server must be a URL"),
            (["chat", "--conversation", "7", "Hi"], "--conversation must be the id of a conversation"),
            (["chat", "--stage", "chta", "Hi"], "did you mean 'chat'?"), (["chat"], "nothing to ask"),
            (["chat", " "], "nothing to ask"), ([], "expected a command"), (["chta"], "did you mean 'chat'?"),
        ])
    func usage(arguments: [String], expected: String) async throws {
        let run = try Medstream.start(arguments)
        run.endInput()
        let result = await run.result()
        #expect(result.output.isEmpty)
        #expect(result.errors.contains(expected))
        #expect(result.errors.contains("--help'."))
        #expect(result.code == 64)
    }
}
