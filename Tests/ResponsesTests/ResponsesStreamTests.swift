import Core
import Foundation
import Providers
import TestSupport
import Testing

/// What the bodies of `Tests/Fixtures/openai` do not show; how those are read is tested with all dialects.
@Suite("Reading the Responses API")
struct ResponsesStreamTests {
    static func decode(_ body: String, type: String = "text/event-stream") throws -> DecodedAnswer {
        let head = ResponseHead(status: 200, headers: [(name: "content-type", value: type)])
        return DecodedAnswer(try openAI(), head, [Array(body.utf8)[...]])
    }

    static func event(_ json: String) -> String { "data: \(json)\n\n" }

    static let end = event(#"{"type":"response.completed","response":{"model":"m","status":"completed"}}"#)

    @Test("A text is given when it comes, in order, and the end once")
    func order() throws {
        let body =
            Self.event(#"{"type":"response.created","response":{"model":"m","error":null}}"#)
            + Self.event(#"{"type":"response.reasoning_summary_text.delta","delta":"Hm"}"#)
            + Self.event(#"{"type":"response.output_text.delta","delta":"a"}"#)
            + Self.event(#"{"type":"response.output_text.delta","delta":""}"#)
            + Self.event(#"{"type":"response.output_text.delta","delta":"b"}"#) + Self.end
            + Self.event(#"{"type":"response.output_text.delta","delta":"late"}"#) + Self.end
        let answer = try Self.decode(body)
        #expect(
            answer.deltas == [.start(model: "m"), .reasoning("Hm"), .content("a"), .content("b"), .finish(.stop)])
        #expect(answer.error == nil)
    }

    @Test("Fields of another type than expected say nothing")
    func wrongTypes() throws {
        let events = [
            #"{"type":"response.output_text.delta","delta":5}"#, #"{"type":7}"#, "[]", "5", "null",
            #"{"type":"response.output_item.added","item":"x"}"#, #"{"type":"response.created","response":[]}"#,
            #"{"type":"response.refusal.delta"}"#, #"{"error":null}"#,
        ]
        let answer = try Self.decode(events.map(Self.event).joined() + Self.end)
        #expect(answer.deltas == [.start(model: "m"), .finish(.stop)])
        #expect(answer.error == nil)
    }

    @Test("A last event without a response cannot be read")
    func emptyEnd() throws {
        #expect(try Self.decode(Self.event(#"{"type":"response.completed"}"#)).error?.code == .providerProtocol)
    }

    @Test("The status in the response counts before the event's name")
    func status() throws {
        let body = Self.event(
            #"""
            {"type":"response.completed","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}
            """#)
        #expect(try Self.decode(body).finishes == [.length])
    }

    @Test("A whole answer after blank lines is read, and nothing of a page")
    func whole() throws {
        let answer = #"{"status":"completed","output":[{"content":[{"type":"output_text","text":"x"}]}]}"#
        #expect(try Self.decode("\n\n  \n" + answer, type: "application/json").text == "x")
        #expect(try Self.decode("<html>", type: "text/html; charset=utf-8").error?.code == .providerProtocol)
        #expect(try Self.decode("", type: "application/json").error?.code == .providerTruncated)
        #expect(try Self.decode("nope", type: "application/json").error?.code == .providerProtocol)
    }

    @Test("Neither the error nor its cause repeats what the provider said")
    func noLeaks() throws {
        let body = Self.event(#"{"type":"error","code":"server_error","message":"key sk-hush of Anna"}"#)
        let error = try #require(try Self.decode(body).error)
        #expect(!error.debugDescription.contains("hush") && !error.debugDescription.contains("Anna"))
        #expect(error.code == .providerFailed)
    }
}
