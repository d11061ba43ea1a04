import Core
import Persistence
import StoreConformance
import Testing

/// What every store must tell an operator of its users.
@Suite("Any store tells who there is", .timeLimit(.minutes(1)))
struct DirectoryTests {
    @Test("Everybody is told who has an account or owns anything, page by page", arguments: StoreUnderTest.all)
    func people(store: StoreUnderTest) async throws {
        let time = SetTime()
        let store = try await store.make { time.now }
        #expect(try await store.people(after: nil, limit: 9) == Page(items: [], next: nil))

        let account = User(name: "Zoë Test", email: "zoe@example.org", createdAt: time.now)
        try await store.insert(account)
        let (talker, clinician, newcomer) = (UserID(), UserID(), UserID())
        _ = try await store.conversation(of: talker)
        time.move(by: 10)
        let last = try await store.conversation(of: talker)[0].turn.conversation
        try await store.insert(Case(owner: clinician, createdAt: time.now))
        try await store.save(OnboardingState(owner: newcomer, updatedAt: time.now))

        let all = try await store.people(after: nil, limit: 9)
        #expect(all.next == nil)
        #expect(all.items.map(\.id.text) == [account.id, talker, clinician, newcomer].map(\.text).sorted())
        let byID = Dictionary(uniqueKeysWithValues: all.items.map { ($0.id, $0) })
        #expect(
            byID[account.id] == Person(id: account.id, account: account, conversations: 0, cases: 0, lastUsed: nil))
        let used = try await store.conversation(last, of: talker).updatedAt
        #expect(byID[talker] == Person(id: talker, account: nil, conversations: 2, cases: 0, lastUsed: used))
        #expect(byID[clinician].map { [$0.conversations, $0.cases] } == [0, 1])
        #expect(byID[newcomer]?.lastUsed == nil)

        var paged: [Person] = []
        var cursor: String?
        repeat {
            let page = try await store.people(after: cursor, limit: 1)
            #expect(page.items.count == 1)
            paged += page.items
            cursor = page.next
        } while cursor != nil
        #expect(paged == all.items)
        #expect(await refusal { try await store.people(after: "nowhere", limit: 1) } == .notFound)

        _ = try await store.deleteUser(talker)
        #expect(try await store.people(after: nil, limit: 9).items.count == 3)
    }
}
