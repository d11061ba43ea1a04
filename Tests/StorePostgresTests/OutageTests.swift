import Core
import Persistence
import PostgreSQL
import PostgresSupport
import StorePostgres
import Synchronization
import TestSupport
import Testing

/// Turns that go on while the server suffers: what was acknowledged is there, once, as it was.
@Suite("A server that fails under load", .timeLimit(.minutes(4)), .serialized)
struct OutageTests {
    /// What befalls the server in the midst of the turns.
    enum Fate: String, Sendable, CaseIterable {
        case stop, kill, freeze, endSessions, swallow, cutAnswers
    }

    @Test("Nothing acknowledged is lost, and nothing that was tried again is doubled", arguments: Fate.allCases)
    func turns(fate: Fate) async throws {
        let load = try await Load()
        let result = try await load.run(isCareless: false) { try await load.suffer(fate) }
        print("\(fate): \(result)")
        #expect(result.acknowledged == Load.turns)
        #expect(result.lost == 0)
        #expect(result.doubled == 0)
        #expect(result.failures > 0, "the server was not missed: the test shows nothing")
        #expect(try await load.store.check() == [])
    }

    @Test("A caller that tries again under new names doubles, which is what the names are for")
    func careless() async throws {
        let load = try await Load()
        let result = try await load.run(isCareless: true) { try await load.suffer(.cutAnswers) }
        #expect(result.doubled > 0)
        #expect(result.lost == 0)
    }
}

/// Writers of turns, and what they were told.
private struct Load: Sendable {
    static let turns = 240
    private static let writers = 12

    let server: PostgresServer
    let proxy: Proxy
    let store: PostgresStore
    private let user = UserID()
    private let begun = Tally()

    struct Result: Sendable, CustomStringConvertible {
        var acknowledged = 0
        var lost = 0
        var doubled = 0
        /// Calls that had to be made again.
        var failures = 0

        var description: String {
            "acknowledged \(acknowledged), lost \(lost), doubled \(doubled), tried again \(failures)"
        }
    }

    init() async throws {
        server = try await PostgresServer()
        proxy = Proxy(to: server.port)
        try await TestDatabases.makeOwner(in: server)
        let name = try await server.database()
        try await server.query("ALTER DATABASE \(name) OWNER TO \(TestDatabases.owner)")
        let url = server.url(name, user: TestDatabases.owner, password: TestDatabases.owner, port: proxy.port)
        let limits = Pool.Limits(connections: 6, connectTimeout: .seconds(1), timeout: .seconds(1))
        store = PostgresStore(
            try await PostgresDatabase.open(try ServerAddress(url), limits: limits, keyring: TestDatabases.keyring))
    }

    /// Lets a third of the turns begin, does something to the server, and lets it recover.
    func suffer(_ fate: OutageTests.Fate) async throws {
        await begun.reaches(Self.turns / 3)
        switch fate {
        case .stop, .kill:
            try await server.suffer(fate == .stop ? .stop : .kill)
            try await server.suffer(.start)
        case .freeze:
            try await server.suffer(.freeze)
            try await wait(while: !isMissed)
            try await server.suffer(.thaw)
        case .endSessions:
            for _ in 0..<20 {
                try await server.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '\(TestDatabases.owner)'")
            }
        case .swallow:
            proxy.set(.swallow)
            try await wait(while: !isMissed)
            proxy.set(.pass)
        case .cutAnswers:
            proxy.set(.cutAnswers(oneIn: 4))
            await begun.reaches(Self.turns * 2 / 3)
            proxy.set(.pass)
        }
    }

    private let missed = Tally()

    private var isMissed: Bool { missed.value >= Self.writers }

    func run(isCareless: Bool, _ fate: @escaping @Sendable () async throws -> Void) async throws -> Result {
        async let happened: Void = fate()
        let texts = await withTaskGroup { group in
            for writer in 0..<Self.writers {
                group.addTask {
                    var texts: [MessageID: String] = [:]
                    for number in 0..<(Self.turns / Self.writers) {
                        let text = "turn \(number) of \(writer)"
                        if let id = await turn(text, isCareless: isCareless) { texts[id] = text }
                    }
                    return texts
                }
            }
            return await group.reduce(into: [MessageID: String]()) { $0.merge($1) { one, _ in one } }
        }
        try await happened
        var result = Result(acknowledged: texts.count, failures: missed.value)
        for (id, text) in texts {
            let stored = try? await again { () async throws(StoreError) in try await store.message(id, of: user) }
            if stored?.text != text || stored?.state != .final { result.lost += 1 }
        }
        var rows = 0
        var cursor: String?
        repeat {
            let page = try await store.conversations(of: user, after: cursor, limit: 500)
            for conversation in page.items {
                rows += try await store.messages(of: conversation.id, of: user, after: nil, limit: 10).items.count
            }
            cursor = page.next
        } while cursor != nil
        result.doubled = rows - 2 * Self.turns
        return result
    }

    /// A turn from its beginning to its end, tried until it is acknowledged.
    private func turn(_ text: String, isCareless: Bool) async -> MessageID? {
        let names = TurnReference()
        let begunTurn = try? await again { () async throws(StoreError) in
            let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: text)
            return try await store.begin(
                NewTurn(owner: user, subject: subject, names: isCareless ? TurnReference() : names))
        }
        begun.add()
        guard var answer = begunTurn?.answer else { return nil }
        (answer.text, answer.state, answer.outcome) = (text, .final, .complete)
        answer.version = Message.finalVersion
        let last = answer
        _ = try? await again { () async throws(StoreError) in try await store.save(last) }
        return answer.id
    }

    /// Makes a call until it is answered; the server comes back.
    private func again<Answer>(_ call: () async throws(StoreError) -> Answer) async throws -> Answer {
        while true {
            do throws(StoreError) {
                return try await call()
            } catch {
                guard case .unavailable = error else { throw error }
                missed.add()
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
