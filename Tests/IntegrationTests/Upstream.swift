import Core
import JSON
import Synchronization
import TestSupport

/// A model's provider that speaks as a test tells it to: chat completions over real TCP.
final class Upstream: Sendable {
    /// One thing the model does.
    enum Act: Sendable {
        case say(String)
        case think(String)
        /// Tells what was used, as OpenAI's API does.
        case count(JSONValue)
        case wait(Gate)
        case take(Semaphore)
        /// Ends the answer as it should end.
        case finish
        /// Ends it for a reason of the model's, such as `length`.
        case finishAs(String)
        /// Breaks the answer off.
        case cut
        /// Says nothing more, and waits to be left.
        case stall
        /// Answers with an error in place of an answer.
        case refuse(Int, String)
    }

    let server: ScriptedServer
    private let taken: Requests

    init(_ act: @escaping @Sendable (String) -> [Act] = { _ in [.say("An answer."), .finish] }) throws {
        let taken = Requests()
        server = try ScriptedServer { request in
            let body = (try? JSONValue(parsing: request.body)) ?? .null
            taken.add(body)
            let acts = act(body["messages"]?.array?.last?["content"]?.string ?? "")
            return body["stream"]?.bool == true ? Self.streamed(acts) : Self.whole(acts)
        }
        self.taken = taken
    }

    private final class Requests: Sendable {
        private let all = Mutex<[JSONValue]>([])
        func add(_ body: JSONValue) { all.withLock { $0.append(body) } }
        var value: [JSONValue] { all.withLock { $0 } }
    }

    /// The bodies of all requests so far.
    var requests: [JSONValue] { taken.value }

    /// The system prompts of all requests so far.
    var systemPrompts: [String] {
        requests.compactMap { $0["messages"]?.array?.first { $0["role"] == "system" }?["content"]?.string }
    }

    /// What it takes to have the server's answers come from here.
    var settings: [String] {
        [
            "providers.upstream.kind=openai_compatible", "providers.upstream.model=scripted",
            "providers.upstream.base_url=\"\(server.url)/v1\"", "routes.chat=[upstream]",
            "routes.onboarding=[upstream]",
        ]
    }

    // MARK: Bytes

    private static func streamed(_ acts: [Act]) -> [ScriptedServer.Step] {
        var hasHead = false
        return acts.flatMap { act -> [ScriptedServer.Step] in
            if case .refuse(let status, let body) = act { return refusal(status, body) }
            let head =
                hasHead ? [] : [ScriptedServer.Step.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")]
            hasHead = true
            return head + step(act)
        }
    }

    private static func step(_ act: Act) -> [ScriptedServer.Step] {
        switch act {
        case .say(let text): [.send(chunk(["content": .string(text)]))]
        case .think(let text): [.send(chunk(["reasoning_content": .string(text)]))]
        case .count(let usage):
            [.send("data: \(text(["id": "c", "model": "scripted-1", "choices": [], "usage": usage]))\n\n")]
        case .wait(let gate): [.wait(gate)]
        case .take(let semaphore): [.take(semaphore)]
        case .finish: step(.finishAs("stop"))
        case .finishAs(let reason): [.send(chunk([:], finish: .string(reason)) + "data: [DONE]\n\n"), .close]
        case .stall: [.awaitDisconnect]
        case .cut: [.close]
        case .refuse: []
        }
    }

    private static func chunk(_ delta: [String: JSONValue], finish: JSONValue = .null) -> String {
        let choice: JSONValue = ["index": 0, "delta": .object(delta), "finish_reason": finish]
        return "data: \(text(["id": "c", "model": "scripted-1", "choices": [choice]]))\n\n"
    }

    private static func whole(_ acts: [Act]) -> [ScriptedServer.Step] {
        var (steps, said, thought, reason) = ([ScriptedServer.Step](), "", "", "stop")
        var body: [String: JSONValue] = ["id": "c", "model": "scripted-1"]
        for act in acts {
            switch act {
            case .say(let text): said += text
            case .think(let text): thought += text
            case .count(let usage): body["usage"] = usage
            case .refuse(let status, let body): return refusal(status, body)
            case .wait, .take, .stall, .cut: steps += step(act)
            case .finish: break
            case .finishAs(let told): reason = told
            }
        }
        var message: [String: JSONValue] = ["role": "assistant", "content": .string(said)]
        if !thought.isEmpty { message["reasoning_content"] = .string(thought) }
        body["choices"] = [["index": 0, "message": .object(message), "finish_reason": .string(reason)]]
        return steps + answer("200 OK", text(.object(body)))
    }

    private static func refusal(_ status: Int, _ body: String) -> [ScriptedServer.Step] { answer("\(status) No", body) }

    private static func answer(_ status: String, _ body: String) -> [ScriptedServer.Step] {
        let head = "HTTP/1.1 \(status)\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        return [.send(head + body)]
    }
}

/// JSON as text.
func text(_ value: JSONValue) -> String {
    var writer = JSONWriter()
    value.write(into: &writer)
    return String(decoding: writer.bytes, as: UTF8.self)
}
