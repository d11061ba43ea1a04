import Core
import HTTPClient
import Providers
import TestSupport
import Testing

/// What is done to every body: it must mean the same however it is cut.
///
/// The recordings are those of `../shared/reference/wire`; our own bodies ship with the tests.
@Suite("Decoding Gemini's answers", .timeLimit(.minutes(5)))
struct GeminiDecodingTests {
    static let bodies: [WireBody] = {
        do {
            return try WireBody.all(in: Reference.fixture("gemini")) + WireBody.recorded(["gemini"])
        } catch {
            Issue.record(error)
            return []
        }
    }()

    @Test("A body means what its manifest says", arguments: bodies)
    func meaning(body: WireBody) throws {
        #expect(BodyCuts(of: body, by: try gemini()).differences == [])
    }

    @Test("One byte at a time it means the same", arguments: bodies)
    func singleBytes(body: WireBody) throws {
        #expect(BodyCuts(of: body, by: try gemini()).isSameByteByByte)
    }

    @Test("In random pieces it means the same", arguments: bodies)
    func randomPieces(body: WireBody) throws {
        let cuts = BodyCuts(of: body, by: try gemini())
        for seed in 1...UInt64(20) { #expect(cuts.isSameInPieces(seed: seed), "seed \(seed)") }
    }

    @Test("Cut at any byte it means the same", arguments: bodies)
    func everyCut(body: WireBody) throws {
        #expect(BodyCuts(of: body, by: try gemini()).firstBadCut() == nil)
    }

    @Test("Ended at any byte, a body is an answer without an error only if a reason for its end had come")
    func everyEnd() throws {
        let file = try #require(Self.bodies.first { $0.file == "plain.txt" })
        let cuts = BodyCuts(of: file, by: try gemini())
        let place = try #require(file.bytes.firstRange(of: Array(#""finishReason""#.utf8))).lowerBound
        for count in file.bytes.indices {
            let answer = cuts.prefix(count)
            if let error = answer.error {
                // A cut inside a character is no UTF-8.
                #expect(error.code == .providerTruncated || error.code == .providerProtocol, "ended at \(count)")
                #expect(answer.finishes.isEmpty)
            } else {
                #expect(count > place, "ended at \(count)")
                #expect(answer.finishes == [.stop])
            }
            #expect(cuts.whole.text.hasPrefix(answer.text))
        }
    }

    @Test(
        "What the filter did is flagged",
        arguments: [
            ("prompt-blocked.txt", "prompt_blocked", "prohibited_content"), ("safety.txt", "content_filter", "safety"),
            ("recitation.txt", "content_filter", "recitation"), ("batch-blocked.json", "prompt_blocked", "safety"),
        ])
    func flags(file: String, kind: String, detail: String) throws {
        let body = try #require(Self.bodies.first { $0.file == file })
        let deltas = BodyCuts(of: body, by: try gemini()).whole.deltas
        #expect(deltas.suffix(2) == [.flag(.init(kind: kind, detail: detail)), .finish(.contentFilter)])
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
        let body = try #require(Self.bodies.first { $0.file == file })
        #expect(BodyCuts(of: body, by: try gemini()).whole.error?.code == code)
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
