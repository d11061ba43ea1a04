import Core
import Persistence
import Reactor
import Streaming
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import Chat

/// What a server still holds of users whom an operator deletes, and that those who come back keep what they begin.
@Suite("Deleted users", .timeLimit(.minutes(1)))
struct DeletedUsersTests {
    private let store = InMemoryStore()

    private func ended(_ turn: TurnReference, _ clinic: Clinic) async throws -> StreamLog {
        let log = try #require(clinic.hub.log(turn.stream, for: someone))
        await log.ended()
        return log
    }

    @Test("Their finished streams go, running ones stop, and those of others stay")
    func goes() async throws {
        let clinic = Clinic(store: store) { prompt in
            prompt.messages.last?.text == "Go on." ? [.say("On and on "), .hang] : [.say("An answer."), .finish()]
        }
        let deleted = DeletedUsers(in: store, spool: nil)
        let others = try await clinic.ask("Hello.", as: stranger)
        let finished = try await clinic.answer(to: "Hello.").turn
        let running = try await clinic.ask("Go on.")
        try await clinic.shows("On and on ", running)
        let log = try #require(clinic.hub.log(running.stream, for: someone))
        let left = Mutex<[UserID]>([])
        #expect(try await deleted.follow(in: clinic.service) { user in left.withLock { $0.append(user) } } == 0)
        #expect(clinic.hub.logCount == 3)

        _ = try await store.deleteUser(someone)
        #expect(try await deleted.follow(in: clinic.service) { user in left.withLock { $0.append(user) } } == 1)
        #expect(clinic.hub.logs(of: someone).isEmpty && clinic.hub.log(others.stream, for: stranger) != nil)
        #expect(left.withLock { $0 } == [someone])
        await log.ended()
        #expect(await log.outcome == .cancelled)
        #expect(await log.stopReason == .deleted)
        for turn in [finished, running] {
            let error = await #expect(throws: PlatformError.self) {
                try await clinic.service.record(of: turn.stream, as: someone)
            }
            #expect(error?.code == .notFound)
        }
        // Dealt with, and not looked at again.
        #expect(try await deleted.follow(in: clinic.service) { user in left.withLock { $0.append(user) } } == 0)
        #expect(left.withLock { $0 } == [someone])
    }

    @Test("Who comes back under the same id keeps what was begun since, running or finished")
    func comesBack() async throws {
        let clinic = Clinic(store: store)
        let deleted = DeletedUsers(in: store, spool: nil)
        let old = try await clinic.answer(to: "Before.").turn
        _ = try await store.deleteUser(someone)
        let finished = try await clinic.answer(to: "After.").turn
        clinic.provider.perform { _ in [.say("On and on "), .hang] }
        let running = try await clinic.ask("Go on.", in: finished.conversation)
        try await clinic.shows("On and on ", running)
        #expect(try await deleted.follow(in: clinic.service) { _ in } == 1)
        #expect(clinic.hub.log(old.stream, for: someone) == nil)
        #expect(Set(clinic.hub.logs(of: someone).map(\.id)) == [finished.stream, running.stream])
        #expect(await clinic.hub.log(running.stream, for: someone)?.stopReason == nil)
        #expect(try await clinic.service.stop(running.stream, as: someone))
        _ = try await ended(running, clinic)
        #expect(try await clinic.messages(finished.conversation).count == 4)
    }

    @Test("Answers that are stored nowhere go when they were begun before, and stay when after")
    func completions() async throws {
        let clinic = Clinic(store: store)
        let deleted = DeletedUsers(in: store, spool: nil)
        func complete() async throws -> StreamLog {
            try await Clinic.loops[0].run { actor in
                let question = ChatService.Completion(model: "chat", messages: [.init(.user, "Hello")])
                return try await clinic.service.complete(question, as: someone, on: actor.loop).log
            }
        }
        let before = try await complete()
        _ = try await clinic.answer(to: "Something to delete.")
        // The time of a deletion counts in milliseconds.
        try await wait(while: Timestamp.now <= before.begunAt)
        let receipt = try await store.deleteUser(someone)
        try await wait(while: Timestamp.now <= receipt.at)
        let after = try await complete()
        #expect(try await deleted.follow(in: clinic.service) { _ in } == 1)
        #expect(clinic.hub.logs(of: someone).map(\.id) == [after.id])
        for log in [before, after] { await log.ended() }
    }

    @Test("A stream that has not begun is judged when it has")
    func justBeginning() async throws {
        let clinic = Clinic(store: store)
        let deleted = DeletedUsers(in: store, spool: nil)
        _ = try await clinic.answer(to: "Before.")
        _ = try await store.deleteUser(someone)
        let log = clinic.hub.open(StreamID(), owner: someone, on: Clinic.loops[0].loop)
        #expect(try await deleted.follow(in: clinic.service) { _ in } == 0)
        #expect(clinic.hub.logs(of: someone).map(\.id) == [log.id])
        try await log.start(StreamSubject(conversation: ConversationID(), message: MessageID())) { log in
            log.finish(.done(.complete))
        }
        #expect(try await deleted.follow(in: clinic.service) { _ in } == 1)
        #expect(clinic.hub.logs(of: someone).isEmpty)
    }

    @Test("A store or a journal that fails loses no deletion")
    func failing() async throws {
        struct Broken: Error {}
        let clinic = Clinic(store: store)
        let deleted = DeletedUsers(in: store, spool: nil)
        for user in [someone, stranger] {
            _ = try await clinic.ask("Hello.", as: user)
            _ = try await store.deleteUser(user)
        }
        await #expect(throws: Broken.self) {
            try await deleted.follow(in: clinic.service) { user in if user == stranger { throw Broken() } }
        }
        let left = Mutex<[UserID]>([])
        #expect(try await deleted.follow(in: clinic.service) { user in left.withLock { $0.append(user) } } == 1)
        #expect(left.withLock { $0 } == [stranger])
    }

    @Test("What waits in the spool of one who came back lives, and is judged when the spool is empty")
    func spooled() async throws {
        let spool = InMemoryQueue()
        let clinic = Clinic(store: store)
        let deleted = DeletedUsers(in: store, spool: spool)
        _ = try await clinic.answer(to: "Before.")
        let receipt = try await store.deleteUser(someone)
        try await wait(while: Timestamp.now <= receipt.at)
        let log = try await clinic.hub.start(
            StreamID(), owner: someone, on: Clinic.loops[0].loop,
            of: StreamSubject(conversation: ConversationID(), message: MessageID())
        ) { $0.finish(.done(.complete)) }
        try await spool.enqueue([NewJob(kind: .saveTurn, group: "another")])
        #expect(try await deleted.follow(in: clinic.service) { _ in } == 0)
        #expect(clinic.hub.logs(of: someone).map(\.id) == [log.id])
        #expect(try await spool.forget(group: "another") == 1)
        #expect(try await deleted.follow(in: clinic.service) { _ in } == 1)
        #expect(clinic.hub.logs(of: someone).isEmpty)
    }

    @Test("A turn that waits in the spool is not written anew by the end of its stream")
    func notRevived() async throws {
        let store = FailingStore()
        let spool = InMemoryQueue()
        store.fails(.begin)
        let clinic = Clinic(store: store, spool: spool) { _ in [.say("On and on "), .hang] }
        let turn = try await clinic.ask("Go on.", key: "k")
        try await clinic.shows("On and on ", turn)
        #expect(try await spool.statistics().map(\.due) == [1])
        #expect(try await spool.forget(group: someone.text) == 1)
        let log = try #require(clinic.hub.log(turn.stream, for: someone))
        await log.stop(.deleted)
        await log.ended()
        #expect(try await spool.statistics().isEmpty)
    }

    @Test("What is known of their conversations is forgotten, and nobody else's")
    func recent() throws {
        let recent = RecentConversations(limit: 10_000)
        var ids: [UserID: [ConversationID]] = [:]
        for number in 0..<30 {
            let owner = number.isMultiple(of: 2) ? someone : stranger
            let conversation = Conversation(owner: owner, createdAt: .now)
            let message = Message(
                conversation: conversation.id, owner: owner, role: .user, text: String(repeating: "x", count: 500),
                createdAt: .now)
            recent.note(.init(conversation: conversation, history: [message]))
            ids[owner, default: []].append(conversation.id)
        }
        recent.forget(of: someone)
        #expect(try #require(ids[someone]).allSatisfy { recent.find($0, of: someone) == nil })
        #expect(try #require(ids[stranger]).allSatisfy { recent.find($0, of: stranger) != nil })
    }

    // MARK: At the start

    private func journaled(_ owner: UserID, _ subject: StreamSubject?, at begunAt: Timestamp) -> JournaledStream {
        JournaledStream(StreamID(), owner: owner, subject: subject, begunAt: begunAt, StreamingSettings())
    }

    @Test("Of what an earlier server left that goes which was begun before, and is stored no more")
    func atStart() async throws {
        let clinic = Clinic(store: store)
        let deleted = DeletedUsers(in: store, spool: nil)
        let subject = StreamSubject(conversation: ConversationID(), message: MessageID())
        _ = try await clinic.answer(to: "Before.")
        let at = try await store.deleteUser(someone).at
        _ = try await clinic.ask("Of another.", as: stranger)
        let later = Timestamp(milliseconds: at.milliseconds + 1)
        #expect(try await !deleted.includes(journaled(someone, subject, at: at)), "nobody has looked yet")
        try await deleted.load()
        #expect(try await deleted.includes(journaled(someone, subject, at: at)))
        #expect(try await deleted.includes(journaled(someone, nil, at: at)))
        #expect(try await !deleted.includes(journaled(someone, nil, at: later)))
        #expect(try await !deleted.includes(journaled(stranger, subject, at: at)))
        // The store tells of its own streams, whatever the clocks say.
        let back = try await clinic.answer(to: "After.").turn
        let stored = JournaledStream(
            back.stream, owner: someone, subject: subject, begunAt: Timestamp(milliseconds: 0), StreamingSettings())
        #expect(try await !deleted.includes(stored))
        // Known from the start, and not followed once more.
        #expect(try await deleted.follow(in: clinic.service) { _ in Issue.record("It was known.") } == 0)
    }

    @Test("An abandoned answer whose conversation is gone is none, unless its beginning was given up in the spool")
    func abandoned() async throws {
        let log = Log(level: .error, descriptor: -1)
        let subject = StreamSubject(conversation: ConversationID(), message: MessageID())
        let stream = journaled(someone, subject, at: .now)
        guard case .deleted = await AbandonedAnswers(in: store, spool: nil, log: log).close(stream) else {
            Issue.record("It was closed.")
            return
        }
        let spool = InMemoryQueue()
        guard case .deleted = await AbandonedAnswers(in: store, spool: spool, log: log).close(stream) else {
            Issue.record("It was closed beside an empty spool.")
            return
        }
        try await spool.enqueue([NewJob(kind: .saveTurn)])
        let worker = try await spool.join().worker
        let lease = try #require(try await spool.lease(LeaseRequest(.saveTurn, limit: 1, worker: worker)))
        try await spool.settle(lease.jobs.map { Settlement($0.id, lease.token, .bury(because: "test")) })
        guard case .interrupted = await AbandonedAnswers(in: store, spool: spool, log: log).close(stream) else {
            Issue.record("It was let go of though its beginning can be put back.")
            return
        }
    }

    @Test("An abandoned answer whose end waits in the spool ends as it will be stored")
    func spooledEnd() async throws {
        let log = Log(level: .error, descriptor: -1)
        let subject = StreamSubject(conversation: ConversationID(), message: MessageID())
        let stream = journaled(someone, subject, at: .now)
        let end = Message(
            id: subject.message, conversation: subject.conversation, owner: someone, role: .assistant, text: "Whole.",
            state: .final, outcome: .complete, stream: stream.id, version: Message.finalVersion, createdAt: .now)
        let spool = InMemoryQueue()
        try await spool.enqueue([NewJob(kind: .saveTurn), DeferredTurn(messages: [end]).job])
        let ending = await AbandonedAnswers(in: store, spool: spool, log: log).close(stream)
        guard case .recorded(let texts, let events) = ending else {
            Issue.record("It was closed as \(ending).")
            return
        }
        #expect(texts.map(\.text) == ["Whole."])
        #expect(events.last?.type == StreamEvent.Kind.streamDone)
        #expect(try await spool.statistics().map(\.due) == [2], "nothing is to be written")
    }
}
