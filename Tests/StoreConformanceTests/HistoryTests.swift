import Core
import Persistence
import StoreConformance
import Testing

/// What every store must recall for a prompt.
@Suite("Any store recalls what was said", .timeLimit(.minutes(1)))
struct HistoryTests {
    @Test("It goes back from the newest", arguments: StoreUnderTest.all)
    func order(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let turns = try await store.conversation(of: user, turns: 3)
        let all = try await texts(store, user, turns)
        #expect(all == ["answer 3", "question 3", "answer 2", "question 2", "answer 1", "question 1"])
        let earlier = try await texts(store, user, turns, before: turns[2].question.sequence)
        #expect(earlier == ["answer 2", "question 2", "answer 1", "question 1"])
        #expect(try await texts(store, user, turns, before: 1) == [])
        #expect(try await texts(store, user, turns, before: .min) == [])
    }

    @Test(
        "It ends with the message that passes the limit", arguments: StoreUnderTest.all,
        [(-1, 1), (0, 1), (7, 1), (8, 2), (17, 2), (18, 3), (36, 4), (.max, 4)])
    func limit(store: StoreUnderTest, limit: (bytes: Int, count: Int)) async throws {
        let store = try await store.made()
        let user = UserID()
        let turns = try await store.conversation(of: user, turns: 2)
        #expect(try await texts(store, user, turns, limit: limit.bytes).count == limit.count)
    }

    @Test("The last answer to a message stands in its place, however late it came", arguments: StoreUnderTest.all)
    func retried(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let turns = try await store.conversation(of: user, turns: 2)
        let better = try await store.begin(NewTurn(owner: user, subject: .retry(of: turns[0].turn.stream)))
        try await store.finish(better.answer, "better")
        let best = try await store.begin(NewTurn(owner: user, subject: .retry(of: better.turn.stream)))
        try await store.finish(best.answer, "best")
        #expect(try await texts(store, user, turns) == ["answer 2", "question 2", "best", "question 1"])
        let earlier = try await texts(store, user, turns, before: turns[1].question.sequence)
        #expect(earlier == ["best", "question 1"])
        // To answer the first message again, nothing that was said later counts.
        #expect(try await texts(store, user, turns, before: turns[0].question.sequence) == [])
    }

    @Test("An answer being written is no part of it, and neither is the one it replaces", arguments: StoreUnderTest.all)
    func streaming(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let turns = try await store.conversation(of: user, turns: 2)
        var retry = try await store.begin(NewTurn(owner: user, subject: .retry(of: turns[1].turn.stream))).answer
        retry.text = "half of a senten"
        retry.version += 1
        try await store.save(retry)
        #expect(try await texts(store, user, turns) == ["question 2", "answer 1", "question 1"])
    }

    @Test("An answer without text is no part of it", arguments: StoreUnderTest.all)
    func empty(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let turns = try await store.conversation(of: user)
        let failed = try await store.begin(
            NewTurn(owner: user, subject: .message(in: turns[0].turn.conversation, text: "question 2")))
        try await store.finish(failed.answer, "")
        #expect(try await texts(store, user, turns) == ["question 2", "answer 1", "question 1"])
    }

    private func texts(
        _ store: any ConversationStore, _ user: UserID, _ turns: [BegunTurn], before: Int = .max, limit: Int = .max
    ) async throws -> [String] {
        try await store.history(of: turns[0].turn.conversation, of: user, before: before, limit: limit).map(\.text)
    }
}
