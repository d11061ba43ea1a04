import Core
import Glibc
import Persistence

/// Turns that are stored by many at once, as the server stores them: the question before the model is asked, the answer
/// with the job that follows when it has ended.
///
/// store-turns sqlite FILE | postgres URL   PRODUCERS SECONDS BYTES
/// store-turns sqlite FILE | postgres URL   history CONVERSATIONS CHARACTERS
///
/// Prints JSON as `store_floor` does, with which `Scripts/bench --store` compares it; or what ``LongHistory`` reports.
@main
struct StoreTurns {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 6, let seconds = Double(arguments[4]), let bytes = Int(arguments[5]) else {
            fatalError("usage: store-turns sqlite|postgres PLACE PRODUCERS SECONDS BYTES | history CONVERSATIONS CHARACTERS")
        }
        let store = try await open(arguments[1], at: arguments[2])
        guard let producers = Int(arguments[3]) else {
            try await LongHistory(in: store, conversations: Int(seconds), characters: bytes).report()
            leave()
        }
        let clock = ContinuousClock()
        let begun = clock.now
        let end = begun + .seconds(seconds)
        let texts = (0..<producers).map { Text(seed: UInt64($0), bytes: bytes) }
        let latencies = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for text in texts { group.addTask { try await produce(into: store, until: end, text) } }
            var all: [Duration] = []
            for try await each in group { all += each }
            return all.sorted()
        }
        let took = begun.duration(to: clock.now) / .seconds(1)
        guard !latencies.isEmpty else { fatalError("no turn was stored") }
        func milliseconds(_ share: Double) -> Double {
            latencies[Int(Double(latencies.count - 1) * share)] / .milliseconds(1)
        }
        print(
            """
            {"turns_per_second":\(Double(latencies.count) / took),"p50_ms":\(milliseconds(0.5)),\
            "p99_ms":\(milliseconds(0.99)),"worst_ms":\(milliseconds(1))}
            """)
        leave()
    }

    /// Ends the process at once: what libraries clean up at an exit, the store's threads still use.
    private static func leave() -> Never {
        fflush(nil)
        _exit(0)
    }

    /// One user who says one thing after the other.
    private static func produce(
        into store: any ConversationStore, until end: ContinuousClock.Instant, _ text: Text
    ) async throws -> [Duration] {
        let owner = UserID()
        var latencies: [Duration] = []
        var conversation: ConversationID?
        while true {
            let begun = ContinuousClock.now
            guard begun < end else { return latencies }
            let subject: NewTurn.Subject =
                conversation.map { .message(in: $0, text: text.value) }
                ?? .newConversation(kind: .chat, title: "Measured", text: text.value)
            var answer = try await store.begin(NewTurn(owner: owner, subject: subject, key: UUIDv7.make())).answer
            answer.text = text.value
            answer.state = .final
            answer.outcome = .complete
            answer.version = Message.finalVersion
            try await store.save(
                answer, then: [ConversationToDescribe(answer.conversation, of: owner, after: answer.id).job])
            latencies.append(begun.duration(to: .now))
            conversation = latencies.count.isMultiple(of: 20) ? nil : answer.conversation
        }
    }

    /// Words that no two producers share.
    private struct Text {
        let value: String

        init(seed: UInt64, bytes: Int) {
            var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
            var value = ""
            while value.utf8.count < bytes {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                value += String(state >> 20, radix: 36) + " "
            }
            self.value = String(value.prefix(bytes))
        }
    }
}
