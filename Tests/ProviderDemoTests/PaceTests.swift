import Core
import ProviderDemo
import Providers
import Reactor
import TestSupport
import Testing

@Suite("The demo provider", .timeLimit(.minutes(1)))
struct PaceTests {
    @Test("thinks first, then says one word after another")
    func pace() async throws {
        let answer = try await Rehearsal("headache", settings: "words_per_second: 20\nfirst_word_after: 2s")
        #expect(answer.pauses.first == .seconds(2))
        #expect(answer.pauses.dropFirst().dropLast().allSatisfy { $0 == .milliseconds(50) })
        #expect(answer.pieces.dropFirst().dropLast().allSatisfy { $0.count == 1 })
        #expect(answer.words > 100)
    }

    @Test("says several words at once where a timer could not keep up, and all in few pieces without a pace")
    func fast() async throws {
        let fast = try await Rehearsal("headache", settings: "words_per_second: 5000")
        #expect(fast.pieces.dropFirst().first?.count == 100)
        #expect(fast.pauses.dropFirst().first == .milliseconds(20))
        let flatOut = try await Rehearsal("headache", settings: "words_per_second: 0\nfirst_word_after: 0s")
        #expect(flatOut.pauses.allSatisfy { $0 == .zero })
        #expect(flatOut.content == fast.content)
    }

    @Test("never cuts a character in two, and says whole words")
    func words() async throws {
        let answer = try await Rehearsal("languages")
        let pieces = answer.deltas.compactMap { delta in if case .content(let word) = delta { word } else { nil } }
        #expect(pieces.reduce(0) { $0 + $1.count } == answer.content.count)
        #expect(pieces.contains("👩🏽‍⚕️."))
        #expect(pieces.dropLast().allSatisfy { $0.last?.isWhitespace == true && $0.first?.isWhitespace == false })
    }

    @Test(
        "misbehaves when the message says so, wherever the phrase stands",
        arguments: [
            ("[demo:stall]", 12, PlatformError.Code.cancelled), ("[demo:stall 3]", 3, .cancelled),
            ("[demo:cut]", 12, .providerTruncated), ("[demo:cut 0]", 0, .providerTruncated),
            ("[demo:cut 40]", 40, .providerTruncated), ("[demo:error]", 0, .providerOverloaded),
            ("[demo:error 5]", 5, .providerOverloaded),
        ])
    func misbehaving(phrase: String, words: Int, code: PlatformError.Code) async throws {
        let whole = try await Rehearsal("a headache since Monday")
        for message in ["a headache \(phrase) since Monday", "\(phrase) headache", "headache\n\(phrase)"] {
            for settings in ["", "words_per_second: 0", "words_per_second: 5000", "misbehave: slow"] {
                let answer = try await Rehearsal(message, settings: settings)
                #expect(answer.words == words)
                #expect(answer.error?.code == code)
                #expect((whole.reasoning + whole.content).hasPrefix(answer.reasoning + answer.content))
            }
            let atOnce = try await Rehearsal(message, streams: false)
            #expect(atOnce.pieces.isEmpty)
            #expect(atOnce.error?.code == code)
        }
    }

    @Test(
        "misbehaves in every answer when the settings say so",
        arguments: [
            ("stall", 12, PlatformError.Code.cancelled), ("cut", 12, .providerTruncated),
            ("error", 0, .providerOverloaded),
        ])
    func settings(word: String, words: Int, code: PlatformError.Code) async throws {
        let answer = try await Rehearsal("headache", settings: "misbehave: \(word)")
        #expect(answer.words == words)
        #expect(answer.error?.code == code)
        // A phrase in the message wins.
        let long = try await Rehearsal("headache [demo:long 20]", settings: "misbehave: \(word)")
        #expect(long.words == 20)
        #expect(long.error == nil)
    }

    @Test("says a word a second when it is to be slow, from the first or from a later one", arguments: [0, 10])
    func slow(start: Int) async throws {
        let answer = try await Rehearsal("headache [demo:slow \(start)]")
        #expect(answer.pauses.dropFirst().dropLast().count { $0 != .seconds(1) } == max(0, start - 1))
        #expect(answer.deltas.last == .finish(.stop))
        let usual = try await Rehearsal("headache")
        #expect(answer.content == usual.content)
    }

    @Test("gives an answer of any length, in which every paragraph is numbered", arguments: [0, 1, 26, 1_000, 100_000])
    func long(words: Int) async throws {
        let answer = try await Rehearsal("[demo:long \(words)]", settings: "words_per_second: 0")
        #expect(answer.words == words)
        #expect(answer.reasoning.isEmpty)
        let numbers = answer.content.split(separator: "\n\n").compactMap { $0.split(separator: " ").first }
        #expect(numbers.enumerated().allSatisfy { $1 == "[\($0 + 1)]" })
    }

    @Test("takes a phrase that it does not know for text", arguments: ["[demo:dance]", "[demo:cut x]", "[demo:cut"])
    func unknown(phrase: String) async throws {
        let answer = try await Rehearsal("headache \(phrase)")
        let usual = try await Rehearsal("headache")
        #expect(answer.content == usual.content)
        #expect(answer.error == nil)
    }

    @Test("heeds the first of several phrases, and no more than 100,000 words are asked of it")
    func limits() async throws {
        let answer = try await Rehearsal("[demo:long 7][demo:error] headache")
        #expect(answer.words == 7)
        let long = try await Rehearsal("[demo:long 999999999]", settings: "words_per_second: 0")
        #expect(long.words == 100_000)
    }

    @Test("keeps nobody waiting for its first word for longer than they are willing to", arguments: [true, false])
    func impatience(streams: Bool) async throws {
        func answer(_ message: String, _ limit: Duration) async throws -> Rehearsal {
            try await Rehearsal(
                Prompt([.init(.user, message)], streams: streams), settings: "first_word_after: 2s",
                within: Patience(firstToken: limit))
        }
        for (message, limit) in [("headache", Duration.seconds(1)), ("[demo:stall 0]", .seconds(5))] {
            let late = try await answer(message, limit)
            #expect(late.error?.code == .timedOut)
            #expect(late.deltas.isEmpty)
            #expect(late.pauses.reduce(.zero, +) == limit)
        }
        #expect(try await answer("headache", .seconds(600)).error == nil)
    }

    @Test("ends at once when it is cancelled, even in a stall on a real clock")
    func cancelling() async throws {
        let provider = try demo("first_word_after: 0s\nwords_per_second: 0")
        let code = await onLoop { actor in
            let task = Task { () -> PlatformError.Code? in
                _ = actor
                do throws(PlatformError) {
                    try await provider.answer(Prompt([.init(.user, "[demo:stall 0]")]), on: actor.loop) { _ in }
                    return nil
                } catch {
                    return error.code
                }
            }
            await Task.yield()
            task.cancel()
            return await task.value
        }
        #expect(code == .cancelled)
    }

    @Test("keeps its pace on the clock of a real loop")
    func realClock() async throws {
        let provider = try demo("first_word_after: 1ms\nwords_per_second: 50000")
        let words = try await onLoop { actor in
            var words = 0
            try await provider.answer(Prompt([.init(.user, "[demo:long 2500]")]), on: actor.loop) { _ in words += 1 }
            return words
        }
        // 2,500 words, the start, the usage and the end.
        #expect(words == 2_503)
    }
}
