import Core
import Foundation
import JSON
import TestSupport
import Testing

@Suite("The server as a process", .timeLimit(.minutes(1)))
struct ProcessTests {
    /// A configuration file over the shipped one, with the settings of an upstream in it.
    private func write(_ folder: Folder, _ settings: [String]) throws -> String {
        // Each `a.b.c=value` as nested flow mappings, which YAML allows on one line, laid over one another by files.
        let names = try settings.enumerated().map { number, setting in
            let parts = setting.split(separator: "=", maxSplits: 1).map(String.init)
            let keys = parts[0].split(separator: ".")
            let text = keys.dropFirst().reversed().reduce(parts[1]) { "{ \($1): \($0) }" }
            try folder.write("part-\(number).yaml", "\(keys[0]): \(text)\n")
            return "part-\(number).yaml"
        }
        return try folder.write("main.yaml", "include: [\"\(shippedSettings)\", \(names.joined(separator: ", "))]\n")
    }

    @Test("names its free port, serves, and ends with 0 when it is told to", arguments: [SIGTERM, SIGINT])
    func start(signal: Int32) async throws {
        let server = try Executable(["--set", "server.port=0"])
        let client = try Client(port: await server.ready())
        #expect(try await client.call("GET", "/readyz").status == 200)
        server.run.send(signal)
        let result = await server.run.result()
        #expect(result.code == 0)
        #expect(result.output.split(separator: "\n").count == 1)
        #expect(result.errors.contains(#""stopped""#))
    }

    @Test("A reload counts for new turns; running ones keep what they began with")
    func reload() async throws {
        let gate = Gate()
        let first = try Upstream { _ in [.say("First "), .wait(gate), .say("still."), .finish] }
        let second = try Upstream { _ in [.say("Second."), .finish] }
        let folder = try Folder()
        let prompt = try folder.write("prompt.md", "Be brief.\n")
        let server = try Executable(config: try write(folder, first.settings + ["chat.prompts.chat=\"\(prompt)\""]))
        let port = try await server.ready()
        let (client, reader) = try (Client(port: port), Client(port: port))
        let running = try await client.ask("Hello?")
        var viewing = Viewing()
        try await reader.open(running.path)
        try await reader.watch(&viewing) { $0.texts[.chat] != nil }

        try folder.write("prompt.md", "Be thorough.\n")
        _ = try write(
            folder, second.settings + ["chat.prompts.chat=\"\(prompt)\"", "flags.streaming.enabled=false"])
        server.run.send(SIGHUP)
        await server.run.shows("settings_reloaded")
        #expect(try await client.call("GET", "/api/v1/features").json == ["streaming": false])
        let turn = try await client.ask("And now?")
        #expect(try await client.view(turn.path).texts[.chat] == "Second.")
        #expect(first.systemPrompts == ["Be brief."])
        #expect(second.systemPrompts == ["Be thorough."])
        gate.open()
        try await reader.watch(&viewing)
        #expect(viewing.faults == [])
        #expect(viewing.texts[.chat] == "First still.")
        #expect(viewing.outcome == .complete)

        // Wrong settings change nothing, and the log says why.
        try folder.write("main.yaml", "include: \"\(shippedSettings)\"\nlogs:\n  levle: debug\n")
        server.run.send(SIGHUP)
        await server.run.shows("reload_refused")
        let after = try await client.ask("And then?")
        #expect(try await client.view(after.path).texts[.chat] == "Second.")
        let result = await server.stop()
        #expect(result.code == 0)
        let line = result.errors.split(separator: "\n").first { $0.contains("reload_refused") } ?? ""
        #expect(line.contains("main.yaml:3:3: logs.levle: unknown key; did you mean 'level'?"), "\(line)")
    }

    @Test("A reload gives a provider that is in use its new bounds")
    func bounds() async throws {
        let gate = Gate()
        let upstream = try Upstream { _ in [.wait(gate), .say("Yes."), .finish] }
        let folder = try Folder()
        let limit = "providers.upstream.concurrency.limit"
        let server = try Executable(config: try write(folder, upstream.settings + ["\(limit)=1"]))
        let client = try Client(port: await server.ready())
        let turns = try await [client.ask("Who?"), client.ask("And who else?")]
        try await wait(while: upstream.requests.isEmpty)
        _ = try write(folder, upstream.settings + ["\(limit)=2"])
        server.run.send(SIGHUP)
        // The second is asked while the first still waits.
        try await wait(while: upstream.requests.count < 2)
        gate.open()
        for turn in turns { #expect(try await client.view(turn.path).outcome == .complete) }
        #expect(await server.stop().code == 0)
    }

    /// Asks a question, and watches its answer up to the first text.
    private func asked(_ server: Executable) async throws -> (reader: Client, viewing: Viewing) {
        let port = try await server.ready()
        let (client, reader) = try (Client(port: port), Client(port: port))
        let turn = try await client.ask("Hello?")
        var viewing = Viewing()
        try await reader.open(turn.path)
        try await reader.watch(&viewing) { $0.texts[.chat] != nil }
        return (reader, viewing)
    }

    @Test("Running answers get the drain time to end")
    func drain() async throws {
        let gate = Gate()
        let upstream = try Upstream { _ in [.say("Before "), .wait(gate), .say("after."), .finish] }
        let server = try Executable(config: shippedSettings, set: upstream.settings)
        var (reader, viewing) = try await asked(server)
        server.run.send(SIGTERM)
        await server.run.shows("\"stopping\"")
        gate.open()
        try await reader.watch(&viewing)
        #expect(viewing.texts[.chat] == "Before after.")
        #expect(viewing.outcome == .complete)
        #expect(await server.run.result().code == 0)
    }

    @Test("While it drains it tells those who ask that it takes nothing more, and that it lives")
    func readiness() async throws {
        let gate = Gate()
        let upstream = try Upstream { _ in [.say("Before "), .wait(gate), .say("after."), .finish] }
        let server = try Executable(config: shippedSettings, set: upstream.settings)
        var (reader, viewing) = try await asked(server)
        let port = try await server.ready()
        let (idle, readiness, liveness) = try (Client(port: port), Client(port: port), Client(port: port))
        #expect(try await idle.call("GET", "/readyz").status == 200)
        // Nobody new is let in: what is asked while it drains was begun before, and the server has said that it heard.
        for (client, path) in [(readiness, "/readyz"), (liveness, "/healthz")] {
            let head = try await client.open(path, ["Expect": "100-continue", "Content-Length": "1"])
            #expect(head == "HTTP/1.1 100 Continue\r\n\r\n")
        }
        server.run.send(SIGTERM)
        #expect(try await idle.raw.rest() == [], "ended, as all that are idle are when the drain begins")
        for client in [readiness, liveness] { await client.raw.send("x") }
        let answer = try await readiness.raw.response(to: "GET")
        #expect(answer.status == 503)
        #expect(answer.json["code"] == "shutting_down")
        #expect(try await liveness.raw.response(to: "GET").status == 200)
        gate.open()
        try await reader.watch(&viewing)
        #expect(viewing.outcome == .complete)
        #expect(await server.run.result().code == 0)
    }

    @Test("What is not through by then ends as truncated, with its text, and the process with 0")
    func truncated() async throws {
        let upstream = try Upstream { _ in [.say("Half an answer "), .stall] }
        let server = try Executable(
            config: shippedSettings, set: upstream.settings + ["server.timeouts.drain=100ms"])
        var (reader, viewing) = try await asked(server)
        server.run.send(SIGTERM)
        try await reader.watch(&viewing)
        #expect(viewing.faults == [])
        #expect(viewing.event(.error)?.errorCode == "shutting_down")
        #expect(viewing.outcome == .truncated)
        #expect(viewing.texts[.chat] == "Half an answer ")
        #expect(await server.run.result().code == 0)
    }

    @Test("A second signal ends the process without waiting", arguments: [SIGTERM, SIGINT])
    func twice(signal: Int32) async throws {
        let upstream = try Upstream { _ in [.say("Half an answer "), .stall] }
        let server = try Executable(config: shippedSettings, set: upstream.settings + ["server.timeouts.drain=1h"])
        let client = try Client(port: await server.ready())
        _ = try await client.ask("Hello?")
        server.run.send(SIGTERM)
        await server.run.shows("\"stopping\"")
        server.run.send(signal)
        #expect(await server.run.result().code == 1)
    }

    @Test("Providers are asked through the proxy that the environment names")
    func proxy() async throws {
        let proxy = try Upstream()
        // Nobody knows this host: what comes, comes through the proxy.
        let settings = proxy.settings.map { $0.replacing(proxy.server.url, with: "http://model.invalid") }
        let server = try Executable(
            config: shippedSettings, set: settings, environment: ["http_proxy": proxy.server.url, "no_proxy": ""])
        let client = try Client(port: await server.ready())
        let turn = try await client.ask("Hello?")
        #expect(try await client.view(turn.path).texts[.chat] == "An answer.")
        #expect(proxy.requests.count == 1)
        await server.stop()
    }

    @Test("No line of the log tells what anyone said, nor a key, whatever goes wrong")
    func canaries() async throws {
        let (said, answered, key) = ("PATIENT-CANARY-17", "ANSWER-CANARY-23", "sk-KEY-CANARY-42")
        let echo = #"{"error":{"message":"no: \#(said) \#(key)","type":"t","code":"\#(said)"}}"#
        let upstream = try Upstream { message in
            if message.contains("refuse") { return [.refuse(message.contains("busy") ? 503 : 400, echo)] }
            if message.contains("cut") { return [.say(answered), .cut] }
            if message.contains("stop") { return [.say(answered + " "), .stall] }
            return [.think(answered), .say(answered), .finish]
        }
        let server = try Executable(
            config: shippedSettings,
            set: upstream.settings + ["logs.level=debug", "providers.upstream.api_key=\"${CANARY}\""],
            environment: ["CANARY": key])
        let client = try Client(port: await server.ready())
        for word in ["hello", "refuse", "refuse busy", "cut"] {
            let turn = try await client.ask("\(said) \(word)", ["Idempotency-Key": said + word, "X-Request-Id": "r-1"])
            let viewing = try await client.view(turn.path)
            #expect(viewing.outcome != nil)
            _ = try await client.call(
                "POST", "/api/v1/chat/messages?wait=true", body: #"{"message":"\#(said) \#(word)"}"#)
            _ = try await client.view("/api/v1/chat/stream?message=\(said)%20\(word.prefix(6))")
        }
        let stopped = try await client.ask("\(said) stop")
        _ = try await client.call("POST", stopped.path + "/stop")
        for body in ["{\"\(said)\":1}", "{\"message\":\"\(said)", "\(said)"] {
            _ = try await client.call("POST", "/api/v1/chat/messages", body: body)
        }
        _ = try await client.call("GET", "/\(said)?\(said)", ["Authorization": "Bearer \(key)"])
        _ = try await client.call("POST", "/api/v1/conversations", body: #"{"title":"\#(said)"}"#)
        server.run.send(SIGHUP)
        await server.run.shows("settings_reloaded")
        let result = await server.stop()
        #expect(result.code == 0)
        #expect(result.errors.split(separator: "\n").count > 15)
        #expect(result.errors.contains("turn_failed"))
        for line in (result.errors + result.output).split(separator: "\n") {
            for canary in [said, answered, key, "CANARY"] { #expect(!line.contains(canary), "\(line)") }
        }
    }
}
