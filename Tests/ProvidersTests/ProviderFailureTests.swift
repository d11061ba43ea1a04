import Core
import HTTPClient
import Providers
import Testing

@Suite("What a failure means for what is done next")
struct ProviderFailureTests {
    typealias Kind = ProviderFailure.Kind

    static func transport(_ kind: HTTPClientError.Kind, hasBegun: Bool = false) -> PlatformError {
        .provider(kind, hasBegun: hasBegun, cause: HTTPClientError(kind))
    }

    static func status(_ status: Int, _ body: String = "", _ headers: [(name: String, value: String)] = [])
        -> PlatformError
    {
        ErrorAnswerTests.answer(status, body, headers).platformError
    }

    struct Case: Sendable, CustomStringConvertible {
        var description: String
        var error: PlatformError
        var kind: Kind
        var canRetry: Bool
        var canFailOver = true
        var speaksOfHealth: Bool
        var wait: Duration?
    }

    static let cases: [Case] = [
        Case(description: "401", error: status(401), kind: .authentication, canRetry: false, speaksOfHealth: false),
        Case(description: "402", error: status(402), kind: .quota, canRetry: false, speaksOfHealth: false),
        Case(
            description: "429", error: status(429, "", [("retry-after", "7")]), kind: .rateLimited, canRetry: true,
            speaksOfHealth: false, wait: .seconds(7)),
        Case(
            description: "429 without credit", error: status(429, #"{"error":{"code":"insufficient_quota"}}"#),
            kind: .quota, canRetry: false, speaksOfHealth: false),
        Case(
            description: "a filter", error: status(400, #"{"error":{"code":"content_filter"}}"#),
            kind: .contentBlocked, canRetry: false, speaksOfHealth: false),
        Case(description: "413", error: status(413), kind: .contextTooLong, canRetry: false, speaksOfHealth: false),
        Case(description: "404", error: status(404), kind: .modelNotFound, canRetry: false, speaksOfHealth: false),
        Case(description: "400", error: status(400), kind: .rejected, canRetry: false, speaksOfHealth: false),
        Case(
            description: "503", error: status(503, "", [("retry-after", "2")]), kind: .overloaded, canRetry: true,
            speaksOfHealth: true, wait: .seconds(2)),
        Case(description: "500", error: status(500), kind: .failed, canRetry: true, speaksOfHealth: true),
        Case(
            description: "500 that asks for no retry", error: status(500, "", [("x-should-retry", "false")]),
            kind: .rejected, canRetry: false, speaksOfHealth: false),
        Case(description: "504", error: status(504), kind: .upstreamTimeout, canRetry: true, speaksOfHealth: true),
        Case(
            description: "no name", error: transport(.dns), kind: .unreachable, canRetry: false, speaksOfHealth: true),
        Case(
            description: "no trust", error: transport(.tls), kind: .unreachable, canRetry: false, speaksOfHealth: true),
        Case(
            description: "refused", error: transport(.connect), kind: .unreachable, canRetry: true,
            speaksOfHealth: true),
        Case(
            description: "a kept connection that was closed", error: transport(.staleConnection),
            kind: .staleConnection, canRetry: true, speaksOfHealth: false),
        Case(
            description: "reset before the head", error: transport(.reset), kind: .unreachable, canRetry: true,
            speaksOfHealth: true),
        Case(
            description: "reset after the head", error: transport(.reset, hasBegun: true), kind: .truncated,
            canRetry: true, speaksOfHealth: true),
        Case(
            description: "slow to connect", error: transport(.timedOut(.connect)), kind: .connectTimeout,
            canRetry: true, speaksOfHealth: true),
        Case(
            description: "slow to begin", error: transport(.timedOut(.firstByte)), kind: .firstByteTimeout,
            canRetry: true, speaksOfHealth: true),
        Case(
            description: "silent", error: transport(.timedOut(.idle), hasBegun: true), kind: .idleTimeout,
            canRetry: true, speaksOfHealth: true),
        Case(
            description: "too long", error: transport(.timedOut(.total), hasBegun: true), kind: .totalTimeout,
            canRetry: false, speaksOfHealth: true),
        Case(
            description: "not HTTP", error: transport(.protocolError), kind: .protocolError, canRetry: true,
            speaksOfHealth: true),
        Case(
            description: "unreadable", error: .provider(.providerProtocol), kind: .protocolError, canRetry: true,
            speaksOfHealth: true),
        Case(
            description: "no end", error: .provider(.providerTruncated), kind: .truncated, canRetry: true,
            speaksOfHealth: true),
        Case(
            description: "cancelled", error: transport(.cancelled), kind: .cancelled, canRetry: false,
            canFailOver: false, speaksOfHealth: false),
        Case(
            description: "ours", error: PlatformError(.storageFailed, "x"), kind: .local, canRetry: false,
            canFailOver: false, speaksOfHealth: false),
    ]

    @Test("A failure is of one kind, and each kind has its answer", arguments: cases)
    func reading(_ given: Case) {
        let failure = ProviderFailure(given.error)
        #expect(failure.kind == given.kind)
        #expect(failure.canRetry == given.canRetry)
        #expect(failure.canFailOver == given.canFailOver)
        #expect(failure.speaksOfHealth == given.speaksOfHealth)
        #expect(failure.wait == given.wait)
    }

    @Test("Every kind is told apart by some failure")
    func all() { #expect(Set(Self.cases.map(\.kind)) == Set(Kind.allCases)) }

    @Test("A recorded error may be tried again when it says so", arguments: ErrorAnswerTests.recordings)
    func recorded(_ error: ErrorAnswerTests.Case) {
        let failure = ProviderFailure(Self.status(error.status, error.body, error.headers))
        #expect(failure.canRetry == error.isRetryable)
        #expect(failure.canFailOver)
    }
}
