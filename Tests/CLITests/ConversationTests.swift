import Core
import Foundation
import JSON
import Testing
import TestSupport

/// Runs on a pseudo terminal, which `script` of util-linux makes.
@Suite("medstream chat on a terminal", .timeLimit(.minutes(1)))
struct ConversationTests {
    static let prompt = "> \u{1B}[0m"

    static func talk(with server: FakeMedstream, environment: [String: String] = [:]) throws -> Execution {
        let command = "exec '\(Medstream.path)' chat --server \(server.url)"
        return try Medstream.start(
            ["--quiet", "--return", "--flush", "--command", command, "/dev/null"], of: "/usr/bin/script",
            environment: environment)
    }

    @Test("talks: a prompt, an answer, and again in the same conversation, until it is told to end")
    func talk() async throws {
        let server = try await FakeMedstream(.whole(FakeMedstream.answer(reasoning: ["Think. "], ["Good ", "day."])))
        let run = try Self.talk(with: server)
        await run.shows(Self.prompt)
        run.type("Hello\n")
        await run.shows(Self.prompt, times: 2)
        #expect(run.output.contains("\u{1B}[2mThink. \u{1B}[0m"))
        #expect(run.output.contains("Good day.\r\n"))
        run.type("\n  \nHow are you?\n")
        await run.shows(Self.prompt, times: 5)
        run.type("/new\n//start over\n")
        await run.shows(Self.prompt, times: 7)
        run.type("/help\n/nonsense\n")
        await run.shows("There is no /nonsense")
        run.type("/quit\n")
        let result = await run.result()
        #expect(result.code == 0)
        #expect(result.output.contains("medstream chat --conversation \(FakeMedstream.conversation)"))
        #expect(server.questions.map { $0.body["message"]?.string } == ["Hello", "How are you?", "/start over"])
        #expect(
            server.questions.map { $0.body["conversation_id"]?.string }
                == [nil, FakeMedstream.conversation.text, nil])
        #expect(Set(server.questions.map(\.key)).count == 3)
    }

    @Test("stops an answer at Ctrl-C and keeps the conversation; at the prompt it ends")
    func interrupt() async throws {
        let events = FakeMedstream.answer(["A long "], end: .done(.cancelled, "You stopped it."))
        let script = FakeMedstream.Script(events: events) { number, _ in
            [.event(1), .event(2), .awaitStop(number)] + (3...events.count).map { .event($0) }
        }
        let server = try await FakeMedstream(script)
        let run = try Self.talk(with: server)
        for round in 1...2 {
            await run.shows(Self.prompt, times: round)
            run.type("Tell me\n")
            await run.shows("A long ", times: round)
            run.type("\u{3}")
            await run.shows("You stopped it.", times: round)
        }
        await run.shows(Self.prompt, times: 3)
        run.type("\u{3}")
        #expect(await run.result().code == 130)
        #expect(server.stops.value == 2)
        #expect(server.questions.map { $0.body["conversation_id"]?.string } == [nil, FakeMedstream.conversation.text])
    }

    @Test("leaves a question at Ctrl-C that the server does not take, and goes on with the conversation")
    func leaveQuestion() async throws {
        let (asked, never) = (Tally(), Tally())
        var script = FakeMedstream.Script.whole(FakeMedstream.answer(["Good day."]))
        script.question = { number in
            asked.add()
            return number == 2 ? FakeMedstream.late { await never.reaches(1) } : nil
        }
        let server = try await FakeMedstream(script)
        let run = try Self.talk(with: server)
        for round in 1...3 {
            await run.shows(Self.prompt, times: round)
            run.type("Question \(round)\n")
            guard round == 2 else { continue }
            await asked.reaches(2)
            run.type("\u{3}")
            let isOver = await within(.seconds(20)) { await run.shows(Self.prompt, times: 3) }
            #expect(isOver, "it waits on")
            if !isOver { run.send(SIGKILL) }
        }
        await run.shows(Self.prompt, times: 4)
        run.type("/quit\n")
        #expect(await run.result().code == 0)
        let named = FakeMedstream.conversation.text
        #expect(server.questions.map { $0.body["conversation_id"]?.string } == [nil, named, named])
        #expect(server.stops.value == 0)
    }

    @Test("ends at Ctrl-D")
    func endOfInput() async throws {
        let server = try await FakeMedstream(.whole([]))
        let run = try Self.talk(with: server)
        await run.shows(Self.prompt)
        run.type("\u{4}")
        #expect(await run.result().code == 0)
    }

    @Test("uses no colours when NO_COLOR is set, and marks the reasoning in words then")
    func plain() async throws {
        let server = try await FakeMedstream(.whole(FakeMedstream.answer(reasoning: ["Think."], ["Speak."])))
        let run = try Self.talk(with: server, environment: ["NO_COLOR": "1"])
        await run.shows("> ")
        run.type("Hello\n")
        await run.shows("> ", times: 2)
        run.type("/quit\n")
        let result = await run.result()
        #expect(!result.output.contains("\u{1B}"))
        #expect(result.output.contains("[reasoning]\r\nThink.\r\n\r\n[answer]\r\nSpeak.\r\n"))
    }

    @Test("does not let an answer steer the terminal")
    func controls() async throws {
        let evil = "a\u{1B}]0;title\u{7}b\u{9B}31mc\rd\te"
        let server = try await FakeMedstream(.whole(FakeMedstream.answer([evil])))
        let run = try Self.talk(with: server)
        await run.shows(Self.prompt)
        run.type("Hello\n")
        await run.shows(Self.prompt, times: 2)
        run.type("/quit\n")
        #expect(await run.result().output.contains("a]0;titleb31mcd\te\r\n"))
    }
}
