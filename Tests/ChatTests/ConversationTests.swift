import Chat
import Core
import Persistence
import Streaming
import TestSupport
import Testing

/// Conversations, and that nobody gets near another's.
@Suite("Conversations", .timeLimit(.minutes(1)))
struct ConversationTests {
    @Test("What belongs to another is as if it were not there")
    func ownership() async throws {
        let door = Door()
        let clinic = Clinic { _ in [.say("Private "), .hold(door), .finish()] }
        let turn = try await clinic.ask("Mine.", key: "k")
        let service = clinic.service
        let (conversation, stream) = (turn.conversation, turn.stream)
        let attempts: [(String, @Sendable () async throws -> Void)] = [
            ("read", { _ = try await service.conversation(conversation, as: stranger) }),
            ("rename", { _ = try await service.rename(conversation, to: "Yours", as: stranger) }),
            ("delete", { try await service.delete(conversation, as: stranger) }),
            ("messages", { _ = try await service.messages(of: conversation, as: stranger, after: nil, limit: 10) }),
            ("ask", { _ = try await clinic.ask("Me too.", in: conversation, as: stranger) }),
            ("stop", { _ = try await service.stop(stream, as: stranger) }),
            ("retry", { _ = try await clinic.retry(stream, as: stranger) }),
            ("message", { _ = try await service.message(of: turn, as: stranger) }),
            ("result", { _ = try await service.result(of: turn, as: stranger) }),
            ("record", { _ = try await service.record(of: stream, as: stranger) }),
        ]
        for (name, attempt) in attempts {
            let error = await #expect(throws: PlatformError.self, "\(name)") { try await attempt() }
            #expect(error?.code == .notFound, "\(name)")
        }
        #expect(clinic.hub.log(stream, for: stranger) == nil)
        #expect(try await service.conversations(as: stranger, after: nil, limit: 10).items.isEmpty)
        door.open()
        #expect(try await clinic.watch(turn).outcome == .complete)
        #expect(try await clinic.messages(conversation).count == 2)
        #expect(clinic.provider.prompts.count == 1)
    }

    @Test("Conversations are listed page by page, the last used first")
    func listing() async throws {
        let clinic = Clinic()
        var ids: [ConversationID] = []
        for number in 1...5 {
            ids.append(try await clinic.service.makeConversation(.chat, title: "\(number)", as: someone).id)
        }
        let first = try await clinic.service.conversations(as: someone, after: nil, limit: 2)
        let second = try await clinic.service.conversations(as: someone, after: first.next, limit: 2)
        let third = try await clinic.service.conversations(as: someone, after: second.next, limit: 2)
        #expect((first.items + second.items + third.items).map(\.title) == ["5", "4", "3", "2", "1"])
        #expect(third.next == nil)
        _ = try await clinic.answer(to: "Again.", in: ids[1])
        #expect(try await clinic.service.conversations(as: someone, after: nil, limit: 1).items[0].id == ids[1])
    }

    @Test("A title is at most 200 characters, and a new one not empty")
    func titles() async throws {
        let service = Clinic().service
        let conversation = try await service.makeConversation(.onboarding, title: "", as: someone)
        #expect(try await service.rename(conversation.id, to: "A name", as: someone).title == "A name")
        for title in ["", String(repeating: "x", count: 201)] {
            let error = await #expect(throws: PlatformError.self) {
                try await service.rename(conversation.id, to: title, as: someone)
            }
            #expect(error?.code == .invalidRequest)
            #expect(error?.field == "title")
        }
        #expect(try await service.conversation(conversation.id, as: someone).title == "A name")
        #expect(try await service.conversation(conversation.id, as: someone).kind == .onboarding)
    }

    @Test("A message in a conversation is answered in its stage, whatever the caller thinks it is")
    func stage() async throws {
        let clinic = Clinic()
        let conversation = try await clinic.service.makeConversation(.onboarding, title: "", as: someone)
        let answer = try await clinic.answer(to: "Hello.", .chat, in: conversation.id)
        #expect(clinic.provider.prompts.last?.stage == .onboarding)
        #expect(answer.transcript.events.compactMap(\.stage).allSatisfy { $0 == .onboarding })
    }

    @Test("Deleting a conversation stops its answers and leaves nothing to replay")
    func deletion() async throws {
        let clinic = Clinic()
        let finished = try await clinic.answer(to: "First.").turn
        clinic.provider.perform { _ in [.say("Second "), .hang] }
        let running = try await clinic.ask("Second.", in: finished.conversation)
        try await clinic.shows("Second ", running)
        async let seen = clinic.watch(running)
        let log = try #require(clinic.hub.log(running.stream, for: someone))
        try await wait(while: await log.viewerCount == 0)
        try await clinic.service.delete(finished.conversation, as: someone)
        let transcript = try await seen
        #expect(transcript.outcome == .cancelled)
        #expect(transcript.event(.error)?.errorCode == PlatformError.Code.notFound.rawValue)
        for turn in [finished, running] {
            #expect(clinic.hub.log(turn.stream, for: someone) == nil)
            let error = await #expect(throws: PlatformError.self) {
                try await clinic.service.record(of: turn.stream, as: someone)
            }
            #expect(error?.code == .notFound)
        }
        #expect(clinic.hub.byteCount == 0)
    }

    @Test("A stream that has left memory is told from its record: the texts, then the end, with the ids it had")
    func record() async throws {
        let clinic = Clinic { _ in [.think("Why."), .say("What."), .finish()] }
        let (turn, transcript, _) = try await clinic.answer(to: "Hello?")
        let record = try await clinic.service.record(of: turn.stream, as: someone)
        #expect(record.last == transcript.last)
        #expect(record.events.map(\.id.offset) == [record.last - 1, record.last])
        #expect(record.events.allSatisfy { $0.id.stream == turn.stream })
        #expect(
            record.events[0].event.texts == [
                .init(panel: .reasoning, stage: .chat, text: "Why."), .init(panel: .chat, stage: .chat, text: "What."),
            ])
        #expect(record.events[1].event.outcome == .complete)
        let error = await #expect(throws: PlatformError.self) {
            try await clinic.service.record(of: StreamID(), as: someone)
        }
        #expect(error?.code == .notFound)
    }
}
