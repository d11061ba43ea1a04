import API
import Core
import JSON
import Persistence
import TestSupport
import Testing

@Suite("Calls of the whole server", .timeLimit(.minutes(1)))
struct CallTests {
    @Test("Operations are told what they ask for")
    func operations() async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let health = try await client.call("GET", "/healthz")
            #expect(health.status == 200)
            #expect(health.json == ["status": "ok", "version": .string(Product.version)])
            #expect(try await client.call("GET", "/readyz").json == ["status": "ready"])
            #expect(try await client.call("GET", "/api/v1/features").json == ["streaming": true])
            await server.ended(try await client.ask("Hello?"))
            let metrics = try await client.call("GET", "/metrics")
            #expect(metrics.text.contains("medstream_streams_running 0\n"))
            #expect(metrics.text.contains("medstream_streams_in_memory 1\n"))
            #expect(metrics.text.contains("medstream_http_responses_total{class=\"2xx\"} 4\n"), "\(metrics.text)")
            #expect(try await client.call("GET", "/").text.contains("<!doctype html>"))
        }
    }

    @Test("It is not ready while there is no room for anything new, says so, and is once there is")
    func full() async throws {
        let store = InMemoryStore(InMemoryStore.Limits(conversations: 1))
        try await WholeServer.run(store: store) { server in
            let client = try server.client()
            #expect(try await client.call("GET", "/readyz").status == 200)
            let made = try await client.call("POST", "/api/v1/conversations", body: #"{"title":"The only one"}"#)
            let id = try #require(made.json["id"]?.string)
            #expect(try await client.call("POST", "/api/v1/conversations", body: #"{"title":"Another"}"#).status == 507)
            let answer = try await client.call("GET", "/readyz")
            #expect(answer.status == 503)
            #expect(answer.json["code"] == "unavailable")
            #expect(answer.json["detail"]?.string?.contains("no room") == true, "\(answer.text)")
            #expect(try await client.call("GET", "/healthz").status == 200)
            #expect(try await client.call("DELETE", "/api/v1/conversations/\(id)").status == 204)
            #expect(try await client.call("GET", "/readyz").status == 200)
        }
    }

    @Test("Conversations are begun, listed in pages, read, renamed and deleted")
    func conversations() async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let path = "/api/v1/conversations"
            var ids: [String] = []
            for number in 1...3 {
                let made = try await client.call(
                    "POST", path, body: #"{"title":"Number \#(number)","stage":"onboarding"}"#)
                #expect(made.status == 201)
                let id = try #require(made.json["id"]?.string)
                #expect(made["Location"] == "\(path)/\(id)")
                #expect(made.json["stage"] == "onboarding")
                ids.append(id)
            }
            let page = try await client.call("GET", path + "?limit=2").json
            #expect(page["conversations"]?.array?.map { $0["id"]?.string } == [ids[2], ids[1]])
            let next = try #require(page["next"]?.string)
            let rest = try await client.call("GET", path + "?limit=2&after=\(next)").json
            #expect(rest["conversations"]?.array?.map { $0["id"]?.string } == [ids[0]])
            #expect(rest["next"] == .null)

            let renamed = try await client.call("PATCH", "\(path)/\(ids[0])", body: #"{"title":"Another"}"#)
            #expect(renamed.json["title"] == "Another")
            #expect(try await client.call("GET", "\(path)/\(ids[0])").json["title"] == "Another")
            #expect(try await client.call("GET", "\(path)/\(ids[0])/messages").json == ["messages": [], "next": .null])
            #expect(try await client.call("DELETE", "\(path)/\(ids[0])").status == 204)
            #expect(try await client.call("GET", "\(path)/\(ids[0])").status == 404)
            #expect(try await client.call("DELETE", "\(path)/\(ids[0])").status == 404)
        }
    }

    @Test("HEAD is GET without a body, and OPTIONS tells what a path takes")
    func methods() async throws {
        try await WholeServer.run(["server.cors.origins=[\"https://app.example.org\"]"]) { server in
            let client = try server.client()
            let (get, head) = try await (client.call("GET", "/healthz"), client.call("HEAD", "/healthz"))
            #expect(head.status == 200)
            #expect(head["Content-Length"] == get["Content-Length"])
            #expect(head.body == [])
            let options = try await client.call("OPTIONS", "/api/v1/conversations")
            #expect(options.status == 204)
            #expect(options["Allow"] == "GET, HEAD, POST, OPTIONS")
            let preflight = try await client.call(
                "OPTIONS", "/api/v1/conversations",
                ["Origin": "https://app.example.org", "Access-Control-Request-Method": "POST"])
            #expect(preflight["Access-Control-Allow-Origin"] == "https://app.example.org")
            let foreign = try await client.call(
                "POST", "/api/v1/conversations", ["Origin": "https://evil.example"], body: "{}")
            #expect(foreign.status == 403)
            #expect(foreign["Access-Control-Allow-Origin"] == nil)
            #expect(try await client.call("GET", "/healthz", ["Host": "rebound.example"]).status == 403)
        }
    }

    @Test(
        "What is wrong is told as problem details with its code and field, and the connection goes on",
        arguments: WrongRequest.all)
    func wrong(request: WrongRequest) async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let answer = try await client.call(
                request.method, "/api/v1" + request.path, request.headers, body: request.body)
            #expect(answer.status == request.status, "\(answer.text)")
            #expect(answer["Content-Type"] == "application/problem+json")
            #expect(answer.json["status"]?.int == request.status)
            #expect(answer.json["code"]?.string == request.code)
            #expect(answer.json["field"]?.string == request.field)
            #expect(answer.json["detail"]?.string?.isEmpty == false)
            #expect(try await client.call("GET", "/healthz").status == 200)
            #expect(server.upstream.server.requests.value == 0)
        }
    }

    @Test(
        "A Last-Event-ID that is none of the stream's says nothing: the stream is read from its start",
        arguments: [
            "", "garbage", "7", "0123456789-4", "-3", "0123456789--1",
        ])
    func strayEventID(id: String) async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let turn = try await client.ask("Hello?")
            let viewing = try await client.view(turn.path, ["Last-Event-ID": id])
            #expect(viewing.faults == [])
            #expect(viewing.texts[.chat] == "An answer in pieces.")
        }
    }

    @Test("The id of another stream's event says nothing of this one, which is read from its start")
    func foreignEventID() async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let (other, turn) = (try await client.ask("Hello?"), try await client.ask("And you?"))
            let viewing = try await client.view(turn.path, ["Last-Event-ID": "\(other.stream)-3"])
            #expect(viewing.faults == [])
            #expect(viewing.offsets.first == 1)
            #expect(viewing.texts[.chat] == "An answer in pieces.")
        }
    }

    @Test("Past a limit a request is refused with the status that says so")
    func limits() async throws {
        let small = ["server.limits.body=1KiB", "server.limits.url=256", "server.limits.header=4KiB"]
        try await WholeServer.run(small) { server in
            let long = String(repeating: "a", count: 5_000)
            let body = try await server.client().call("POST", "/api/v1/chat/messages", body: #"{"message":"\#(long)"}"#)
            #expect(body.status == 413)
            #expect(try await server.client().call("GET", "/" + long.prefix(300)).status == 414)
            #expect(try await server.client().call("GET", "/healthz", ["X-Long": long]).status == 431)
        }
        let gate = Gate()
        try await WholeServer.run(
            ["streaming.max_running=1", "streaming.max_viewers=1"],
            upstream: { _ in [.wait(gate), .say("A."), .finish] }
        ) { server in
            let (client, reader) = try (server.client(), server.client())
            let turn = try await client.ask("First.")
            let full = try await client.call("POST", "/api/v1/chat/messages", body: #"{"message":"Second."}"#)
            #expect(full.status == 503)
            #expect(full.json["code"] == "unavailable")
            #expect(full["Retry-After"] == "2")
            try await reader.open(turn.path)
            var first = Viewing()
            try await reader.watch(&first) { $0.last == 1 }
            let second = try await client.view(turn.path)
            #expect(second.story == [.busy])
            gate.open()
            try await reader.watch(&first)
            #expect(first.outcome == .complete)
        }
    }

    @Test("While the server goes down it takes nobody in, and running answers come to their end")
    func draining() async throws {
        let gate = Gate()
        try await WholeServer.run(
            ["server.timeouts.drain=1m"], upstream: { _ in [.say("Before "), .wait(gate), .say("after."), .finish] }
        ) { server in
            let (client, reader) = try (server.client(), server.client())
            let turn = try await client.ask("Hello?")
            var viewing = Viewing()
            try await reader.open(turn.path)
            try await reader.watch(&viewing) { $0.texts[.chat] != nil }
            async let down: Void = server.application.shutdown()
            // A connection that waits for its next request is closed, and once every loop has heard, no new one is taken.
            #expect(try await client.raw.rest() == [])
            while (try? server.client()) != nil {}
            gate.open()
            try await reader.watch(&viewing)
            #expect(viewing.texts[.chat] == "Before after.")
            #expect(viewing.outcome == .complete)
            await down
        }
    }
}
