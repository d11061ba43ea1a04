import Core
import Persistence
import StoreConformance
import Testing

/// What every store must do for those who care for it.
@Suite("Any store can be cared for", .timeLimit(.minutes(1)))
struct CareTests {
    private let user = UserID()

    @Test("What was not used for longer than the policy allows is purged, and no more", arguments: StoreUnderTest.all)
    func purge(store: StoreUnderTest) async throws {
        let time = SetTime()
        let store = try await store.make { time.now }
        let old = try await store.conversation(of: user, turns: 2)[0].turn.conversation
        let oldCase = Case(owner: user, createdAt: time.now)
        try await store.insert(oldCase)
        try await store.save(StageResult(case: oldCase.id, stage: .chat, owner: user, createdAt: time.now))
        let used = try await store.conversation(of: user)[0].turn.conversation
        time.move(by: 10_000)
        let subject = NewTurn.Subject.message(in: used, text: "More")
        _ = try await store.begin(NewTurn(owner: user, subject: subject, key: "1", keyRetention: .seconds(1)))
        let newCase = Case(owner: user, createdAt: time.now)
        try await store.insert(newCase)

        #expect(try await store.purge(RetentionPolicy()) == PurgeCounts())
        #expect(
            try await store.purge(RetentionPolicy(conversations: .seconds(11), cases: .seconds(11))) == PurgeCounts())
        time.move(by: 2000)
        let counts = try await store.purge(RetentionPolicy(conversations: .seconds(11), cases: .seconds(11)))
        #expect(counts == PurgeCounts(conversations: 1, messages: 4, cases: 1, results: 1, keys: 1))
        #expect(try await store.allConversations(of: user).map(\.id) == [used])
        #expect(await refusal { try await store.conversation(old, of: user) } == .notFound)
        #expect(try await store.cases(of: user, after: nil, limit: 9).items.map(\.id) == [newCase.id])
    }

    @Test("A store that was used and nothing else has nothing wrong with it", arguments: StoreUnderTest.all)
    func check(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let turns = try await store.conversation(of: user, turns: 3)
        _ = try await store.begin(NewTurn(owner: user, subject: .retry(of: turns[1].turn.stream), key: "1"))
        try await store.describe(turns[0].turn.conversation, title: "Cough", summary: "It coughs.", of: user)
        let made = Case(owner: user, createdAt: .now)
        try await store.insert(made)
        try await store.save(StageResult(case: made.id, stage: .chat, owner: user, createdAt: .now))
        try await store.insert(User(id: user, name: "N", email: "n@example.org", createdAt: .now))
        try await store.save(OnboardingState(owner: user, updatedAt: .now))
        try await store.optimise()
        #expect(try await store.check() == [])
        #expect(try await store.reencrypt(limit: 10) == 0)
        let statistics = try await store.statistics()
        #expect(statistics.rows["message"] == 7 && statistics.rows["conversation"] == 1)
        #expect(statistics.rows["case"] == 1 && statistics.rows["user"] == 1)
        #expect(try await store.allMessages(of: turns[0].turn.conversation, of: user).count == 7)
    }
}
