import Chat
import Core
import Hashing
import Persistence
import Streaming
import TestSupport
import Testing

/// One question and its answer, well or badly.
@Suite("Turns", .timeLimit(.minutes(1)))
struct TurnTests {
    @Test("A turn tells its story in order: start, reasons, answer, saved, done; and what was shown is what is stored")
    func story() async throws {
        let usage = Usage(input: 12, output: 30, total: 42)
        let clinic = Clinic { _ in
            [
                .give([.start(model: "scripted-1-june")]), .think("Let me think "), .think("about it."),
                .say("Take a rest. "), .say("Drink."), .give([.finish(.stop), .usage(usage)]),
            ]
        }
        let (turn, transcript, message) = try await clinic.answer(to: "I am tired.")
        #expect(
            transcript.story == [.streamStart, .stageComplete, .stageComplete, .saved, .streamDone])
        #expect(transcript.faults == [])
        #expect(transcript.texts == [.reasoning: "Let me think about it.", .chat: "Take a rest. Drink."])
        let panels = transcript.events.compactMap(\.panel)
        let reasons = panels.count { $0 == .reasoning }
        #expect(panels.dropFirst(reasons).allSatisfy { $0 == .chat })

        let start = try #require(transcript.event(.streamStart))
        #expect(start.metadata["stream"]?.string == turn.stream.text)
        #expect(start.metadata["conversation_id"]?.string == turn.conversation.text)
        #expect(start.metadata["message_id"]?.string == turn.assistantMessage.text)
        #expect(start.provider == "scripted")

        let saved = try #require(transcript.event(.saved))
        #expect(saved.sha256 == SHA256.hex(of: "Take a rest. Drink."))
        #expect(saved.length == 19)
        let done = try #require(transcript.event(.streamDone))
        #expect(done.outcome == .complete)
        #expect(done.usage == usage)
        #expect(done.model == "scripted-1-june")

        #expect(message.text == "Take a rest. Drink.")
        #expect(message.reasoning == "Let me think about it.")
        #expect(message.outcome == .complete)
        #expect(message.state == .final)
        #expect(message.usage == usage)
        #expect(message.provider == "scripted")
        #expect(message.model == "scripted-1-june")
        #expect(message.lastOffset == transcript.last)
        #expect(message.replyTo == turn.userMessage)
    }

    @Test("The message is stored, and the answer's row open, before the model says anything")
    func storedFirst() async throws {
        let door = Door()
        let clinic = Clinic { _ in [.hold(door), .say("Late."), .finish()] }
        let turn = try await clinic.ask("Is this kept?")
        let messages = try await clinic.messages(turn.conversation)
        #expect(messages.map(\.text) == ["Is this kept?", ""])
        #expect(messages.map(\.state) == [.final, .streaming])
        #expect(messages.map(\.id) == [turn.userMessage, turn.assistantMessage])
        door.open()
        #expect(try await clinic.watch(turn).texts == [.chat: "Late."])
    }

    @Test("A saved answer can be read before anybody is told that it is saved")
    func savedBeforeDone() async throws {
        let clinic = Clinic()
        let turn = try await clinic.ask("Quick.")
        let log = try #require(clinic.hub.log(turn.stream, for: someone))
        var transcript = Viewing()
        while transcript.event(.saved) == nil, let batch = await log.next(after: transcript.last) {
            transcript.read(batch.bytes)
        }
        #expect(try await clinic.service.message(of: turn, as: someone).text == "An answer.")
    }

    @Test("A conversation begun by a message is named after its first line")
    func title() async throws {
        let clinic = Clinic()
        let short = try await clinic.ask("What is ACE?\nAnd ARB?")
        #expect(try await clinic.service.conversation(short.conversation, as: someone).title == "What is ACE?")
        let long = try await clinic.ask(String(repeating: "long ", count: 100))
        #expect(try await clinic.service.conversation(long.conversation, as: someone).title.count == 60)
    }

    @Test(
        "A message that is empty or too long is refused by name",
        arguments: ["", "  \n\t ", String(repeating: "x", count: 101), String(repeating: "👩🏽‍⚕️", count: 101)])
    func refused(text: String) async throws {
        let clinic = Clinic(chat: { $0.maxMessageCharacters = 100 })
        let error = await #expect(throws: PlatformError.self) { try await clinic.ask(text) }
        #expect(error?.code == .invalidRequest)
        #expect(error?.field == "message")
        #expect(clinic.provider.prompts.isEmpty)
    }

    @Test("The length of a message is counted in characters, not in bytes")
    func characters() async throws {
        let clinic = Clinic(chat: { $0.maxMessageCharacters = 100 })
        let turn = try await clinic.ask(String(repeating: "👩🏽‍⚕️", count: 100))
        #expect(try await clinic.watch(turn).outcome == .complete)
    }

    // MARK: Asking once

    @Test("The same key with the same question is the same turn, while it runs and afterwards")
    func join() async throws {
        let door = Door()
        let clinic = Clinic { _ in [.say("Once."), .hold(door), .finish()] }
        let first = try await clinic.ask("Only once.", key: "k1")
        let second = try await clinic.ask("Only once.", key: "k1")
        #expect(first == second)
        door.open()
        _ = try await clinic.watch(first)
        #expect(try await clinic.ask("Only once.", key: "k1") == first)
        #expect(clinic.provider.prompts.count == 1)
        #expect(try await clinic.messages(first.conversation).count == 2)
    }

    @Test("Of many at once with one key all get the one turn, and can watch it", arguments: UInt64(1)...20)
    func race(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let clinic = Clinic { _ in [.say("Once."), .finish()] }
        let places = (0..<12).map { _ in Int.random(in: 0..<3, using: &random) }
        let results = try await withThrowingTaskGroup(of: (TurnReference, Viewing).self) { group in
            for place in places {
                group.addTask {
                    let turn = try await clinic.ask("Only once.", key: "k", on: Clinic.loops[place])
                    return (turn, try await clinic.watch(turn))
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(results.map(\.0)).count == 1)
        #expect(results.allSatisfy { $0.1.texts == [.chat: "Once."] && $0.1.outcome == .complete })
        #expect(clinic.provider.prompts.count == 1)
    }

    @Test("A key that comes with another question is a conflict; another user's key is another key")
    func conflict() async throws {
        let clinic = Clinic()
        let first = try await clinic.ask("This.", key: "k")
        for attempt in ["That.", "this."] {
            let error = await #expect(throws: PlatformError.self) { try await clinic.ask(attempt, key: "k") }
            #expect(error?.code == .conflict)
            #expect(error?.field == "request_id")
        }
        let error = await #expect(throws: PlatformError.self) {
            try await clinic.ask("This.", in: first.conversation, key: "k")
        }
        #expect(error?.code == .conflict)
        #expect(try await clinic.ask("This.", key: "k", as: stranger).stream != first.stream)
    }

    @Test("A key is 1 to 200 bytes", arguments: ["", String(repeating: "k", count: 201)])
    func keyLength(key: String) async throws {
        let error = await #expect(throws: PlatformError.self) { try await Clinic().ask("Hello.", key: key) }
        #expect(error?.code == .invalidRequest)
        #expect(error?.field == "request_id")
    }

    @Test("Of a question for which there was no room nothing is stored; its key is free, so that it can be asked again")
    func noRoom() async throws {
        let door = Door()
        let clinic = Clinic(.with { $0.maxRunningStreams = 1 }) { _ in [.hold(door), .say("Now."), .finish()] }
        let first = try await clinic.ask("First.")
        for conversation in [nil, first.conversation] {
            let error = await #expect(throws: PlatformError.self) {
                try await clinic.ask("Second.", in: conversation, key: "k")
            }
            #expect(error?.code == .unavailable)
        }
        #expect(try await clinic.messages(first.conversation).map(\.text) == ["First.", ""])
        let conversations = try await clinic.service.conversations(as: someone, after: nil, limit: 10).items
        #expect(conversations.map(\.id) == [first.conversation])
        door.open()
        _ = try await clinic.watch(first)
        clinic.provider.perform { _ in [.say("Now."), .finish()] }
        let second = try await clinic.ask("Second.", key: "k")
        #expect(try await clinic.watch(second).texts == [.chat: "Now."])
    }

    @Test("Joining a turn by its key, and a question that is refused, take no room for good")
    func roomGivenBack() async throws {
        let clinic = Clinic(.with { $0.maxRunningStreams = 2 })
        let turn = try await clinic.ask("Once.", key: "k")
        _ = try await clinic.watch(turn)
        for _ in 1...4 {
            #expect(try await clinic.ask("Once.", key: "k") == turn)
            await #expect(throws: PlatformError.self) { try await clinic.ask("Twice.", key: "k") }
        }
        #expect(clinic.hub.runningCount == 0)
        await clinic.hub.idle()
        _ = try await clinic.watch(try await clinic.ask("Another."))
    }

    // MARK: Stopping and retrying

    @Test("A stop ends the answer now and keeps what was said")
    func stop() async throws {
        let clinic = Clinic { _ in [.think("Hm."), .say("So far "), .hang] }
        let turn = try await clinic.ask("A long story, please.")
        try await clinic.shows("So far ", turn)
        #expect(try await clinic.service.stop(turn.stream, as: someone))
        let transcript = try await clinic.watch(turn)
        #expect(transcript.outcome == .cancelled)
        #expect(transcript.texts == [.reasoning: "Hm.", .chat: "So far "])
        #expect(transcript.event(.error) == nil)
        let message = try await clinic.service.message(of: turn, as: someone)
        #expect(message.text == "So far ")
        #expect(message.reasoning == "Hm.")
        #expect(message.outcome == .cancelled)
        #expect(message.state == .final)
        #expect(try await clinic.service.stop(turn.stream, as: someone) == false)
    }

    @Test("A stop that comes when the model has finished takes nothing from a complete answer")
    func lateStop() async throws {
        let clinic = Clinic()
        let turn = try await clinic.ask("Quick.")
        let transcript = try await clinic.watch(turn)
        #expect(try await clinic.service.stop(turn.stream, as: someone) == false)
        #expect(transcript.outcome == .complete)
    }

    @Test("A retry answers the same message once more; the earlier answer stays, and is named")
    func retry() async throws {
        let clinic = Clinic { _ in [.say("First."), .finish()] }
        let first = try await clinic.answer(to: "Try.")
        clinic.provider.perform { _ in [.say("Second."), .finish()] }
        let turn = try await clinic.retry(first.turn.stream, key: "r")
        #expect(try await clinic.watch(turn).texts == [.chat: "Second."])
        #expect(turn.conversation == first.turn.conversation)
        #expect(turn.userMessage == first.turn.userMessage)
        #expect(turn.stream != first.turn.stream)
        let messages = try await clinic.messages(turn.conversation)
        #expect(messages.map(\.text) == ["Try.", "First.", "Second."])
        #expect(messages.last?.retryOf == first.message.id)
        #expect(try await clinic.retry(first.turn.stream, key: "r") == turn)
        #expect(clinic.provider.prompts.count == 2)
    }

    @Test("A running answer is not retried; a stopped one is")
    func retryWhileRunning() async throws {
        let clinic = Clinic { _ in [.say("So far "), .hang] }
        let turn = try await clinic.ask("Try.")
        try await clinic.shows("So far ", turn)
        let error = await #expect(throws: PlatformError.self) { try await clinic.retry(turn.stream) }
        #expect(error?.code == .conflict)
        _ = try await clinic.service.stop(turn.stream, as: someone)
        _ = try await clinic.watch(turn)
        clinic.provider.perform { _ in [.say("Whole."), .finish()] }
        #expect(try await clinic.watch(try await clinic.retry(turn.stream)).texts == [.chat: "Whole."])
    }

    @Test("Beside a spool, a stream is told of once its beginning is on this machine's disk")
    func toldOf() async throws {
        var settings = StreamingSettings()
        settings.journalInterval = .seconds(3600)
        let journal = MemoryJournal(.stalled)
        let clinic = Clinic(settings, spool: InMemoryQueue(), journal: journal) { _ in [.say("Begun."), .hang] }
        async let asked = clinic.ask("Hello.")
        await journal.calls.reaches(1)
        #expect(clinic.provider.prompts.isEmpty, "no model is asked before")
        journal.become(.well)
        let turn = try await asked
        #expect(journal.entries.map(\.stream) == [turn.stream])
        _ = try await clinic.service.stop(turn.stream, as: someone)
        _ = try await clinic.watch(turn)
    }

    @Test("Routes and prompts are read for each turn; a running one keeps what it began with")
    func reload() async throws {
        let door = Door()
        let clinic = Clinic { _ in [.hold(door), .say("Old."), .finish()] }
        let old = try await clinic.ask("Before.")
        let new = ScriptedProvider("another") { _ in [.say("New."), .finish()] }
        clinic.reload {
            $0.routes["chat"] = .only(new)
            $0.chat.prompts[.chat] = "Be brief."
        }
        let answer = try await clinic.answer(to: "After.")
        #expect(answer.transcript.texts == [.chat: "New."])
        #expect(answer.message.provider == "another")
        #expect(new.prompts.last?.messages.first == .init(.system, "Be brief."))
        door.open()
        #expect(try await clinic.watch(old).texts == [.chat: "Old."])
    }

    @Test("A stage without a provider is unavailable, and says so")
    func noRoute() async throws {
        let clinic = Clinic(hasRoutes: false)
        let error = await #expect(throws: PlatformError.self) { try await clinic.ask("Hello.") }
        #expect(error?.code == .unavailable)
    }
}
