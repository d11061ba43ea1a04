import Core
import Foundation
import Persistence

/// A user of very many conversations, one of which is very long: what it takes to read the first page of each list.
struct LongHistory {
    /// As many as a client asks for when it does not say.
    private static let pageRows = 50
    /// A turn is a question and an answer of as many characters.
    private static let textCharacters = 5_000
    /// How often each list is asked for.
    private static let readings = 50
    /// Writers at once, which share their commits.
    private static let writers = 128

    private let store: any ConversationStore
    private let owner = UserID()
    private let long: ConversationID

    /// Stores the conversations, of which the first becomes long.
    init(in store: any ConversationStore, conversations: Int, characters: Int) async throws {
        self.store = store
        let text = String(repeating: "lorem ipsum dolor sit amet ", count: 1 + Self.textCharacters / 27)
            .prefix(Self.textCharacters)
        let first = NewTurn(owner: owner, subject: .newConversation(kind: .chat, title: "Long", text: String(text)))
        long = try await Self.take(first, in: store, answering: String(text))
        for _ in 1..<max(2, characters / (2 * Self.textCharacters)) {
            let turn = NewTurn(owner: owner, subject: .message(in: long, text: String(text)))
            _ = try await Self.take(turn, in: store, answering: String(text))
        }
        let (owner, share) = (owner, (conversations + Self.writers - 1) / Self.writers)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<Self.writers {
                group.addTask {
                    for number in (writer * share)..<min((writer + 1) * share, max(writer * share, conversations)) {
                        try await store.insert(
                            Conversation(owner: owner, title: "Conversation \(number)", createdAt: .now))
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private static func take(
        _ turn: NewTurn, in store: any ConversationStore, answering text: String
    ) async throws -> ConversationID {
        var answer = try await store.begin(turn).answer
        answer.text = text
        answer.state = .final
        answer.outcome = .complete
        answer.version = Message.finalVersion
        try await store.save(answer)
        return answer.conversation
    }

    /// Reads each list and prints, as JSON, the median and the worst time, and by how much the process grew.
    func report() async throws {
        let before = try Self.residentBytes()
        let lists: [(String, () async throws -> Int)] = [
            ("conversations", { try await store.conversations(of: owner, after: nil, limit: Self.pageRows).items.count }),
            ("oldest messages", {
                try await store.messages(of: long, of: owner, after: nil, limit: Self.pageRows).items.count
            }),
            ("newest messages", {
                try await store.messages(of: long, of: owner, before: nil, limit: Self.pageRows).items.count
            }),
        ]
        var rows: [String] = []
        for (name, read) in lists {
            var times: [Duration] = []
            for _ in 0..<Self.readings {
                let begun = ContinuousClock.now
                guard try await read() == Self.pageRows else { throw Short(name: name) }
                times.append(begun.duration(to: .now))
            }
            times.sort()
            let (median, worst) = (times[times.count / 2] / .milliseconds(1), (times.last ?? .zero) / .milliseconds(1))
            rows.append("\"\(name)\":{\"median\":\(median),\"worst\":\(worst)}")
        }
        let grown = (try Self.residentBytes() - before) / 1024
        print("{\(rows.joined(separator: ",")),\"grown_kib\":\(grown)}")
    }

    /// A list that is shorter than a page.
    private struct Short: Error { var name: String }

    private static func residentBytes() throws -> Int {
        let fields = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return (fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * 4096
    }
}
