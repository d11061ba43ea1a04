import Core
import Encryption
import Persistence
import Reactor
import StoreSQLite
import Streaming
import Telemetry
import TestSupport
import Testing

@testable import Chat

/// What a server does with turns that an earlier one on its machine left in the middle.
@Suite("After a crash", .timeLimit(.minutes(1)))
struct CrashedTurnTests {
    /// A stream of the earlier server, as its journal tells it, after "Shown of it." was shown.
    private func left(_ id: StreamID = StreamID(), of subject: StreamSubject) async throws -> JournaledStream {
        let (journal, loop) = (MemoryJournal(), Clinic.loops[0].loop)
        let hub = StreamHub(StreamingSettings(), journal: journal)
        let log = try await hub.start(id, owner: someone, on: loop, of: subject) { log in
            log.write("Shown of it.", to: .chat, of: .chat)
            log.flush()
            while !Task.isCancelled { try? await log.loop.sleep(for: .seconds(60)) }
            log.finish(.done(.truncated))
        }
        await log.begunOnDisk()
        let stream = journal.rebuilt(log)
        await log.stop(.user)
        return try #require(stream)
    }

    private func name(ofKey key: String) throws -> String {
        let turn = NewTurn(
            owner: someone, subject: .message(in: ConversationID(), text: "Hello."), key: key,
            keyRetention: .seconds(60))
        return try #require(TurnRecorder.name(of: turn))
    }

    @Test("A request that was being answered is not answered anew while the store is away, and others are")
    func requests() async throws {
        let store = FailingStore()
        let spool = InMemoryQueue()
        let clinic = Clinic(store: store, spool: spool)
        var stream = try await left(
            of: StreamSubject(
                conversation: ConversationID(), message: MessageID(), request: try name(ofKey: "known")))
        _ = stream.interrupt()
        #expect(clinic.hub.restore(stream, endedBefore: .zero, on: Clinic.loops[0].loop))
        store.fails(.begin)
        let error = await #expect(throws: PlatformError.self) { try await clinic.ask("Hello.", key: "known") }
        #expect(error?.code == .unavailable)
        #expect(try await spool.statistics().isEmpty)
        #expect(clinic.provider.prompts.isEmpty)
        let turn = try await clinic.ask("Hello.", key: "unknown")
        #expect(try await clinic.watch(turn).outcome == .complete)
        #expect(!clinic.hub.wasAnswering(try name(ofKey: "unknown")))
    }

    @Test("What was shown of an answer stands for its last record, whichever comes first", arguments: [true, false])
    func shown(isLate: Bool) async throws {
        let folder = try Folder()
        let keyring = try Keyring.create(file: "\(folder.path)/keys")
        let path = "\(folder.path)/store.sqlite"
        let dead = try await SQLiteStore(SQLiteStore.Settings(path: path, node: NodeID()), keyring)
        let store = try await SQLiteStore(SQLiteStore.Settings(path: path, node: NodeID()), keyring)
        let turn = NewTurn(
            owner: someone, subject: .newConversation(kind: .chat, title: "", text: "Hello."),
            keyRetention: .seconds(60))
        let answer = try await dead.begin(turn).answer
        let stream = try await left(
            turn.names.stream, of: StreamSubject(conversation: answer.conversation, message: answer.id))
        let abandoned = AbandonedAnswers(in: store, spool: nil, log: Log(level: .error, descriptor: -1))
        if isLate { #expect(try await abandoned.closeRest() == 1) }
        _ = await abandoned.close(stream)
        if !isLate { #expect(try await abandoned.closeRest() == 0) }
        let stored = try await store.message(answer.id, of: someone)
        #expect(stored.text == "Shown of it.")
        #expect(stored.outcome == .interrupted)
        await store.close()
        await dead.close()
    }
}
