import Core
import Providers
import TestSupport
import Testing

@Suite("What the Messages API says besides text")
struct MessageQuirksTests {
    static let stream = ResponseHead(status: 200, headers: [(name: "content-type", value: "text/event-stream")])

    static func decode(_ events: [String], _ head: ResponseHead = stream) throws -> DecodedAnswer {
        let body = events.map { "event: x\ndata: \($0)\n\n" }.joined()
        return DecodedAnswer(try anthropic(), head, [Array(body.utf8)[...]])
    }

    static func stop(_ reason: String) -> [String] {
        [#"{"type":"message_delta","delta":{"stop_reason":"\#(reason)"}}"#, #"{"type":"message_stop"}"#]
    }

    @Test(
        "A stop reason is one of ours",
        arguments: [
            ("end_turn", .stop), ("stop_sequence", .stop), ("max_tokens", .length),
            ("model_context_window_exceeded", .length), ("refusal", .contentFilter), ("tool_use", .toolCalls),
            ("pause_turn", .other), ("something_new", .other),
        ] as [(String, FinishReason)])
    func stopReasons(reason: String, expected: FinishReason) throws {
        let answer = try Self.decode(Self.stop(reason))
        #expect(answer.finishes == [expected])
        #expect(answer.error == nil)
    }

    @Test("A refusal is flagged with its category")
    func refusal() throws {
        let event = #"{"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"category":"bio"}}}"#
        let answer = try Self.decode([event, #"{"type":"message_stop"}"#])
        #expect(answer.deltas == [.flag(.init(kind: "refusal", detail: "bio")), .finish(.contentFilter)])
    }

    @Test(
        "An error in mid-answer is classified by its type",
        arguments: [
            ("overloaded_error", .providerOverloaded), ("rate_limit_error", .rateLimited),
            ("api_error", .providerFailed), ("authentication_error", .providerAuthentication),
            ("permission_error", .providerAuthentication), ("billing_error", .providerQuota),
            ("not_found_error", .modelNotFound), ("invalid_request_error", .providerRejected),
            ("request_too_large", .contextTooLong), ("timeout_error", .timedOut), ("new_error", .providerFailed),
        ] as [(String, PlatformError.Code)])
    func errors(type: String, code: PlatformError.Code) throws {
        let text = #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Half"}}"#
        let error = #"{"type":"error","error":{"type":"\#(type)","message":"hush"},"request_id":"r"}"#
        let answer = try Self.decode([text, error])
        #expect(answer.text == "Half")
        #expect(answer.error?.code == code)
        #expect(answer.error?.debugDescription.contains("hush") == false)
    }

    @Test("Counts that a later event leaves out stay, and what went through the cache is input")
    func usage() throws {
        let answer = try Self.decode([
            #"""
            {"type":"message_start","message":{"model":"m","usage":{"input_tokens":5,"cache_creation_input_tokens":20,
            "cache_read_input_tokens":300,"output_tokens":1}}}
            """#.replacing("\n", with: ""),
            #"{"type":"message_delta","delta":{},"usage":{"output_tokens":40,"input_tokens":null}}"#,
            #"{"type":"message_stop"}"#,
        ])
        #expect(answer.usage == Usage(input: 325, output: 40, cachedInput: 300))
    }

    @Test("Counts beyond all bounds are no reason to fall")
    func largeCounts() throws {
        let most = Int.max
        let answer = try Self.decode(
            [
                #"{"type":"message_start","message":{"usage":{"input_tokens":\#(most),"cache_read_input_tokens":\#(most)}}}"#
            ] + Self.stop("end_turn"))
        #expect(answer.usage == Usage(input: most, cachedInput: most))
    }

    @Test("Nothing is read after the message has stopped")
    func afterStop() throws {
        let late = #"{"type":"content_block_delta","delta":{"type":"text_delta","text":"late"}}"#
        let answer = try Self.decode(Self.stop("end_turn") + [late, "[DONE]", "{broken"])
        #expect(answer.deltas == [.finish(.stop)])
        #expect(answer.error == nil)
    }

    @Test("A page of HTML is no answer")
    func html() throws {
        let head = ResponseHead(status: 200, headers: [(name: "content-type", value: "text/html")])
        #expect(try Self.decode([], head).error?.code == .providerProtocol)
    }
}
