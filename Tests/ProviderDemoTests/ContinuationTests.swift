import Core
import Testing

@Suite("The demo going on with an answer", .timeLimit(.minutes(1)))
struct ContinuationTests {
    static func prompt(_ beginning: String) -> Prompt {
        Prompt([.init(.user, "[demo:long 60]")], answerSoFar: beginning)
    }

    @Test("From every place of its own answer it says the rest, and thinks no more")
    func ownAnswer() async throws {
        let whole = try await Rehearsal(Self.prompt("")).content
        for end in whole.indices.dropFirst() {
            let beginning = String(whole[..<end])
            let rest = try await Rehearsal(Self.prompt(beginning))
            #expect(beginning + rest.content == whole)
            #expect(rest.reasoning.isEmpty)
        }
    }

    @Test("Another's answer is followed by its own as a new paragraph")
    func othersAnswer() async throws {
        let whole = try await Rehearsal(Self.prompt("")).content
        #expect(try await Rehearsal(Self.prompt("An ECG would")).content == "\n\n" + whole)
    }
}
