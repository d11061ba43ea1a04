import Core
import Persistence
import StoreConformance
import TestSupport
import Testing

/// What every store must do with cases and what their stages made.
@Suite("Any store keeps cases", .timeLimit(.minutes(1)))
struct CaseTests {
    private let user = UserID()

    @Test("What is inserted is read as it was, and inserting again changes nothing", arguments: StoreUnderTest.all)
    func insert(store: StoreUnderTest) async throws {
        let store = try await store.made()
        var made = Case(
            owner: user, title: "Chest pain", notes: "54, smoker.\u{0} Δ😷", status: .running,
            createdAt: Timestamp(milliseconds: 5))
        try await store.insert(made)
        #expect(try await store.case(made.id, of: user) == made)
        made.notes = "Other"
        try await store.insert(made)
        #expect(try await store.case(made.id, of: user).notes == "54, smoker.\u{0} Δ😷")
    }

    @Test("The higher version stands, and an update puts the case at the head", arguments: StoreUnderTest.all)
    func update(store: StoreUnderTest) async throws {
        let time = SetTime()
        let store = try await store.make { time.now }
        var first = Case(owner: user, title: "First", createdAt: time.now)
        try await store.insert(first)
        let second = Case(owner: user, title: "Second", createdAt: time.now)
        try await store.insert(second)
        #expect(try await all(store).map(\.id) == [second.id, first.id])
        first.version = 3
        first.rename("Renamed")
        first.notes = "Better"
        first.status = Case.Status(rawValue: "of another version")
        #expect(try await store.update(first))
        #expect(try await all(store).map(\.id) == [first.id, second.id])
        first.notes = "Late"
        for version in [1, 2, 3] {
            first.version = version
            #expect(try await !store.update(first))
        }
        let stored = try await store.case(first.id, of: user)
        #expect(stored.notes == "Better" && stored.title == "Renamed" && stored.version == 3)
        #expect(stored.status.rawValue == "of another version" && stored.createdAt == first.createdAt)
    }

    @Test("Paging meets each case that rests exactly once", arguments: StoreUnderTest.all, 0..<100 as Range<UInt64>)
    func paging(store: StoreUnderTest, seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let store = try await store.made()
        var resting: [CaseID] = []
        for _ in 0..<Int.random(in: 0...20, using: &random) {
            let made = Case(owner: user, createdAt: .now)
            try await store.insert(made)
            resting.insert(made.id, at: 0)
        }
        var met: [CaseID] = []
        var cursor: String?
        repeat {
            let limit = Int.random(in: 1...6, using: &random)
            let page = try await store.cases(of: user, after: cursor, limit: limit)
            #expect(page.items.count <= limit, "seed \(seed)")
            met += page.items.map(\.id)
            cursor = page.next
            switch Int.random(in: 0..<4, using: &random) {
            case 0: try await store.insert(Case(owner: user, createdAt: .now))
            case 1:
                guard let moved = resting.randomElement(using: &random) else { break }
                resting.removeAll { $0 == moved }
                var row = try await store.case(moved, of: user)
                row.version += 1
                try await store.update(row)
            case 2:
                guard let gone = page.items.last?.id else { break }
                resting.removeAll { $0 == gone }
                try await store.delete(gone, of: user)
            default: break
            }
        } while cursor != nil
        #expect(met.filter(resting.contains) == resting, "seed \(seed)")
        #expect(await refusal { try await store.cases(of: user, after: "x", limit: 1) } == .notFound)
    }

    @Test("All that a result tells is kept, and the higher version stands", arguments: StoreUnderTest.all)
    func results(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let made = Case(owner: user, createdAt: .now)
        try await store.insert(made)
        #expect(try await store.results(of: made.id, of: user) == [])
        let stage = try #require(Stage(rawValue: "initial"))
        var first = StageResult(
            case: made.id, stage: stage, owner: user, text: "Rest.\u{0}", reasoning: "Since",
            createdAt: Timestamp(milliseconds: 7))
        #expect(try await store.save(first))
        // The same run goes through another stage, and another run through the same one.
        let other = StageResult(
            case: made.id, stage: .chat, stream: first.stream, owner: user, createdAt: Timestamp(milliseconds: 8))
        let again = StageResult(case: made.id, stage: stage, owner: user, createdAt: Timestamp(milliseconds: 6))
        #expect(try await store.save(other))
        #expect(try await store.save(again))
        #expect(try await !store.save(first))
        for outcome in Outcome.allCases {
            first.text += " More."
            first.outcome = outcome
            first.length = first.text.utf8.count
            first.sha256 = String(repeating: "a1", count: 32)
            first.provider = "main"
            first.model = "a-model"
            first.usage = Usage(input: 1, output: 2, isEstimated: true)
            first.cost = Cost(micros: 9, currency: "EUR")
            first.version += 1
            #expect(try await store.save(first))
            #expect(try await store.results(of: made.id, of: user) == [first, other, again])
        }
        var late = first
        late.version -= 1
        late.text = "Late"
        #expect(try await !store.save(late))
        #expect(try await store.results(of: made.id, of: user) == [first, other, again])
    }

    @Test("Deleting a case removes its results, and a later save finds no case", arguments: StoreUnderTest.all)
    func delete(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let made = Case(owner: user, createdAt: .now)
        try await store.insert(made)
        let result = StageResult(case: made.id, stage: .chat, owner: user, createdAt: .now)
        try await store.save(result)
        try await store.delete(made.id, of: user)
        #expect(try await all(store) == [])
        #expect(await refusal { try await store.save(result) } == .notFound)
        #expect(await refusal { try await store.results(of: made.id, of: user) } == .notFound)
        #expect(await refusal { try await store.update(made) } == .notFound)
        #expect(await refusal { try await store.delete(made.id, of: user) } == .notFound)
    }

    @Test("Another user's case is answered like one that never was", arguments: StoreUnderTest.all)
    func stranger(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let stranger = UserID()
        let made = Case(owner: user, notes: "Mine", createdAt: .now)
        try await store.insert(made)
        for known in [made.id, CaseID()] {
            #expect(await refusal { try await store.case(known, of: stranger) } == .notFound)
            #expect(await refusal { try await store.delete(known, of: stranger) } == .notFound)
            #expect(await refusal { try await store.results(of: known, of: stranger) } == .notFound)
            let copy = Case(id: known, owner: stranger, version: 9, createdAt: .now)
            #expect(await refusal { try await store.update(copy) } == .notFound)
            let result = StageResult(case: known, stage: .chat, owner: stranger, createdAt: .now)
            #expect(await refusal { try await store.save(result) } == .notFound)
        }
        let taken = Case(id: made.id, owner: stranger, createdAt: .now)
        #expect(await refusal { try await store.insert(taken) } == .notFound)
        #expect(try await store.cases(of: stranger, after: nil, limit: 5).items == [])
        #expect(try await all(store).map(\.notes) == ["Mine"])
    }

    private func all(_ store: any Store) async throws -> [Case] {
        var rows: [Case] = []
        var cursor: String?
        repeat {
            let page = try await store.cases(of: user, after: cursor, limit: 2)
            rows += page.items
            cursor = page.next
        } while cursor != nil
        return rows
    }
}
