import Chat
import Core
import Persistence
import Reactor
import Streaming
import TestSupport
import Testing

/// Answers that go wrong: what was said stays, the user is told why, and the log ends.
@Suite("Turns that fail", .timeLimit(.minutes(1)))
struct FailureTests {
    /// What providers fail with.
    static let codes: [PlatformError.Code] = [
        .providerAuthentication, .providerQuota, .providerRejected, .providerOverloaded, .providerFailed,
        .providerUnreachable, .providerProtocol, .providerTruncated, .contextTooLong, .modelNotFound, .rateLimited,
        .timedOut,
    ]

    @Test(
        "A provider that fails before the first word leaves a failed answer and an error that says what helps",
        arguments: codes)
    func before(code: PlatformError.Code) async throws {
        let clinic = Clinic { _ in [.fail(code)] }
        let (turn, transcript, message) = try await clinic.answer(to: "Hello?")
        #expect(transcript.story == [.streamStart, .error, .saved, .streamDone])
        #expect(transcript.faults == [])
        let error = try #require(transcript.event(.error))
        #expect(error.errorCode == code.rawValue)
        #expect(error.retryAvailable == code.isRetryable)
        #expect(!error.content.isEmpty)
        #expect(transcript.outcome == .failed)
        #expect(message.outcome == .failed)
        #expect(message.state == .final)
        let thrown = await #expect(throws: PlatformError.self) {
            try await clinic.service.result(of: turn, as: someone)
        }
        #expect(thrown?.code == code)
    }

    @Test("A provider that fails in mid-answer leaves the text so far, truncated", arguments: codes)
    func midway(code: PlatformError.Code) async throws {
        let clinic = Clinic { _ in [.think("Hm."), .say("The first half "), .fail(code)] }
        let (turn, transcript, message) = try await clinic.answer(to: "Hello?")
        #expect(transcript.outcome == .truncated)
        #expect(transcript.texts == [.reasoning: "Hm.", .chat: "The first half "])
        #expect(transcript.event(.error)?.errorCode == code.rawValue)
        #expect(transcript.faults == [])
        #expect(message.text == "The first half ")
        #expect(message.reasoning == "Hm.")
        #expect(message.outcome == .truncated)
        #expect(try await clinic.service.result(of: turn, as: someone) == message)
    }

    @Test("A filter of the provider blocks the answer or the rest of it", arguments: [false, true])
    func blocked(hasText: Bool) async throws {
        let clinic = Clinic { _ in (hasText ? [.say("The harmless part.")] : []) + [.finish(.contentFilter)] }
        let (_, transcript, message) = try await clinic.answer(to: "Hello?")
        #expect(transcript.outcome == .blocked)
        #expect(message.outcome == .blocked)
        #expect(transcript.event(.error)?.errorCode == (hasText ? nil : PlatformError.Code.contentBlocked.rawValue))
        #expect(message.text == (hasText ? "The harmless part." : ""))
        #expect(transcript.event(.streamDone)?.content.isEmpty == false)
    }

    @Test("A filter that looks behind the text withdraws it from the screen and the record", arguments: [false, true])
    func withdrawn(hasReasoned: Bool) async throws {
        let clinic = Clinic { _ in
            (hasReasoned ? [.think("Hm, I think so.")] : []) + [
                .say("Take all of "), .say("them"), .give([.flag(.init(kind: "content_filter", detail: "violence"))]),
                .give([.retract]), .finish(.contentFilter),
            ]
        }
        let (turn, transcript, message) = try await clinic.answer(to: "Hello?")
        #expect(transcript.faults == [])
        #expect(transcript.texts == (hasReasoned ? [.reasoning: "", .chat: ""] : [.chat: ""]))
        let panels = transcript.events.filter { $0.type == .retract }.map(\.panel)
        #expect(panels == (hasReasoned ? [.reasoning, .chat] : [.chat]))
        #expect(transcript.event(.error)?.errorCode == PlatformError.Code.contentBlocked.rawValue)
        #expect(transcript.outcome == .blocked)
        #expect(message.outcome == .blocked)
        #expect(message.text.isEmpty)
        #expect(message.reasoning.isEmpty)
        #expect(try await clinic.service.message(of: turn, as: someone) == message)
    }

    @Test("A provider that refuses the question by an error has blocked it, too")
    func refused() async throws {
        let clinic = Clinic { _ in [.fail(.contentBlocked)] }
        let (_, transcript, _) = try await clinic.answer(to: "Hello?")
        #expect(transcript.outcome == .blocked)
        #expect(transcript.event(.error)?.retryAvailable == false)
    }

    @Test("An answer cut by the model's limit is truncated; one that did not begin is an error")
    func length() async throws {
        let clinic = Clinic { _ in [.say("As far as it goes"), .finish(.length)] }
        let cut = try await clinic.answer(to: "Hello?")
        #expect(cut.transcript.outcome == .truncated)
        #expect(cut.transcript.event(.error) == nil)
        #expect(cut.transcript.event(.streamDone)?.content.isEmpty == false)
        clinic.provider.perform { _ in [.think("So many reasons."), .finish(.length)] }
        let empty = try await clinic.answer(to: "Hello?")
        #expect(empty.transcript.outcome == .truncated)
        #expect(empty.transcript.event(.error)?.errorCode == PlatformError.Code.providerTruncated.rawValue)
        #expect(empty.transcript.texts == [.reasoning: "So many reasons."])
    }

    @Test("A provider that ends an answer with an error of its own has failed", arguments: [false, true])
    func finishedWithError(hasText: Bool) async throws {
        let clinic = Clinic { _ in (hasText ? [.say("Some of it.")] : []) + [.finish(.error)] }
        let (_, transcript, _) = try await clinic.answer(to: "Hello?")
        #expect(transcript.outcome == (hasText ? .truncated : .failed))
        #expect(transcript.event(.error)?.errorCode == PlatformError.Code.providerFailed.rawValue)
    }

    @Test("An answer without a word is a failure that can be retried")
    func empty() async throws {
        let clinic = Clinic { _ in [.finish()] }
        let (_, transcript, message) = try await clinic.answer(to: "Hello?")
        #expect(transcript.outcome == .failed)
        #expect(transcript.event(.error)?.errorCode == PlatformError.Code.providerFailed.rawValue)
        #expect(transcript.event(.error)?.retryAvailable == true)
        #expect(message.outcome == .failed)
    }

    @Test("Reasons that come after the answer has begun go to their panel, whose last end names all of them")
    func lateReasoning() async throws {
        let clinic = Clinic { _ in
            [
                .think("Before. "), .say("The answer "), .think("Meanwhile. "), .say("goes on."), .think("After."),
                .finish(),
            ]
        }
        let (_, transcript, message) = try await clinic.answer(to: "Hello?")
        #expect(transcript.texts == [.reasoning: "Before. Meanwhile. After.", .chat: "The answer goes on."])
        #expect(transcript.faults == [])
        let ends = transcript.events.filter { $0.type == .stageComplete }
        #expect(ends.last { $0.panel == .reasoning }?.length == 25)
        #expect(ends.last { $0.panel == .chat }?.length == 19)
        #expect(message.reasoning == "Before. Meanwhile. After.")
        clinic.provider.perform { _ in [.say("Answer first."), .think("Then reasons."), .finish()] }
        let second = try await clinic.answer(to: "And now?")
        #expect(second.transcript.events.filter { $0.type == .stageComplete }.map(\.panel) == [.reasoning, .chat])
    }

    // MARK: Time

    @Test("A provider that falls silent is given up; what it said is kept", arguments: [false, true])
    func silence(hasText: Bool) async throws {
        let clinic = Clinic(.with { $0.idleTimeout = .milliseconds(30) }) { _ in
            (hasText ? [.say("The first half ")] : []) + [.hang]
        }
        let (_, transcript, message) = try await clinic.answer(to: "Hello?")
        #expect(transcript.event(.error)?.errorCode == PlatformError.Code.timedOut.rawValue)
        #expect(transcript.event(.error)?.retryAvailable == true)
        #expect(transcript.outcome == (hasText ? .truncated : .failed))
        #expect(message.text == (hasText ? "The first half " : ""))
        #expect(message.outcome == transcript.outcome)
        #expect(transcript.faults == [])
    }

    @Test("A caller that waits for the whole answer waits no longer than the time for that")
    func deadline() async throws {
        let clinic = Clinic(script: { _ in [.hang] }, chat: { $0.batchTimeout = .milliseconds(30) })
        let turn = try await clinic.ask("Hello?", streams: false)
        let error = await #expect(throws: PlatformError.self) {
            try await clinic.service.result(of: turn, as: someone)
        }
        #expect(error?.code == .timedOut)
        #expect(try await clinic.service.message(of: turn, as: someone).outcome == .failed)
    }

    @Test("The silence in which an answer is made that is wanted at once is none that ends it")
    func batchIsSilent() async throws {
        let door = Door()
        let clinic = Clinic(.with { $0.idleTimeout = .milliseconds(20) }) { _ in
            [.hold(door), .say("All at once."), .finish()]
        }
        let turn = try await clinic.ask("Hello?", streams: false)
        await Clinic.loops[0].run { try? await $0.loop.sleep(for: .milliseconds(60)) }
        door.open()
        #expect(try await clinic.service.result(of: turn, as: someone).text == "All at once.")
    }

    @Test("A caller that waits keeps its answer from being cancelled because nobody watches")
    func batchIsWatched() async throws {
        let door = Door()
        let clinic = Clinic(
            .with {
                $0.onDetach = .cancel
                $0.detachGrace = .milliseconds(20)
            }
        ) { _ in [.hold(door), .say("All at once."), .finish()] }
        // In one go on the loop, as the server does: however busy the machine is, no grace runs out in between.
        let result = Task(executorPreference: Clinic.loops[0].loop) {
            try await Clinic.loops[0].run { actor in
                let turn = try await clinic.service.ask(.init("Hello?", streams: false), as: someone, on: actor.loop)
                return try await clinic.service.result(of: turn, as: someone)
            }
        }
        await Clinic.loops[0].run { try? await $0.loop.sleep(for: .milliseconds(60)) }
        door.open()
        #expect(try await result.value.outcome == .complete)
    }

    @Test("An answer that nobody watches is cancelled after the grace where the settings say so")
    func detached() async throws {
        let clinic = Clinic(
            .with {
                $0.onDetach = .cancel
                $0.detachGrace = .milliseconds(20)
            }
        ) { _ in [.say("To nobody "), .hang] }
        let turn = try await clinic.ask("Hello?")
        await clinic.hub.idle()
        let message = try await clinic.service.message(of: turn, as: someone)
        #expect(message.outcome == .cancelled)
        #expect(message.text == "To nobody ")
    }

    @Test("An answer past the bound of its text ends truncated, in one piece or in many", arguments: [10, 100_000])
    func tooLong(piece: Int) async throws {
        let clinic = Clinic(.with { $0.maxTextBytes = 5_000 }) { _ in
            let text = String(repeating: "words ", count: 20_000)
            return stride(from: 0, to: text.count, by: piece).map {
                .say(String(text.dropFirst($0).prefix(piece)))
            }.prefix(2_000) + [.finish()]
        }
        let (_, transcript, message) = try await clinic.answer(to: "Hello?")
        #expect(transcript.outcome == .truncated)
        #expect((4_900...5_100).contains(message.text.utf8.count))
        #expect(transcript.texts[.chat] == message.text)
    }

    @Test("A shutdown ends an answer as truncated, with an error that says to try again")
    func shutdown() async throws {
        let clinic = Clinic { _ in [.say("The first half "), .hang] }
        let turn = try await clinic.ask("Hello?")
        try await clinic.shows("The first half ", turn)
        await clinic.hub.stopAll(.shutdown)
        let transcript = try await clinic.watch(turn)
        #expect(transcript.outcome == .truncated)
        #expect(transcript.event(.error)?.errorCode == PlatformError.Code.shuttingDown.rawValue)
        #expect(try await clinic.service.message(of: turn, as: someone).text == "The first half ")
    }

    // MARK: The store

    @Test("An answer that cannot be saved is shown whole, with a warning, and the log ends")
    func unsaved() async throws {
        let store = FailingStore()
        let clinic = Clinic(store: store)
        store.fails(.save)
        let turn = try await clinic.ask("Hello?")
        let transcript = try await clinic.watch(turn)
        #expect(transcript.texts == [.chat: "An answer."])
        #expect(transcript.story == [.streamStart, .stageComplete, .error, .streamDone])
        #expect(transcript.event(.error)?.errorCode == PlatformError.Code.storageFailed.rawValue)
        #expect(transcript.outcome == .complete)
    }

    @Test("When a message cannot be stored the model is not asked")
    func unstored() async throws {
        let store = FailingStore()
        let clinic = Clinic(store: store)
        store.fails(.begin)
        let error = await #expect(throws: PlatformError.self) { try await clinic.ask("Hello?") }
        #expect(error?.code == .unavailable)
        #expect(clinic.provider.prompts.isEmpty)
        #expect(clinic.hub.runningCount == 0)
    }

    @Test("When the conversation cannot be read the answer's row is closed, and nothing runs")
    func unread() async throws {
        let store = FailingStore()
        let clinic = Clinic(store: store)
        store.fails(.history)
        let error = await #expect(throws: PlatformError.self) { try await clinic.ask("Hello?") }
        #expect(error?.code == .unavailable)
        #expect(clinic.provider.prompts.isEmpty)
        #expect(clinic.hub.runningCount == 0)
        let conversation = try await clinic.service.conversations(as: someone, after: nil, limit: 10).items[0]
        #expect(try await clinic.messages(conversation.id).map(\.outcome) == [nil, .failed])
    }

    @Test(
        "Who joins a turn by its key before it has begun gets the turn, or is told why there is none",
        arguments: [false, true])
    func joinedEarly(fails: Bool) async throws {
        let store = FailingStore()
        let door = Door()
        store.holds(.history, door)
        let clinic = Clinic(store: store)
        let first = Task { try await clinic.ask("Hello?", key: "k") }
        await store.isHolding.reaches(1)
        // The rows are there, and the model has not been asked.
        let turn = try await clinic.ask("Hello?", key: "k", on: Clinic.loops[2])
        #expect(clinic.provider.prompts.isEmpty)
        let log = try #require(clinic.hub.log(turn.stream, for: someone))
        if fails { store.fails(.history) }
        door.open()
        let transcript = try await clinic.watch(log)
        if fails {
            await #expect(throws: PlatformError.self) { try await first.value }
            #expect(transcript.story == [.error, .streamDone])
            #expect(transcript.outcome == .failed)
            #expect(try await clinic.service.message(of: turn, as: someone).lastOffset == transcript.last)
        } else {
            #expect(try await first.value == turn)
            #expect(transcript.texts == [.chat: "An answer."])
        }
        #expect(clinic.hub.runningCount == 0)
    }

    @Test("A turn that is stopped before it has begun says nothing")
    func stoppedEarly() async throws {
        let store = FailingStore()
        let door = Door()
        store.holds(.history, door)
        let clinic = Clinic(store: store) { _ in [.hang] }
        let first = Task { try await clinic.ask("Hello?", key: "k") }
        await store.isHolding.reaches(1)
        let turn = try await clinic.ask("Hello?", key: "k")
        #expect(try await clinic.service.stop(turn.stream, as: someone))
        door.open()
        #expect(try await first.value == turn)
        #expect(try await clinic.watch(turn).outcome == .cancelled)
    }

    @Test("A store that is full says so")
    func full() async throws {
        let clinic = Clinic(store: InMemoryStore(.init(messages: 2)))
        _ = try await clinic.answer(to: "Hello?")
        let error = await #expect(throws: PlatformError.self) { try await clinic.ask("Hello?") }
        #expect(error?.code == .storageFailed)
    }
}
