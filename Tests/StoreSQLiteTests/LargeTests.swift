import Core
import Persistence
import SQLite
import StoreConformance
@testable import StoreSQLite
import TestSupport
import Testing

@Suite("A store that holds much", .timeLimit(.minutes(1)))
struct LargeTests {
    static let lists: [SQL] = [
        SQLiteStore.list, SQLiteStore.caseList, SQLiteStore.forwards, SQLiteStore.backwards, SQLiteStore.said,
        SQLiteStore.lastAnswer, SQLiteStore.used, SealedTable.message.sealedOtherwise,
        SealedTable.stageResult.countOtherwise,
    ]

    @Test("A page is found by an index and in its order", arguments: lists.indices)
    func plan(index: Int) async throws {
        let store = try await TestStore().open()
        let sql = Self.lists[index]
        let count = sql.text.count { $0 == "?" }
        let question = SQL(unchecked: "EXPLAIN QUERY PLAN " + sql.text.replacing(/\?[0-9]*/, with: "1"))
        let plan = try await store.database.read { try $0.rows(question) { row in try row.text(3) } }
        #expect(count > 0 && !plan.isEmpty)
        for step in plan where !step.hasPrefix("MULTI-INDEX OR") && !step.hasPrefix("INDEX ") {
            #expect(step.hasPrefix("SEARCH") && !step.contains("TEMP"), "\(step) in \(sql.text)")
        }
        await store.close()
    }

    /// What a read costs, in steps of SQLite's machine.
    private func cost(_ store: SQLiteStore, _ read: () async throws -> Void) async throws -> Int {
        let before = store.database.readSteps
        try await read()
        return store.database.readSteps - before
    }

    @Test("With 100,000 conversations of one user a page of them costs what it costs with 100")
    func conversations() async throws {
        let test = try TestStore()
        let store = try await test.open()
        let user = UserID()
        func pages() async throws -> [Int] {
            let first = try await store.conversations(of: user, after: nil, limit: 50)
            let costs = [
                try await cost(store) { _ = try await store.conversations(of: user, after: nil, limit: 50) },
                try await cost(store) { _ = try await store.conversations(of: user, after: first.next, limit: 49) },
            ]
            return costs
        }
        try await add(100, of: user, to: store)
        let few = try await pages()
        try await add(99_900, of: user, to: store)
        let many = try await pages()
        #expect(try await store.statistics().rows["conversation"] == 100_000)
        for (few, many) in zip(few, many) { #expect(many <= few + 100 && many < 5000) }
        // A page from the middle, and the use of one.
        let middle = try await store.conversations(of: user, after: nil, limit: 1000)
        let next = try await cost(store) {
            let page = try await store.conversations(of: user, after: middle.next, limit: 50)
            #expect(page.items.count == 50)
        }
        #expect(next < 5000)
        await store.close()
    }

    private func add(_ count: Int, of user: UserID, to store: SQLiteStore) async throws {
        try await withThrowingTaskGroup { group in
            for part in 0..<16 {
                group.addTask {
                    for number in 0..<count where number % 16 == part {
                        try await store.insert(Conversation(owner: user, title: "Number \(number)", createdAt: .now))
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("With 10,000,000 characters in one conversation a page, and a prompt's history, cost what they cost with few")
    func characters() async throws {
        let test = try TestStore()
        let store = try await test.open()
        let user = UserID()
        let place = Conversation(owner: user, createdAt: .now)
        try await store.insert(place)
        let text = String(repeating: "Ten chars ", count: 400)
        func fill(_ turns: Int) async throws {
            for _ in 0..<turns {
                let turn = try await store.begin(NewTurn(owner: user, subject: .message(in: place.id, text: text)))
                try await store.finish(turn.answer, text)
            }
        }
        func reads() async throws -> [Int] {
            [
                try await cost(store) {
                    _ = try await store.messages(of: place.id, of: user, after: nil, limit: 20)
                },
                try await cost(store) {
                    _ = try await store.messages(of: place.id, of: user, before: nil, limit: 20)
                },
                try await cost(store) {
                    let said = try await store.history(of: place.id, of: user, before: .max, limit: 30_000)
                    #expect(said.count == 8)
                },
            ]
        }
        try await fill(20)
        let few = try await reads()
        try await fill(1230)
        let many = try await reads()
        for (few, many) in zip(few, many) { #expect(many <= few + 100 && many < 5000) }
        // A page of any limit holds only so much text.
        let page = try await store.messages(of: place.id, of: user, after: nil, limit: .max)
        #expect(page.items.reduce(0) { $0 + $1.text.utf8.count } < 5 << 20 && page.next != nil)
        let all = try await store.allMessages(of: place.id, of: user, limit: .max)
        #expect(all.map(\.sequence) == Array(1...2500))
        #expect(all.reduce(0) { $0 + $1.text.count } == 10_000_000)
        await store.close()
    }
}
