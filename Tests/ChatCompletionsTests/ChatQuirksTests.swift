import Core
import HTTPClient
import Providers
import TestSupport
import Testing

@Suite("What servers of chat completions do differently")
struct ChatQuirksTests {
    static let stream = ResponseHead(status: 200, headers: [(name: "content-type", value: "text/event-stream")])

    static func chunk(_ delta: String, finish: String = "null") -> String {
        #"data: {"model":"m","choices":[{"index":0,"delta":\#(delta),"finish_reason":\#(finish)}]}"# + "\n\n"
    }

    static func decode(_ body: String, with provider: some Dialect, by size: Int = .max) -> DecodedAnswer {
        let bytes = Array(body.utf8)
        let pieces = stride(from: 0, to: bytes.count, by: min(size, bytes.count)).map {
            bytes[$0..<min(bytes.count, $0.addingReportingOverflow(size).overflow ? bytes.count : $0 + size)]
        }
        return DecodedAnswer(provider, stream, pieces)
    }

    @Test(
        "Think tags split an answer, however they are cut",
        arguments: [
            ("<think>hm</think>Yes.", "hm", "Yes."), ("\n <think>\nhm\n</think>\n\nYes.", "hm\n", "Yes."),
            ("<think></think>Yes.", "", "Yes."),
            ("<think>a < b </ th </thin</think>Yes", "a < b </ th </thin", "Yes"),
            ("No <think>tags</think>.", "", "No <think>tags</think>."), ("  Yes.", "", "  Yes."),
            ("<thin air", "", "<thin air"), ("<think>never closed </thi", "never closed </thi", ""),
            ("<think>ü😀</think>体温</think>", "ü😀", "体温</think>"), ("<", "", "<"), ("  ", "", "  "),
            ("<think>x</think>  ", "x", ""),
        ])
    func thinkTags(content: String, reasoning: String, text: String) throws {
        let provider = try compatible("think_tags: true")
        let scalars = content.unicodeScalars.map { String($0) }
        for cut in 0...scalars.count {
            let halves = [scalars[..<cut].joined(), scalars[cut...].joined()]
            for pieces in [halves, scalars] {
                let chunks = pieces.map { Self.chunk(#"{"content":\#(JSONValue.string($0).jsonText)}"#) }.joined()
                let answer = Self.decode(chunks + Self.chunk("{}", finish: #""stop""#), with: provider)
                #expect(answer.reasoning == reasoning, "cut at \(cut)")
                #expect(answer.text == text, "cut at \(cut)")
                #expect(answer.error == nil)
            }
        }
    }

    @Test("Think tags are text unless the settings say otherwise")
    func thinkTagsAreOff() throws {
        let body = Self.chunk(#"{"content":"<think>x</think>y"}"#, finish: #""stop""#)
        let answer = Self.decode(body, with: try compatible())
        #expect(answer.text == "<think>x</think>y")
    }

    @Test("Reasoning is read from the first of the configured fields that has a text")
    func reasoningFields() throws {
        let provider = try compatible("reasoning_fields: [thoughts, reasoning]")
        let body =
            Self.chunk(#"{"reasoning":"b","thoughts":"a","reasoning_content":"c"}"#)
            + Self.chunk(#"{"reasoning":"d","thoughts":null}"#) + "data: [DONE]\n\n"
        #expect(Self.decode(body, with: provider).reasoning == "ad")
    }

    @Test("A refusal is shown and flagged once")
    func refusal() throws {
        let body = Self.chunk(#"{"refusal":"I "}"#) + Self.chunk(#"{"refusal":"cannot."}"#) + "data: [DONE]\n\n"
        let answer = Self.decode(body, with: try compatible())
        let expected: [Delta] = [
            .start(model: "m"), .flag(.init(kind: "refusal", detail: "")), .content("I "), .content("cannot."),
            .finish(.other),
        ]
        #expect(answer.deltas == expected)
    }

    @Test(
        "An error in mid-answer is classified by what it says",
        arguments: [
            (#"{"error":{"type":"server_error"}}"#, .providerFailed),
            (#"{"error":{"type":"overloaded_error"}}"#, .providerOverloaded),
            (#"{"error":{"code":"rate_limit_exceeded"}}"#, .rateLimited),
            (#"{"error":{"code":429,"message":"x"}}"#, .rateLimited),
            (#"{"error":{"code":"429"}}"#, .rateLimited), (#"{"error":{"status_code":400}}"#, .providerRejected),
            (#"{"error":{"code":"context_length_exceeded"}}"#, .contextTooLong),
            (#"{"error":"gone"}"#, .providerFailed),
            (#"{"error":{"code":"content_filter"}}"#, .contentBlocked), (#"{"error":[]}"#, .providerFailed),
        ] as [(String, PlatformError.Code)])
    func errorInStream(event: String, code: PlatformError.Code) throws {
        let answer = Self.decode(Self.chunk(#"{"content":"Half"}"#) + "data: \(event)\n\n", with: try compatible())
        #expect(answer.text == "Half")
        #expect(answer.error?.code == code)
    }

    @Test("A null error is none")
    func nullError() throws {
        let body = #"data: {"error":null,"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}"# + "\n\n"
        let answer = Self.decode(body, with: try compatible())
        #expect(answer.text == "x")
        #expect(answer.error == nil)
    }

    @Test("Nothing is read after the end marker")
    func afterDone() throws {
        let answer = Self.chunk(#"{"content":"x"}"#, finish: #""stop""#) + "data:  [DONE] \n\n"
        let rest = Self.chunk(#"{"content":"y"}"#) + "data: {broken\n\n"
        #expect(Self.decode(answer + rest, with: try compatible()).text == "x")
    }

    @Test("An event of more than 16 MiB is refused")
    func hugeEvent() throws {
        let body = "data: " + String(repeating: "x", count: 17 << 20)
        #expect(Self.decode(body, with: try compatible(), by: 1 << 20).error?.code == .providerProtocol)
    }

    @Test("A line of a megabyte is read")
    func longLine() throws {
        let text = String(repeating: "mg ", count: 350_000)
        let body = Self.chunk(#"{"content":"\#(text)"}"#, finish: #""stop""#)
        #expect(Self.decode(body, with: try compatible(), by: 16_384).text == text)
    }
}
