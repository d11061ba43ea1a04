import Core
import Foundation
import Providers
import TestSupport
import Testing

/// What is done to every body: it must mean the same however it is cut.
///
/// The recordings are those of `../shared/reference/wire`; our own bodies ship with the tests.
@Suite("Decoding Converse", .timeLimit(.minutes(10)))
struct ConverseDecodingTests {
    static let bodies: [WireBody] = {
        do {
            return try WireBody.all(in: Reference.fixture("bedrock")) + WireBody.recorded(["bedrock"])
        } catch {
            Issue.record(error)
            return []
        }
    }()

    /// Answers that came to their end, and say nothing behind it.
    static let complete = bodies.filter {
        $0.outcome != "truncated" && $0.outcome != "error" && $0.file != "late-text.bin"
    }

    static func head(_ body: WireBody) -> ResponseHead {
        ResponseHead(status: body.status, headers: [(name: "Content-Type", value: body.contentType)])
    }

    static func decode(_ body: WireBody, _ pieces: [ArraySlice<UInt8>]) throws -> DecodedAnswer {
        DecodedAnswer(try bedrock(), head(body), pieces)
    }

    @Test("A body means what its manifest says", arguments: bodies)
    func meaning(body: WireBody) throws {
        let answer = try Self.decode(body, [body.bytes[...]])
        #expect(answer.text == body.text)
        #expect(answer.reasoning == body.reasoning)
        #expect(answer.usage == body.usage)
        #expect(answer.finishes == (body.finish.map { [$0] } ?? []))
        switch body.outcome {
        case "truncated": #expect(answer.error?.code == .providerTruncated)
        case "error": #expect(answer.error != nil && answer.error?.code != .providerTruncated)
        default:
            #expect(answer.error == nil)
            #expect(answer.finishes.count == 1)
            #expect((answer.finishes == [.contentFilter]) == (body.outcome == "blocked"))
        }
        #expect(!answer.deltas.contains { $0 == .content("") || $0 == .reasoning("") })
    }

    @Test("One byte at a time it means the same", arguments: bodies)
    func singleBytes(body: WireBody) throws {
        let whole = try Self.decode(body, [body.bytes[...]])
        let answer = try Self.decode(body, body.bytes.pieces(of: 1))
        #expect(answer.deltas == whole.deltas)
        #expect(answer.error?.code == whole.error?.code)
    }

    @Test("In random pieces it means the same", arguments: bodies)
    func randomPieces(body: WireBody) throws {
        let whole = try Self.decode(body, [body.bytes[...]])
        for seed in 1...UInt64(100) {
            var random = SplitMix(seed: seed)
            var pieces: [ArraySlice<UInt8>] = []
            var start = 0
            while start < body.bytes.count {
                let end = min(body.bytes.count, start + Int.random(in: 1...700, using: &random))
                pieces.append(body.bytes[start..<end])
                start = end
            }
            let answer = try Self.decode(body, pieces)
            #expect(answer.deltas == whole.deltas, "seed \(seed)")
            #expect(answer.error?.code == whole.error?.code, "seed \(seed)")
        }
    }

    @Test("Cut in two at any byte it means the same", arguments: bodies)
    func everyCut(body: WireBody) throws {
        let (provider, head) = (try bedrock(), Self.head(body))
        let whole = DecodedAnswer(provider, head, [body.bytes[...]])
        for cut in body.bytes.indices {
            let answer = DecodedAnswer(provider, head, [body.bytes[..<cut], body.bytes[cut...]])
            guard answer.deltas == whole.deltas, answer.error?.code == whole.error?.code else {
                Issue.record("cut at byte \(cut) of \(body.bytes.count)")
                return
            }
        }
    }

    @Test("Broken off at any byte it is whole or an error, and never says anything else", arguments: complete)
    func everyEnd(body: WireBody) throws {
        let (provider, head) = (try bedrock(), Self.head(body))
        let whole = DecodedAnswer(provider, head, [body.bytes[...]])
        for end in body.bytes.indices {
            let answer = DecodedAnswer(provider, head, [body.bytes[..<end]])
            let isHonest = answer.error?.code == .providerTruncated && answer.finishes.isEmpty
            // Once the model has stopped, only the usage can be missing.
            let isWhole = answer.error == nil && answer.text == whole.text && answer.finishes == whole.finishes
            guard body.text.hasPrefix(answer.text), isHonest || (isWhole && body.contentType.contains("stream")) else {
                Issue.record("broken off at byte \(end) of \(body.bytes.count)")
                return
            }
        }
    }

    /// CRC-32 finds every single bit.
    @Test("No flipped bit goes unnoticed", arguments: ["plain.bin", "thinking.bin", "guardrail.bin"])
    func flippedBits(file: String) throws {
        let body = try #require(Self.bodies.first { $0.file == file })
        let (provider, head) = (try bedrock(), Self.head(body))
        for byte in body.bytes.indices {
            var bytes = body.bytes
            bytes[byte] ^= 1 << UInt8(byte % 8)
            let answer = DecodedAnswer(provider, head, [bytes[...]])
            guard answer.error?.code == .providerProtocol, body.text.hasPrefix(answer.text) else {
                Issue.record("byte \(byte) of \(body.bytes.count)")
                return
            }
        }
    }

    @Test(
        "What was filtered, masked or kept back is flagged once",
        arguments: [
            ("guardrail.bin", "guardrail"), ("filtered.bin", "content_filter"), ("thinking.bin", "redacted_reasoning"),
            ("batch-guardrail.json", "guardrail"), ("batch.json", "redacted_reasoning"), ("plain.bin", nil),
        ] as [(String, String?)])
    func flags(file: String, kind: String?) throws {
        let body = try #require(Self.bodies.first { $0.file == file })
        let answer = try Self.decode(body, [body.bytes[...]])
        let flags = answer.deltas.compactMap { delta in if case .flag(let flag) = delta { flag.kind } else { nil } }
        #expect(flags == [kind].compactMap(\.self))
    }

    @Test(
        "An exception in the answer is of the class it has as a status",
        arguments: [
            ("throttlingException", #"{"message":"x"}"#, .rateLimited),
            ("validationException", #"{"message":"x"}"#, .providerRejected),
            ("validationException", #"{"message":"Input is too long for requested model."}"#, .contextTooLong),
            ("validationException", #"{"message":"The provided model identifier is invalid."}"#, .modelNotFound),
            ("serviceUnavailableException", "", .providerOverloaded), ("internalServerException", "{", .providerFailed),
            ("modelStreamErrorException", #"{"originalStatusCode":400,"originalMessage":"x"}"#, .providerFailed),
            ("modelTimeoutException", "{}", .timedOut), ("somethingNew", "[]", .providerFailed),
        ] as [(String, String, PlatformError.Code)])
    func exceptions(name: String, payload: String, code: PlatformError.Code) throws {
        let message = EventStreamWriter.message(
            [(name: ":exception-type", value: name), (name: ":message-type", value: "exception")], Array(payload.utf8))
        let head = ResponseHead(
            status: 200, headers: [(name: "content-type", value: "application/vnd.amazon.eventstream")])
        let body = EventStreamWriter.event("contentBlockDelta", #"{"delta":{"text":"Half"}}"#) + message
        let answer = DecodedAnswer(try bedrock(), head, [body[...]])
        #expect(answer.text == "Half")
        #expect(answer.error?.code == code)
        #expect(answer.error?.debugDescription.contains(name.lowercased()) == true)
    }

    @Test(
        "An error with a status is classified by Amazon's header and words",
        arguments: [
            (
                400, "ValidationException:http://internal.test/", "The provided model identifier is invalid.",
                .modelNotFound
            ),
            (400, "ValidationException", "Input is too long for requested model.", .contextTooLong),
            (400, "ValidationException", "Malformed input request", .providerRejected),
            (403, "InvalidSignatureException:http://internal.test/", "x", .providerAuthentication),
            (400, "ExpiredTokenException", "x", .providerAuthentication),
            (403, "AccessDeniedException", "x", .providerAuthentication),
            (404, "ResourceNotFoundException", "x", .modelNotFound), (408, "ModelTimeoutException", "x", .timedOut),
            (424, "ModelErrorException", "x", .providerRejected), (429, "ThrottlingException", "x", .rateLimited),
            (429, "ModelNotReadyException", "x", .rateLimited), (500, "InternalServerException", "x", .providerFailed),
            (503, "ServiceUnavailableException", "x", .providerOverloaded),
        ] as [(Int, String, String, PlatformError.Code)])
    func statuses(status: Int, type: String, message: String, code: PlatformError.Code) throws {
        let headers = [(name: "X-Amzn-ErrorType", value: type), (name: "Content-Type", value: "application/json")]
        let body = Array((["message": .string(message)] as JSONValue).jsonText.utf8)
        let answer = DecodedAnswer(try bedrock(), ResponseHead(status: status, headers: headers), [body[...]])
        #expect(answer.error?.code == code)
    }

    @Test("Neither prompt nor message nor guardrail's findings are in an error")
    func noLeaks() throws {
        for body in Self.bodies {
            let answer = try Self.decode(body, [body.bytes[...]])
            guard let error = answer.error else { continue }
            for text in [error.message, error.description, error.debugDescription, String(reflecting: error.cause)] {
                #expect(!text.contains("Anna") && !text.contains("Half"), "\(body.file)")
            }
        }
    }
}
