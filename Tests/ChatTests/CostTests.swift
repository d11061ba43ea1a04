import Chat
import Core
import Persistence
import Providers
import Streaming
import TestSupport
import Testing

/// What an answer used and cost, in its last event and in the record.
@Suite("The cost of turns", .timeLimit(.minutes(1)))
struct CostTests {
    static let prices = PriceTable([
        "scripted/*": .init(input: 1_000_000, output: 4_000_000, cachedInput: 100_000, currency: "EUR")
    ])

    static func clinic(_ acts: [ScriptedProvider.Act], _ prices: PriceTable = prices) -> Clinic {
        Clinic(script: { _ in acts }, chat: { $0.prices = prices })
    }

    @Test("Usage and cost stand in the last event and in the record")
    func counted() async throws {
        let usage = Usage(input: 30, output: 10, total: 40, reasoning: 4, cachedInput: 20)
        let clinic = Self.clinic([.say("Rest."), .give([.usage(Usage(input: 1)), .usage(usage), .finish(.stop)])])
        let (_, transcript, message) = try await clinic.answer(to: "I am tired.")
        let cost = Cost(micros: 10 + 2 + 40, currency: "EUR")
        let done = try #require(transcript.event(.streamDone))
        #expect(done.usage == usage && done.cost == cost)
        #expect(message.usage == usage && message.cost == cost)
    }

    @Test("An answer of which nobody counted the tokens gets an estimate that says so, broken off or not")
    func estimated() async throws {
        for end in [ScriptedProvider.Act.finish(), .fail(.providerTruncated)] {
            let clinic = Self.clinic([.think("1234"), .say("12345678"), end])
            let (_, transcript, message) = try await clinic.answer(to: "I am tired.")
            let usage = try #require(message.usage)
            // "You are careful." and the question.
            #expect(usage == Usage(estimatedFromInput: 16 + 11, output: 12))
            #expect(usage.isEstimated && usage.output == 3)
            #expect(message.cost == Cost(micros: 7 + 12, currency: "EUR", isEstimated: true))
            #expect(transcript.event(.streamDone)?.usage == usage)
            #expect(transcript.event(.streamDone)?.cost == message.cost)
        }
    }

    @Test("Of an answer that never began nothing is known, and so it is left")
    func unknown() async throws {
        let clinic = Self.clinic([.fail(.providerOverloaded)])
        let (_, transcript, message) = try await clinic.answer(to: "I am tired.")
        #expect(message.usage == nil && message.cost == nil)
        #expect(transcript.event(.streamDone)?.metadata["usage"] == nil)
        #expect(transcript.event(.streamDone)?.metadata["cost"] == nil)
    }

    @Test("Without a price there is usage and no cost")
    func unpriced() async throws {
        let usage = Usage(input: 3, output: 4)
        let clinic = Self.clinic([.say("Rest."), .give([.usage(usage), .finish(.stop)])], PriceTable())
        let (_, _, message) = try await clinic.answer(to: "I am tired.")
        #expect(message.usage == usage && message.cost == nil)
    }

    @Test("The model that answered has its own price before the one that was asked for")
    func answeringModel() async throws {
        let prices = PriceTable([
            "scripted/kestrel-2-june": .init(input: 0, output: 7_000_000), "scripted/*": .init(input: 0, output: 1),
        ])
        let usage = Usage(input: 3, output: 2)
        let acts: [ScriptedProvider.Act] = [
            .give([.start(model: "kestrel-2-june")]), .say("Rest."), .give([.usage(usage), .finish(.stop)]),
        ]
        let clinic = Self.clinic(acts, prices)
        let (_, _, message) = try await clinic.answer(to: "I am tired.")
        #expect(message.cost == Cost(micros: 14, currency: "USD"))
    }
}
