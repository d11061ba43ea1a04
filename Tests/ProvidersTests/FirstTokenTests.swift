import Core
import Providers
import Reactor
import TestSupport
import Testing

@Suite("A provider's first word", .timeLimit(.minutes(1)))
struct FirstTokenTests {
    @Test("is waited for no longer than the caller's patience, although the answer has begun and the line lives")
    func late() async throws {
        let server = try ScriptedServer { _ in
            [.send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"), .awaitDisconnect]
        }
        var dialect = FakeDialect()
        dialect.url = server.url
        let (text, code) = await onLoop { [dialect] actor in
            var text = ""
            do throws(PlatformError) {
                try await dialect.answer(
                    Prompt([.init(.user, "Why?")]), on: actor.loop, within: Patience(firstToken: .milliseconds(20))
                ) { delta in
                    if case .content(let piece) = delta { text += piece }
                }
                return (text, PlatformError.Code?.none)
            } catch {
                return (text, error.code)
            }
        }
        #expect(text.isEmpty)
        #expect(code == .timedOut)
        await server.disconnects.reaches(1)
    }
}
