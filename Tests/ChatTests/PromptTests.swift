import Chat
import Core
import Persistence
import Streaming
import TestSupport
import Testing

/// What the model is shown.
@Suite("Prompts", .timeLimit(.minutes(1)))
struct PromptTests {
    /// Has `turns` answered in one conversation, and gives the last prompt without its system message.
    private func prompt(
        after turns: [(question: String, answer: String)], _ last: String,
        _ settings: @escaping (inout ChatSettings) -> Void
    ) async throws -> [String] {
        let answers = Dictionary(turns.map { ($0.question, $0.answer) }) { first, _ in first }
        let clinic = Clinic(
            script: { [.say(answers[$0.messages.last?.text ?? ""] ?? "Well."), .finish()] }, chat: settings)
        var conversation: ConversationID?
        for (question, _) in turns {
            conversation = try await clinic.answer(to: question, in: conversation).turn.conversation
        }
        _ = try await clinic.answer(to: last, in: conversation)
        let messages = clinic.provider.prompts.last?.messages ?? []
        #expect(messages.first == Prompt.Message(.system, "You are careful."))
        return messages.dropFirst().map(\.text)
    }

    @Test("The system prompt of the stage comes first, then the conversation in its order, then the new message")
    func order() async throws {
        let clinic = Clinic()
        let first = try await clinic.answer(to: "My head aches.")
        _ = try await clinic.answer(to: "Since Monday.", in: first.turn.conversation)
        let prompt = try #require(clinic.provider.prompts.last)
        #expect(
            prompt.messages == [
                .init(.system, "You are careful."), .init(.user, "My head aches."), .init(.assistant, "An answer."),
                .init(.user, "Since Monday."),
            ])
        #expect(prompt.stage == .chat)
        #expect(prompt.streams)
        _ = try await clinic.answer(to: "Hello.", .onboarding)
        #expect(
            clinic.provider.prompts.last?.messages == [.init(.system, "You are welcoming."), .init(.user, "Hello.")])
        #expect(clinic.provider.prompts.last?.stage == .onboarding)
    }

    @Test("Without a system prompt the conversation stands alone")
    func noSystemPrompt() async throws {
        let clinic = Clinic(chat: { $0.prompts = [.chat: ""] })
        _ = try await clinic.answer(to: "Hello.")
        #expect(clinic.provider.prompts.last?.messages == [.init(.user, "Hello.")])
    }

    @Test("A caller that waits has the whole answer asked for at once")
    func batch() async throws {
        let clinic = Clinic()
        let turn = try await clinic.ask("Hello.", streams: false)
        _ = try await clinic.service.result(of: turn, as: someone)
        #expect(clinic.provider.prompts.last?.streams == false)
    }

    @Test(
        "As many of the newest messages are shown as fit, counted in characters or in tokens of four bytes",
        arguments: [
            // The new message has 10 characters, each message before it 10 too, but for the umlauts: 10 in 20 bytes.
            (40, .characters, ["two 567890", "öööööööööö", "new 567890"]),
            (30, .characters, ["two 567890", "öööööööööö", "new 567890"]),
            (29, .characters, ["new 567890"]),
            (50, .characters, ["one 567890", "one answer", "two 567890", "öööööööööö", "new 567890"]),
            (49, .characters, ["two 567890", "öööööööööö", "new 567890"]),
            (11, .tokens, ["two 567890", "öööööööööö", "new 567890"]),
            (10, .tokens, ["new 567890"]),
            (17, .tokens, ["one 567890", "one answer", "two 567890", "öööööööööö", "new 567890"]),
            (16, .tokens, ["two 567890", "öööööööööö", "new 567890"]),
        ] as [(Int, ChatSettings.HistoryUnit, [String])])
    func window(limit: Int, unit: ChatSettings.HistoryUnit, shown: [String]) async throws {
        let turns = [("one 567890", "one answer"), ("two 567890", "öööööööööö")]
        let prompt = try await prompt(after: turns, "new 567890") {
            $0.historyLimit = limit
            $0.historyUnit = unit
        }
        #expect(prompt == shown)
    }

    @Test("The first message that does not fit ends the window: the model sees no conversation with a hole")
    func gap() async throws {
        let turns = [("a", "b"), (String(repeating: "long ", count: 30), "c"), ("d", "e")]
        let prompt = try await prompt(after: turns, "new") {
            $0.historyLimit = 60
            $0.historyUnit = .characters
        }
        #expect(prompt == ["d", "e", "new"])
    }

    @Test("The new message is shown even when it alone is past the limit")
    func alone() async throws {
        let long = String(repeating: "long ", count: 30)
        let prompt = try await prompt(after: [("a", "b")], long) {
            $0.historyLimit = 10
            $0.historyUnit = .characters
        }
        #expect(prompt == [long])
    }

    @Test("A retry is asked with the question alone, without the answer it replaces")
    func retry() async throws {
        let clinic = Clinic()
        let first = try await clinic.answer(to: "First.")
        let second = try await clinic.answer(to: "Second.", in: first.turn.conversation)
        let retried = try await clinic.retry(second.turn.stream)
        _ = try await clinic.watch(retried)
        #expect(
            clinic.provider.prompts.last?.messages.dropFirst().map(\.text) == ["First.", "An answer.", "Second."])
        clinic.provider.perform { _ in [.say("Another."), .finish()] }
        _ = try await clinic.watch(try await clinic.retry(retried.stream))
        _ = try await clinic.answer(to: "Third.", in: first.turn.conversation)
        #expect(
            clinic.provider.prompts.last?.messages.dropFirst().map(\.text)
                == ["First.", "An answer.", "Second.", "Another.", "Third."])
    }

    @Test("What was said before a stop is part of the conversation; an answer of which nothing came is not")
    func partial() async throws {
        let clinic = Clinic { _ in [.say("So far "), .hang] }
        let stopped = try await clinic.ask("First.")
        try await clinic.shows("So far ", stopped)
        _ = try await clinic.service.stop(stopped.stream, as: someone)
        _ = try await clinic.watch(stopped)
        clinic.provider.perform { _ in [.fail(.providerOverloaded)] }
        _ = try await clinic.answer(to: "Second.", in: stopped.conversation)
        clinic.provider.perform { _ in [.say("Well."), .finish()] }
        _ = try await clinic.answer(to: "Third.", in: stopped.conversation)
        #expect(
            clinic.provider.prompts.last?.messages.dropFirst().map(\.text)
                == ["First.", "So far ", "Second.", "Third."])
    }
}
