import Core
import HTTPClient
import Providers
import TestSupport
import Testing

/// What the manifests of the bodies do not say; that they mean the same however they are cut is tested with all dialects.
@Suite("Decoding Gemini's answers")
struct GeminiDecodingTests {
    static func answer(_ file: String) throws -> DecodedAnswer {
        let body = try #require(try WireBody.all(in: Reference.fixture("gemini")).first { $0.file == file })
        return body.read(with: try gemini())
    }

    @Test(
        "What the filter did is flagged",
        arguments: [
            ("prompt-blocked.txt", "prompt_blocked", "prohibited_content"), ("safety.txt", "content_filter", "safety"),
            ("recitation.txt", "content_filter", "recitation"), ("batch-blocked.json", "prompt_blocked", "safety"),
        ])
    func flags(file: String, kind: String, detail: String) throws {
        #expect(
            try Self.answer(file).deltas.suffix(2) == [
                .flag(.init(kind: kind, detail: detail)), .finish(.contentFilter),
            ])
    }

    @Test(
        "An error in mid-answer is classified by what it says",
        arguments: [
            ("error-bare.txt", .providerOverloaded), ("error-array.txt", .providerOverloaded),
            ("error-event.txt", .rateLimited), ("error-first.txt", .providerRejected),
            ("batch-error.json", .providerOverloaded), ("broken-json.txt", .providerProtocol),
            ("bad-utf8.txt", .providerProtocol), ("page.html", .providerProtocol),
        ] as [(String, PlatformError.Code)])
    func errors(file: String, code: PlatformError.Code) throws {
        #expect(try Self.answer(file).error?.code == code)
    }

    @Test("An answer that the server itself cancelled may be tried again")
    func cancelledByServer() throws {
        let body = #"data: {"error":{"code":499,"message":"x","status":"CANCELLED"}}"#
        let head = ResponseHead(status: 200, headers: [(name: "content-type", value: "text/event-stream")])
        let error = DecodedAnswer(try gemini(), head, [Array(body.utf8)[...]]).error
        #expect(error?.code == .providerFailed)
        #expect(error?.code.isRetryable == true)
    }

    @Test(
        "A status is an error of its class",
        arguments: [
            (400, #"{"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}"#, .providerAuthentication, nil),
            (400, #"{"error":{"code":400,"status":"FAILED_PRECONDITION"}}"#, .providerRejected, nil),
            (403, #"{"error":{"code":403,"status":"PERMISSION_DENIED"}}"#, .providerAuthentication, nil),
            (404, #"{"error":{"code":404,"status":"NOT_FOUND"}}"#, .modelNotFound, nil),
            (
                429, #"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"2.5s"}]}}"#,
                .rateLimited, .milliseconds(2500)
            ),
            (503, #"[{"error":{"code":503,"status":"UNAVAILABLE"}}]"#, .providerOverloaded, nil),
            (504, #"{"error":{"code":504,"status":"DEADLINE_EXCEEDED"}}"#, .timedOut, nil),
        ] as [(Int, String, PlatformError.Code, Duration?)])
    func statuses(status: Int, body: String, code: PlatformError.Code, wait: Duration?) throws {
        let answer = DecodedAnswer(try gemini(), ResponseHead(status: status), [Array(body.utf8)[...]])
        #expect(answer.error?.code == code)
        #expect(answer.error?.retryAfter == wait)
        #expect(answer.deltas.isEmpty)
    }
}
