import Core
import Persistence
import StoreConformance
import Testing

/// What every store must do with accounts, and with all that one user has.
@Suite("Any store keeps accounts", .timeLimit(.minutes(1)))
struct UserTests {
    @Test("An account is found by its id and by its address, however that is written", arguments: StoreUnderTest.all)
    func find(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = User(name: "Zoë Test", email: "Zoe@Example.org", createdAt: Timestamp(milliseconds: 4))
        try await store.insert(user)
        try await store.insert(user)
        #expect(try await store.user(user.id) == user)
        for email in ["Zoe@Example.org", "zoe@example.org", " ZOE@example.org\n"] {
            #expect(try await store.user(email: email) == user)
        }
        #expect(await refusal { try await store.user(UserID()) } == .notFound)
        #expect(await refusal { try await store.user(email: "") } == .notFound)
        #expect(await refusal { try await store.user(email: "zoe@example.com") } == .notFound)
    }

    @Test("Two accounts cannot have one address", arguments: StoreUnderTest.all)
    func email(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let first = User(name: "A", email: "a@example.org", createdAt: .now)
        var second = User(name: "B", email: "A@example.org", createdAt: .now)
        try await store.insert(first)
        #expect(await refusal { try await store.insert(second) } == .conflict(.email))
        #expect(await refusal { try await store.update(second) } == .notFound)
        second.email = "b@example.org"
        try await store.insert(second)
        second.email = "a@Example.org"
        #expect(await refusal { try await store.update(second) } == .conflict(.email))
        second.email = "c@example.org"
        second.name = "C"
        try await store.update(second)
        try await store.update(second)
        #expect(try await store.user(email: "c@example.org") == second)
        #expect(await refusal { try await store.user(email: "b@example.org") } == .notFound)
        #expect(try await store.user(first.id) == first)
    }

    @Test("Of a user's onboarding the higher version stands", arguments: StoreUnderTest.all)
    func onboarding(store: StoreUnderTest) async throws {
        let store = try await store.made()
        var state = OnboardingState(
            owner: UserID(), answers: #"{"role":"nurse\u0000"}"#, updatedAt: Timestamp(milliseconds: 3))
        #expect(try await store.onboarding(of: state.owner) == nil)
        #expect(try await store.save(state))
        #expect(try await !store.save(state))
        state.version = 4
        state.isComplete = true
        #expect(try await store.save(state))
        #expect(try await store.onboarding(of: state.owner) == state)
        state.version = 3
        #expect(try await !store.save(state))
        #expect(try await store.onboarding(of: UserID()) == nil)
    }

    @Test("A user is deleted with every row, counted in the receipt, and nobody else is", arguments: StoreUnderTest.all)
    func deletion(store: StoreUnderTest) async throws {
        let store = try await store.make { Timestamp(milliseconds: 9) }
        let users = [UserID(), UserID()]
        var turns: [BegunTurn] = []
        for user in users {
            try await store.insert(User(id: user, name: "N", email: "\(user)@example.org", createdAt: .now))
            try await store.save(OnboardingState(owner: user, updatedAt: .now))
            let made = Case(owner: user, createdAt: .now)
            try await store.insert(made)
            try await store.save(StageResult(case: made.id, stage: .chat, owner: user, createdAt: .now))
            turns.append(try await store.conversation(of: user, turns: 2)[0])
            let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "Go")
            _ = try await store.begin(NewTurn(owner: user, subject: subject, key: "1"))
        }
        let rows = [
            "user": 1, "onboarding": 1, "case": 1, "stage_result": 1, "conversation": 2, "message": 6,
            "idempotency_key": 1,
        ]
        let receipt = try await store.deleteUser(users[0])
        #expect(receipt == DeletionReceipt(user: users[0], at: Timestamp(milliseconds: 9), rows: rows))
        #expect(try await store.deleteUser(users[0]).rows == [:])
        #expect(await refusal { try await store.user(users[0]) } == .notFound)
        #expect(await refusal { try await store.message(turns[0].question.id, of: users[0]) } == .notFound)
        #expect(try await store.onboarding(of: users[0]) == nil)
        #expect(try await store.allConversations(of: users[0]) == [])
        #expect(try await store.cases(of: users[0], after: nil, limit: 9).items == [])

        #expect(try await store.user(users[1]).name == "N")
        #expect(try await store.allConversations(of: users[1]).count == 2)
        #expect(try await store.deleteUser(users[1]).rows == rows)
    }

    @Test(
        "Who was deleted is told once, in order, with the receipt, and who was not there is not",
        arguments: StoreUnderTest.all)
    func deletions(store: StoreUnderTest) async throws {
        let time = SetTime(5)
        let store = try await store.make { time.now }
        let users = (0..<3).map { _ in UserID() }
        _ = try await store.deleteUser(UserID())
        #expect(try await store.deletions(after: 0, limit: 9) == [])
        for user in users { _ = try await store.conversation(of: user) }
        let first = try await store.deleteUser(users[1])
        _ = try await store.deleteUser(users[1])
        let known = try await store.deletions(after: 0, limit: 9)
        #expect(known.map(\.receipt) == [first])
        #expect(first.rows == ["conversation": 1, "message": 2] && first.at == Timestamp(milliseconds: 5))

        time.move(by: 10)
        let second = try await store.deleteUser(users[0])
        let third = try await store.deleteUser(users[2])
        let place = try #require(known.last?.place)
        let news = try await store.deletions(after: place, limit: 9)
        #expect(news.map(\.receipt) == [second, third])
        #expect(news.map(\.receipt.at.milliseconds) == [15, 15])
        #expect(place < news[0].place && news[0].place < news[1].place)
        #expect(try await store.deletions(after: 0, limit: 2) == known + news.prefix(1))
        #expect(try await store.deletions(after: news[0].place, limit: 2) == [news[1]])
        #expect(try await store.deletions(after: news[1].place, limit: 2) == [])
        for (user, at) in [(users[1], 5), (users[0], 15)] {
            #expect(try await store.wasDeleted(user, since: Timestamp(milliseconds: Int64(at))))
            #expect(try await !store.wasDeleted(user, since: Timestamp(milliseconds: Int64(at + 1))))
        }
        #expect(try await !store.wasDeleted(UserID(), since: Timestamp(milliseconds: 0)))
        #expect(try await store.check() == [])
    }

    @Test("One who comes back under the same id and is deleted again is told of twice", arguments: StoreUnderTest.all)
    func deletedTwice(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        for _ in 1...2 {
            _ = try await store.conversation(of: user)
            _ = try await store.deleteUser(user)
        }
        #expect(try await store.deletions(after: 0, limit: 9).map(\.receipt.user) == [user, user])
    }

    @Test("A user of many conversations is deleted in steps, and told of once", arguments: StoreUnderTest.all)
    func manyRows(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        for _ in 0..<120 { try await store.insert(Conversation(owner: user, createdAt: .now)) }
        _ = try await store.conversation(of: user)
        let receipt = try await store.deleteUser(user)
        #expect(receipt.rows == ["conversation": 121, "message": 2])
        #expect(try await store.deletions(after: 0, limit: 9).map(\.receipt) == [receipt])
    }
}
