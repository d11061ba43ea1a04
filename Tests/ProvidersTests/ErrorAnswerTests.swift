import Core
import Foundation
import JSON
import Providers
import TestSupport
import Testing

@Suite("The meaning of a provider's error")
struct ErrorAnswerTests {
    struct Case: Sendable, CustomStringConvertible {
        var description: String
        var status: Int
        var headers: [(name: String, value: String)] = []
        var body: String
        var code: PlatformError.Code
        var isRetryable: Bool
    }

    /// The classes of the recorded errors, as our codes; an error of the provider that must not be tried again counts as
    /// a refusal.
    static let codes: [String: PlatformError.Code] = [
        "authentication": .providerAuthentication, "permission": .providerAuthentication,
        "quota_exhausted": .providerQuota, "rate_limited": .rateLimited, "content_blocked": .contentBlocked,
        "context_too_long": .contextTooLong, "model_not_found": .modelNotFound, "invalid_request": .providerRejected,
        "timeout": .timedOut, "overloaded": .providerOverloaded, "provider_error": .providerFailed,
    ]

    static let recordings: [Case] = {
        guard let url = Reference.url("wire/errors.json") else { return [] }
        do {
            return try (JSONValue(parsing: Array(Data(contentsOf: url))).array ?? []).map { entry in
                let retryable = entry["retryable"]?.bool ?? false
                let code = codes[entry["expected_class"]?.string ?? ""] ?? .internalError
                return Case(
                    description: entry["id"]?.string ?? "", status: entry["http_status"]?.int ?? 0,
                    headers: (entry["headers"]?.object ?? [:]).map { (name: $0, value: $1.string ?? "") },
                    body: entry["body"]?.string ?? "",
                    code: code == .providerFailed && !retryable ? .providerRejected : code, isRetryable: retryable)
            }
        } catch {
            Issue.record(error)
            return []
        }
    }()

    static func answer(_ status: Int, _ body: String, _ headers: [(name: String, value: String)] = []) -> ErrorAnswer {
        ErrorAnswer(from: "main", ResponseHead(status: status, headers: headers), body: Array(body.utf8).span)
    }

    // A proxy's page means what its status means, also when a vendor would say more: 502 is worth another try.
    @Test("A recorded error is of its class", arguments: recordings)
    func recorded(_ error: Case) {
        let answer = Self.answer(error.status, error.body, error.headers)
        #expect(answer.code == error.code)
        #expect(answer.code.isRetryable == error.isRetryable)
    }

    @Test(
        "An error is told by its status and the names in its body",
        arguments: [
            (401, "", .providerAuthentication), (402, "{}", .providerQuota), (403, "<html>", .providerAuthentication),
            (404, "not found", .modelNotFound), (405, "", .providerRejected), (408, "", .timedOut),
            (409, "", .providerFailed), (413, "", .contextTooLong), (415, "", .providerRejected),
            (422, "", .providerRejected), (424, "", .providerRejected), (429, "", .rateLimited),
            (429, #"{"error":{"type":"insufficient_quota"}}"#, .providerQuota), (500, "{broken", .providerFailed),
            (500, #"{"error":{"code":"slow_down"}}"#, .providerOverloaded), (502, "", .providerFailed),
            (503, "", .providerOverloaded), (504, "", .timedOut), (529, "", .providerOverloaded),
            (301, "", .providerRejected), (204, "", .providerRejected), (400, "", .providerRejected),
            (400, #"{"error":{"code":"invalid_api_key"}}"#, .providerAuthentication),
            (400, #"{"error":{"code":"model_not_found"}}"#, .modelNotFound),
            (400, #"{"error":{"code":"context_length_exceeded"}}"#, .contextTooLong),
            (400, #"[{"error":{"code":"content_filter"}}]"#, .contentBlocked),
            (400, #"{"error":{"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#, .contentBlocked),
            (400, #"{"object":"error","message":"This model's maximum context length is 8 tokens"}"#, .contextTooLong),
            (400, #"{"error":{"message":"prompt is too long: 9 tokens > 8 maximum"}}"#, .contextTooLong),
            (400, #"{"error":{"message":"Your credit balance is too low"}}"#, .providerQuota),
            (429, #"{"error":{"message":"You have reached your specified API usage limits."}}"#, .providerQuota),
            (413, #"{"error":{"type":"request_too_large"}}"#, .contextTooLong),
            (400, #"{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#, .contextTooLong),
            (400, #"{"message":"Input is too long for requested model."}"#, .contextTooLong),
            (
                400, #"{"error":{"message":"The input token count (9) exceeds the maximum number of tokens"}}"#,
                .contextTooLong
            ),
            (400, #"{"error":{"message":"Your credit balance is too low to access the API."}}"#, .providerQuota),
            (400, #"{"__type":"x","type":"ServiceQuotaExceededException"}"#, .providerQuota),
            (499, #"{"error":{"code":499,"status":"CANCELLED"}}"#, .providerFailed),
            (400, #"{"error":"nonsense"}"#, .providerRejected), (400, #"{"error":null}"#, .providerRejected),
        ] as [(Int, String, PlatformError.Code)])
    func classes(status: Int, body: String, code: PlatformError.Code) {
        #expect(Self.answer(status, body).code == code)
    }

    @Test(
        "An error inside an answer is told by its names",
        arguments: [
            ("overloaded_error", .providerOverloaded), ("api_error", .providerFailed),
            ("rate_limit_error", .rateLimited),
            ("timeout_error", .timedOut), ("authentication_error", .providerAuthentication),
            ("permission_error", .providerAuthentication), ("not_found_error", .modelNotFound),
            ("invalid_request_error", .providerRejected), ("request_too_large", .contextTooLong),
            ("billing_error", .providerQuota), ("throttlingException", .rateLimited),
            ("validationException", .providerRejected), ("serviceUnavailableException", .providerOverloaded),
            ("internalServerException", .providerFailed), ("modelStreamErrorException", .providerFailed),
            ("RESOURCE_EXHAUSTED", .rateLimited), ("UNAVAILABLE", .providerOverloaded), ("INTERNAL", .providerFailed),
            ("DEADLINE_EXCEEDED", .timedOut), ("INVALID_ARGUMENT", .providerRejected),
            ("PERMISSION_DENIED", .providerAuthentication), ("NOT_FOUND", .modelNotFound),
            ("rate_limit_exceeded", .rateLimited), ("server_error", .providerFailed),
            ("invalid_prompt", .providerRejected), ("content_filter", .contentBlocked),
        ] as [(String, PlatformError.Code)])
    func inAnswer(name: String, code: PlatformError.Code) {
        let answer = ErrorAnswer(from: "main", inAnswer: ["error": ["type": .string(name), "message": "x"]])
        #expect(answer.code == code)
        #expect(answer.status == nil)
    }

    @Test("A provider's advice on retrying goes before the status")
    func advice() {
        #expect(Self.answer(500, "", [(name: "X-Should-Retry", value: "false")]).code == .providerRejected)
        #expect(Self.answer(429, "", [(name: "X-Should-Retry", value: "false")]).code == .providerQuota)
        #expect(Self.answer(400, "", [(name: "X-Should-Retry", value: "true")]).code == .providerFailed)
        #expect(Self.answer(429, "", [(name: "X-Should-Retry", value: "true")]).code == .rateLimited)
    }

    @Test(
        "The wait that is asked for is kept",
        arguments: [
            ([("retry-after-ms", "1500"), ("retry-after", "9")], .milliseconds(1500)),
            ([("Retry-After", "2.5")], .milliseconds(2500)), ([("retry-after", "0")], .zero),
            (
                [("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")],
                .seconds(30)
            ),
            (
                [("date", "Thu, 29 Feb 2024 23:59:50 GMT"), ("retry-after", "Fri, 01 Mar 2024 00:00:00 GMT")],
                .seconds(10)
            ),
            (
                [("date", "Sun, 06 Nov 1994 08:50:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")],
                .zero
            ),
            ([("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], nil), ([("retry-after", "soon")], nil),
            ([("retry-after", "-3")], nil), ([("retry-after", "nan")], nil), ([], nil),
            ([("retry-after", "1e300")], .seconds(86_400)),
        ] as [([(String, String)], Duration?)])
    func retryAfter(headers: [(String, String)], wait: Duration?) {
        let answer = Self.answer(429, "", headers.map { (name: $0.0, value: $0.1) })
        #expect(answer.retryAfter == wait)
        #expect(answer.platformError.retryAfter == wait)
    }

    @Test("Gemini's wait stands in the body")
    func geminiWait() {
        let body = #"{"error":{"code":429,"details":[{"reason":"X"},{"retryDelay":"34.4s"}]}}"#
        #expect(Self.answer(429, body).retryAfter == .milliseconds(34_400))
    }

    @Test("Nothing the provider says about the request or the key is in the error")
    func noLeaks() {
        let body = """
            {"error":{"message":"Incorrect API key provided: sk-hush. Patient Anna, 39 °C","code":"sk-hush",
            "type":"Anna said so","param":"messages[0].content"}}
            """
        let error = Self.answer(400, body).platformError
        for text in [error.description, error.debugDescription, String(reflecting: error.cause), error.message] {
            #expect(!text.contains("hush") && !text.contains("Anna") && !text.contains("39"), "\(text)")
        }
        #expect(error.debugDescription.contains("main: status 400 (messages[0].content)"))
    }

    @Test("Every code has a sentence for people", arguments: PlatformError.Code.allCases)
    func sentences(code: PlatformError.Code) {
        let sentence = PlatformError.provider(code, retryAfter: .milliseconds(12_400)).message
        #expect(sentence.hasSuffix("."))
        if code == .rateLimited { #expect(sentence.contains("in 13 s")) }
    }
}
