import Core
import Providers
import TestSupport
import Testing

/// What the manifests of the bodies do not say; that they mean the same however they are cut is tested with all dialects.
@Suite("Decoding Azure OpenAI's answers")
struct AzureDecodingTests {
    static func deltas(_ file: String) throws -> [Delta] {
        let body = try #require(try WireBody.all(in: Reference.fixture("azure-openai")).first { $0.file == file })
        return body.read(with: try azure()).deltas
    }

    static func flag(_ kind: String, _ detail: String = "") -> Delta { .flag(.init(kind: kind, detail: detail)) }

    @Test("A bad verdict behind the text withdraws it, once, and ends the answer as filtered")
    func withdrawal() throws {
        let model = Delta.start(model: "kestrel-2-2026-03-01")
        #expect(
            try Self.deltas("late-verdict-withdraws.txt") == [
                model, .content("Walk a "), .content("little, "), .content("then "),
                Self.flag("content_filter", "violence"), .retract, .finish(.contentFilter),
            ])
        #expect(
            try Self.deltas("withdrawn-after-stop.txt") == [
                model, .content("Short."), Self.flag("content_filter", "protected_material_text"), .retract,
                .finish(.contentFilter),
            ])
        #expect(
            try Self.deltas("text-after-withdrawal.txt") == [
                model, .content("Bad "), Self.flag("content_filter", "violence"), .retract, .finish(.contentFilter),
            ])
    }

    @Test("What the default filter let through stays", arguments: ["filter-ends-answer.txt", "batch-filter.json"])
    func filtered(file: String) throws {
        let deltas = try Self.deltas(file)
        #expect(!deltas.contains(.retract))
        #expect(deltas.contains(Self.flag("content_filter", "violence")))
        #expect(deltas.last == .finish(.contentFilter))
    }

    @Test("An answer that no filter looked at says so")
    func unfiltered() throws {
        #expect(try Self.deltas("filter-failed.txt").contains(Self.flag("not_filtered")))
        #expect(try !Self.deltas("default-filter.txt").contains { if case .flag = $0 { true } else { false } })
    }

    @Test(
        "A status is an error of its class",
        arguments: [
            (
                400,
                #"{"error":{"code":"content_filter","param":"prompt","status":400,"innererror":"#
                    + #"{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"self-harm":{"filtered":true}}}}}"#,
                .contentBlocked
            ),
            (400, #"{"error":{"innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#, .contentBlocked),
            (401, #"{"error":{"code":"401","message":"Access denied"}}"#, .providerAuthentication),
            (404, #"{"error":{"code":"DeploymentNotFound"}}"#, .modelNotFound),
            (429, #"{"error":{"code":"429","message":"Retry after 12 seconds."}}"#, .rateLimited),
        ] as [(Int, String, PlatformError.Code)])
    func statuses(status: Int, body: String, code: PlatformError.Code) throws {
        let head = ResponseHead(status: status, headers: [(name: "retry-after-ms", value: "1500")])
        let error = DecodedAnswer(try azure(), head, [Array(body.utf8)[...]]).error
        #expect(error?.code == code)
        #expect(error?.retryAfter == (code == .rateLimited ? .milliseconds(1500) : nil))
        if code == .contentBlocked { #expect(error?.code.isRetryable == false) }
    }
}
