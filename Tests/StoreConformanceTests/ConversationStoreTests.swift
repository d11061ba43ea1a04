import Core
import Persistence
import StoreConformance
import TestSupport
import Testing

/// What every store must do with conversations and their list.
@Suite("Any store lists conversations", .timeLimit(.minutes(1)))
struct ConversationStoreTests {
    @Test("What is inserted is read as it was", arguments: StoreUnderTest.all, [Stage.chat, .onboarding])
    func insert(store: StoreUnderTest, kind: Stage) async throws {
        let store = try await store.made()
        let made = Conversation(owner: UserID(), kind: kind, title: "Chest pain", createdAt: Timestamp(milliseconds: 5))
        try await store.insert(made)
        #expect(try await store.conversation(made.id, of: made.owner) == made)
    }

    @Test("Inserting again changes nothing", arguments: StoreUnderTest.all)
    func insertTwice(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let made = Conversation(owner: UserID(), title: "First", createdAt: .now)
        try await store.insert(made)
        let renamed = try await store.rename(made.id, to: "Second", of: made.owner)
        try await store.insert(made)
        #expect(try await store.allConversations(of: made.owner) == [renamed])
    }

    @Test("A program describes a conversation, and leaves a title that its user chose", arguments: StoreUnderTest.all)
    func describe(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let first = try await store.conversation(of: user)[0].turn.conversation
        let second = try await store.conversation(of: user)[0].turn.conversation
        let before = try await store.conversation(first, of: user)
        let described = try await store.describe(first, title: "Cough", summary: "A dry\u{0} cough.", of: user)
        #expect(described.title == "Cough" && described.summary == "A dry\u{0} cough." && !described.isNamed)
        #expect(described.updatedAt == before.updatedAt)
        #expect(try await store.conversation(first, of: user) == described)
        try await store.describe(first, title: nil, summary: "Shorter.", of: user)
        #expect(try await store.conversation(first, of: user).title == "Cough")
        #expect(try await store.allConversations(of: user).map(\.id) == [second, first])
        try await store.rename(first, to: "Mine", of: user)
        try await store.describe(
            first, title: "Cough", summary: String(repeating: "é", count: Conversation.summaryLimit + 1), of: user)
        let named = try await store.conversation(first, of: user)
        #expect(named.title == "Mine" && named.isNamed && named.summary.count == Conversation.summaryLimit)
    }

    @Test(
        "A title is kept whole up to 200 characters", arguments: StoreUnderTest.all,
        [("", 0), (String(repeating: "👩🏽‍⚕️", count: 200), 200), (String(repeating: "é", count: 201), 200)])
    func titles(store: StoreUnderTest, title: (String, count: Int)) async throws {
        let store = try await store.made()
        let made = Conversation(owner: UserID(), createdAt: .now)
        try await store.insert(made)
        try await store.rename(made.id, to: title.0, of: made.owner)
        let read = try await store.conversation(made.id, of: made.owner).title
        #expect(read.count == title.count)
        #expect(title.0.hasPrefix(read))
    }

    @Test("A title of accents without end stays small")
    func accents() {
        let title = Conversation(
            owner: UserID(), title: "e" + String(repeating: "\u{301}", count: 50_000), createdAt: .now)
        #expect(title.title.utf8.count <= 4096)
    }

    @Test("The last used comes first, whatever the clock does", arguments: StoreUnderTest.all, [Int64(1), 0, -1000])
    func order(store: StoreUnderTest, step: Int64) async throws {
        let time = SetTime()
        let store = try await store.make { time.now }
        let user = UserID()
        var made: [BegunTurn] = []
        for _ in 0..<4 {
            made.append(try await store.conversation(of: user)[0])
            time.move(by: step)
        }
        let turns = made
        let uses: [@Sendable () async throws -> Void] = [
            { try await store.rename(turns[1].turn.conversation, to: "Renamed", of: user) },
            { _ = try await store.begin(NewTurn(owner: user, subject: .retry(of: turns[0].turn.stream))) },
            {
                let subject = NewTurn.Subject.message(in: turns[3].turn.conversation, text: "More")
                _ = try await store.begin(NewTurn(owner: user, subject: subject))
            },
            {
                try await store.save(
                    Message(
                        conversation: turns[2].turn.conversation, owner: user, role: .assistant, text: "Good morning",
                        createdAt: time.now))
            },
        ]
        for use in uses {
            try await use()
            time.move(by: step)
        }
        let listed = try await store.allConversations(of: user, limit: 1)
        #expect(listed.map(\.id) == [2, 3, 0, 1].map { turns[$0].turn.conversation })
        #expect(listed.map(\.updatedAt) == listed.map(\.updatedAt).sorted(by: >))
        #expect(Set(listed.map(\.updatedAt)).count == 4)
    }

    @Test("Finishing an answer leaves its conversation where it is", arguments: StoreUnderTest.all)
    func finishing(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let first = try await store.conversation(of: user)[0]
        let retry = try await store.begin(NewTurn(owner: user, subject: .retry(of: first.turn.stream)))
        let second = try await store.conversation(of: user)[0]
        try await store.finish(retry.answer, "At last")
        #expect(
            try await store.allConversations(of: user).map(\.id) == [second.turn.conversation, first.turn.conversation])
    }

    @Test(
        "Paging meets each conversation that rests exactly once, whatever happens to others",
        arguments: StoreUnderTest.all, 0..<100 as Range<UInt64>)
    func paging(store: StoreUnderTest, seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let store = try await store.made()
        let user = UserID()
        var resting: [ConversationID] = []
        for _ in 0..<Int.random(in: 0...40, using: &random) {
            let made = Conversation(owner: user, createdAt: .now)
            try await store.insert(made)
            resting.insert(made.id, at: 0)
        }
        var met: [ConversationID] = []
        var cursor: String?
        repeat {
            let limit = Int.random(in: 1...9, using: &random)
            let page = try await store.conversations(of: user, after: cursor, limit: limit)
            #expect(page.items.count <= limit)
            met += page.items.map(\.id)
            cursor = page.next
            switch Int.random(in: 0..<4, using: &random) {
            case 0: try await store.insert(Conversation(owner: user, createdAt: .now))
            case 1:
                guard let moved = resting.randomElement(using: &random) else { break }
                resting.removeAll { $0 == moved }
                try await store.rename(moved, to: "Used", of: user)
            case 2:
                // The very conversation the cursor was made from goes.
                guard let gone = page.items.last?.id else { break }
                resting.removeAll { $0 == gone }
                try await store.delete(gone, of: user)
            default: break
            }
        } while cursor != nil
        #expect(met.filter(resting.contains) == resting)
    }

    @Test("The last page has no next", arguments: StoreUnderTest.all, [1, 2, 3, 6, 7, .max])
    func ends(store: StoreUnderTest, limit: Int) async throws {
        let store = try await store.made()
        let user = UserID()
        for _ in 0..<6 { try await store.insert(Conversation(owner: user, createdAt: .now)) }
        var pages = 0
        var cursor: String?
        repeat {
            let page = try await store.conversations(of: user, after: cursor, limit: limit)
            #expect(!page.items.isEmpty)
            cursor = page.next
            pages += 1
        } while cursor != nil
        #expect(pages == (6 + min(limit, 6) - 1) / min(limit, 6))
    }

    @Test(
        "What is no cursor is not found", arguments: StoreUnderTest.all,
        [
            "", "x", "-1", "0", "01", "1.2", "018f0000-0000-7000-8000-000000000000",
            ".018f0000-0000-7000-8000-000000000000",
        ])
    func cursors(store: StoreUnderTest, cursor: String) async throws {
        let store = try await store.made()
        let user = UserID()
        let id = try await store.conversation(of: user)[0].turn.conversation
        #expect(await refusal { try await store.conversations(of: user, after: cursor, limit: 5) } == .notFound)
        #expect(await refusal { try await store.messages(of: id, of: user, after: cursor, limit: 5) } == .notFound)
        #expect(await refusal { try await store.messages(of: id, of: user, before: cursor, limit: 5) } == .notFound)
    }

    @Test("Deleting removes the messages, the stream and the key", arguments: StoreUnderTest.all)
    func delete(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let kept = try await store.conversation(of: user)[0]
        let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "Forget this")
        let new = NewTurn(owner: user, subject: subject, key: "1")
        let gone = try await store.begin(new)
        try await store.delete(gone.turn.conversation, of: user)

        #expect(try await store.allConversations(of: user).map(\.id) == [kept.turn.conversation])
        #expect(await refusal { try await store.conversation(gone.turn.conversation, of: user) } == .notFound)
        #expect(await refusal { try await store.message(gone.turn.userMessage, of: user) } == .notFound)
        #expect(await refusal { try await store.answer(of: gone.turn.stream, of: user) } == .notFound)
        #expect(await refusal { try await store.finish(gone.answer, "Too late") } == .notFound)
        #expect(await refusal { try await store.delete(gone.turn.conversation, of: user) } == .notFound)
        let again = try await store.begin(new)
        #expect(again.isNew)
        #expect(again.turn == gone.turn)
        #expect(try await store.allMessages(of: again.turn.conversation, of: user).map(\.sequence) == [1, 2])
    }

    @Test("Deleting a conversation keeps a key that has since begun a turn elsewhere", arguments: StoreUnderTest.all)
    func deleteAfterReuse(store: StoreUnderTest) async throws {
        let time = SetTime()
        let store = try await store.make { time.now }
        let user = UserID()
        func turn() -> NewTurn {
            let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "Good morning")
            return NewTurn(owner: user, subject: subject, key: "1", keyRetention: .seconds(1))
        }
        let first = try await store.begin(turn())
        time.move(by: 1000)
        let second = try await store.begin(turn())
        #expect(second.isNew)
        try await store.delete(first.turn.conversation, of: user)
        let third = try await store.begin(turn())
        #expect(!third.isNew)
        #expect(third.turn == second.turn)
    }
}
