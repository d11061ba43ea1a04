import Core
import Persistence
import StoreConformance
import TestSupport
import Testing

/// What every store must do when it is asked what answers used.
@Suite("Any store adds up usage", .timeLimit(.minutes(1)))
struct UsageTests {
    static let start = Timestamp(milliseconds: 1_700_000_000_000)
    static let day: Int64 = 86_400_000

    @Test(
        "The sums are those of a user's finished answers, each once, and of nobody else's",
        arguments: StoreUnderTest.all, 0..<150 as Range<UInt64>)
    func sums(store: StoreUnderTest, seed: UInt64) async throws {
        let time = SetTime(Self.start.milliseconds)
        let store = try await store.make { time.now }
        let users = [UserID(), UserID()]
        var random = SplitMix(seed: seed)
        for _ in 0..<Int.random(in: 0...14, using: &random) {
            time.move(by: Int64.random(in: 0...Self.day, using: &random))
            let owner = users[Int.random(in: 0...1, using: &random)]
            try await Self.turn(of: owner, in: store, &random)
        }
        for owner in users {
            let from = Self.start + .milliseconds(Int64.random(in: -Self.day...3 * Self.day, using: &random))
            let to = from + .milliseconds(Int64.random(in: 0...9 * Self.day, using: &random))
            let sums = try await store.usage(of: owner, from: from, to: to)
            let answers = try await Self.answers(of: owner, in: store).filter { (from..<to).contains($0.createdAt) }
            #expect(Set(sums.map(\.group)).count == sums.count, "seed \(seed)")
            #expect(Set(sums) == Set(try await Self.expected(answers, of: owner, in: store)), "seed \(seed)")
        }
    }

    @Test("An answer counts from the first moment of the time to before its end", arguments: StoreUnderTest.all)
    func edges(store: StoreUnderTest) async throws {
        let time = SetTime(Self.start.milliseconds)
        let store = try await store.make { time.now }
        let user = UserID()
        let answer = try await store.conversation(of: user)[0].answer
        let moment = answer.createdAt
        func answers(from: Int64, to: Int64) async throws -> Int {
            try await store.usage(of: user, from: moment + .milliseconds(from), to: moment + .milliseconds(to))
                .reduce(0) { $0 + $1.answers }
        }
        #expect(try await answers(from: 0, to: 1) == 1)
        #expect(try await answers(from: -1, to: 0) == 0)
        #expect(try await answers(from: 1, to: 2) == 0)
    }

    @Test("What is still being written, and what was deleted, is not counted", arguments: StoreUnderTest.all)
    func uncounted(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        _ = try await store.begin(NewTurn(owner: user, subject: .newConversation(kind: .chat, title: "", text: "Go")))
        #expect(try await Self.all(of: user, in: store) == [])
        let turn = try await store.conversation(of: user)[0]
        #expect(try await Self.all(of: user, in: store).map(\.answers) == [1])
        try await store.delete(turn.turn.conversation, of: user)
        #expect(try await Self.all(of: user, in: store) == [])
    }

    @Test("Nothing known is told as unknown, not as nothing", arguments: StoreUnderTest.all)
    func unknown(store: StoreUnderTest) async throws {
        let store = try await store.made()
        let user = UserID()
        let usages: [Usage?] = [nil, Usage(input: 7), Usage(input: 1, output: 2, isEstimated: true)]
        for usage in usages {
            var answer = try await store.begin(
                NewTurn(owner: user, subject: .newConversation(kind: .chat, title: "", text: "Go"))
            ).answer
            answer.state = .final
            answer.usage = usage
            answer.version = Message.finalVersion
            try await store.save(answer)
        }
        let sum = try #require(try await Self.all(of: user, in: store).first)
        #expect(sum.group.provider == nil && sum.group.model == nil && sum.group.stage == .chat)
        #expect(sum.answers == 3 && sum.withoutUsage == 2 && sum.estimated == 1 && sum.withoutCost == 3)
        #expect(sum.usage == Usage(input: 8, output: 2, isEstimated: true))
        #expect(sum.costs == [])
    }

    @Test("Sums stay at the largest number rather than run past it")
    func overflow() {
        let group = UsageSum.Group(day: "2026-03-09")
        var sum = UsageSum(group, usage: Usage(input: .max), costs: [Cost(micros: .max, currency: "USD")])
        sum.add(UsageSum(.init(), usage: Usage(input: 1), costs: [Cost(micros: 1, currency: "USD")]))
        #expect(sum.usage.input == .max)
        #expect(sum.costs == [Cost(micros: .max, currency: "USD")])
        #expect(sum.group == group)
    }

    // MARK: Making and adding up

    private static func all(of user: UserID, in store: any ConversationStore) async throws -> [UsageSum] {
        try await store.usage(of: user, from: Timestamp(milliseconds: 0), to: Timestamp(milliseconds: .max))
    }

    /// A turn of chance: finished or not, with some of what an answer may tell.
    private static func turn(of owner: UserID, in store: any ConversationStore, _ random: inout SplitMix) async throws {
        let kind: Stage = Bool.random(using: &random) ? .chat : .onboarding
        var answer = try await store.begin(
            NewTurn(owner: owner, subject: .newConversation(kind: kind, title: "", text: "Go"))
        ).answer
        func some<Value>(_ values: [Value?]) -> Value? { values[Int.random(in: 0..<values.count, using: &random)] }
        answer.state = some([.final, .final, .streaming]) ?? .final
        answer.provider = some([nil, "main", "backup"])
        answer.model = some([nil, "small", "large"])
        answer.usage = some([
            nil, Usage(input: 10, output: 5, total: 15, reasoning: 2), Usage(input: 3),
            Usage(input: 8, output: 1, cachedInput: 4, cacheWrite: 1), Usage(input: 1, output: 1, isEstimated: true),
        ])
        answer.cost = some([
            nil, Cost(micros: 7, currency: "EUR"), Cost(micros: 11, currency: "USD"),
            Cost(micros: 2, currency: "USD", isEstimated: true),
        ])
        let first = AnswerSpan(provider: "backup", model: "small", usage: answer.usage, cost: answer.cost)
        let second = AnswerSpan(provider: "main", model: "large", offset: 9, usage: Usage(input: 2, output: 1))
        answer.spans = some([[], [], [first, second]]) ?? []
        answer.version = Message.finalVersion
        try await store.save(answer)
    }

    private static func answers(of owner: UserID, in store: any ConversationStore) async throws -> [Message] {
        var answers: [Message] = []
        for conversation in try await store.allConversations(of: owner) {
            answers += try await store.allMessages(of: conversation.id, of: owner)
        }
        return answers.filter { $0.role == .assistant && $0.state == .final }
    }

    /// The same sums, each made by going through all answers for it.
    private static func expected(
        _ answers: [Message], of owner: UserID, in store: any ConversationStore
    ) async throws -> [UsageSum] {
        var groups: [UsageSum.Group: [Part]] = [:]
        for answer in answers {
            let stage = try await store.conversation(answer.conversation, of: owner).kind
            let day = String(answer.createdAt.description.prefix(10))
            var parts = [Part(answer.provider, answer.model, answer.usage, answer.cost)]
            if !answer.spans.isEmpty { parts = answer.spans.map { Part($0.provider, $0.model, $0.usage, $0.cost) } }
            parts[parts.count - 1].isLast = true
            for part in parts {
                let group = UsageSum.Group(day: day, provider: part.provider, model: part.model, stage: stage)
                groups[group, default: []].append(part)
            }
        }
        return groups.map { group, parts in
            func sum(_ count: KeyPath<Usage, Int?>) -> Int? {
                let known = parts.compactMap { $0.usage?[keyPath: count] }
                return known.isEmpty ? nil : known.reduce(0, +)
            }
            let costs = Dictionary(grouping: parts.compactMap(\.cost), by: \.currency).map { currency, costs in
                Cost(
                    micros: costs.reduce(0) { $0 + $1.micros }, currency: currency,
                    isEstimated: costs.contains { $0.isEstimated })
            }
            return UsageSum(
                group, answers: parts.count { $0.isLast },
                withoutUsage: parts.count { $0.usage?.input == nil || $0.usage?.output == nil },
                estimated: parts.count { $0.usage?.isEstimated == true },
                usage: Usage(
                    input: sum(\.input), output: sum(\.output), total: sum(\.total), reasoning: sum(\.reasoning),
                    cachedInput: sum(\.cachedInput), cacheWrite: sum(\.cacheWrite),
                    isEstimated: parts.contains { $0.usage?.isEstimated == true }),
                withoutCost: parts.count { $0.cost == nil }, costs: costs.sorted { $0.currency < $1.currency })
        }
    }

    /// What one provider gave of an answer, or the whole of it.
    private struct Part {
        let provider: String?
        let model: String?
        let usage: Usage?
        let cost: Cost?
        var isLast = false

        init(_ provider: String?, _ model: String?, _ usage: Usage?, _ cost: Cost?) {
            (self.provider, self.model, self.usage, self.cost) = (provider, model, usage, cost)
        }
    }
}
