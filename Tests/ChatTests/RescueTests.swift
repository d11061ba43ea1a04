import Chat
import Core
import Persistence
import Providers
import Streaming
import TestSupport
import Testing

@Suite("Turns that go on", .timeLimit(.minutes(1)))
struct RescueTests {
    @Test("Where another provider goes on is told in bytes, and the record has both")
    func goesOn() async throws {
        let clinic = Clinic { _ in [.say("Take two – tab"), .fail(.providerTruncated)] }
        let second = ScriptedProvider("second") { _ in [.say("tablets."), .finish()] }
        clinic.reload { $0.routes["chat"] = ModelRoute("chat", to: [.init(clinic.provider), .init(second)]) }
        let (_, transcript, message) = try await clinic.answer(to: "How many?")
        #expect(transcript.faults == [])
        #expect(transcript.texts[.chat] == "Take two – tablets.")
        #expect(transcript.outcome == .complete)
        let splice = try #require(transcript.event(.splice))
        let offset = "Take two – ".utf8.count
        #expect(splice.metadata["offset"]?.int == offset)
        #expect(splice.provider == "second")
        #expect(message.text == "Take two – tablets.")
        #expect(message.spans.map(\.provider) == ["scripted", "second"])
        #expect(message.spans.map(\.offset) == [0, offset])
    }

    @Test("What was said so far is recorded while the answer goes on")
    func checkpoints() async throws {
        let door = Door()
        let clinic = Clinic(
            script: { _ in [.say("The first half, "), .hold(door), .say("the second."), .finish()] },
            chat: { $0.checkpoint = .milliseconds(10) })
        let turn = try await clinic.ask("Hello?")
        var kept = try await clinic.service.message(of: turn, as: someone)
        while kept.text.isEmpty, !Task.isCancelled {
            await Task.yield()
            kept = try await clinic.service.message(of: turn, as: someone)
        }
        #expect("The first half, ".hasPrefix(kept.text))
        #expect(kept.state != .final)
        door.open()
        _ = try await clinic.watch(turn)
        #expect(try await clinic.service.message(of: turn, as: someone).text == "The first half, the second.")
    }
}
