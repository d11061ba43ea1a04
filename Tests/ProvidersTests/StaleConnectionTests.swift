import Core
import Providers
import Reactor
import Synchronization
import TestSupport
import Testing

@Suite("A connection that the provider closed while it was kept", .timeLimit(.minutes(1)))
struct StaleConnectionTests {
    /// Asks twice along a route to a server that answers each connection's first request and closes at its second.
    private func ask(
        _ server: ScriptedServer, tries: Int, gate: ProviderGate = ProviderGate(ProviderGate.Limits())
    ) async -> (texts: [String], codes: [PlatformError.Code?], waits: Int) {
        var dialect = FakeDialect()
        dialect.url = server.url
        var policy = FailurePolicy()
        policy.tries = tries
        let route = ModelRoute("chat", to: [ModelRoute.Target(dialect, policy: policy, gate: gate)])
        let waits = Mutex(0)
        let clock = RouteClock(
            now: { .now }, sleep: { _, _ throws(CancellationError) in waits.withLock { $0 += 1 } }, chance: { 1 })
        let (texts, codes) = await onLoop { actor in
            var texts: [String] = []
            var codes: [PlatformError.Code?] = []
            for question in ["one", "two"] {
                var text = ""
                let run = RouteRun(
                    along: route, with: Prompt([.init(.user, question)]), for: "u", on: actor.loop, clock: clock,
                    shown: { text }
                ) { event in
                    if case .gave(.content(let piece)) = event { text += piece }
                }
                await run.run()
                texts.append(text)
                codes.append(run.failure?.code)
            }
            return (texts, codes)
        }
        return (texts, codes, waits.withLock { $0 })
    }

    private func answer(_ text: String) -> ScriptedServer.Step {
        .send("HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)")
    }

    @Test("costs neither a try nor a wait, and speaks for no breaker", arguments: [1, 3])
    func isForgiven(tries: Int) async throws {
        let answered = Mutex<Set<Int>>([])
        let server = try ScriptedServer { request in
            let isFirst = answered.withLock { $0.insert(request.connection).inserted }
            return isFirst ? [answer(String(decoding: request.body, as: UTF8.self) + ".")] : [.close]
        }
        var limits = ProviderGate.Limits()
        limits.breaker.failures = 1
        let gate = ProviderGate(limits)
        let (texts, codes, waits) = await ask(server, tries: tries, gate: gate)
        #expect(texts == ["one", "two"])
        #expect(codes == [nil, nil])
        #expect(waits == 0)
        #expect(gate.load.breaker == "closed")
        #expect(server.requests.value == 3)
    }

    @Test("is forgiven once: a provider that goes on closing is asked as often as any that fails", arguments: 1...3)
    func isForgivenOnce(tries: Int) async throws {
        let server = try ScriptedServer { request in
            String(decoding: request.body, as: UTF8.self) == "one" ? [answer("one.")] : [.close]
        }
        let (texts, codes, waits) = await ask(server, tries: tries)
        #expect(texts == ["one", ""])
        #expect(codes == [nil, .providerUnreachable])
        #expect(waits == tries - 1)
        #expect(server.requests.value == 1 + 1 + tries)
    }
}
