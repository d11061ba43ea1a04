import Core
import Foundation
import Providers
import TestSupport
import Testing

/// What the manifests of the bodies do not say; that they mean the same however they are cut is tested with all dialects.
@Suite("Decoding Converse", .timeLimit(.minutes(5)))
struct ConverseDecodingTests {
    static let bodies: [WireBody] = {
        do {
            return try WireBody.all(in: Reference.fixture("bedrock")) + WireBody.recorded(["bedrock"])
        } catch {
            Issue.record(error)
            return []
        }
    }()

    static func body(_ file: String) throws -> WireBody { try #require(bodies.first { $0.file == file }) }

    /// CRC-32 finds every single bit.
    @Test("No flipped bit goes unnoticed", arguments: ["plain.bin", "thinking.bin", "guardrail.bin"])
    func flippedBits(file: String) throws {
        let (provider, body) = (try bedrock(), try Self.body(file))
        for byte in body.bytes.indices {
            var bytes = body.bytes
            bytes[byte] ^= 1 << UInt8(byte % 8)
            let answer = DecodedAnswer(provider, body.head, [bytes[...]])
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
        #expect(try Self.body(file).read(with: bedrock()).flags == [kind].compactMap(\.self))
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
            guard let error = body.read(with: try bedrock()).error else { continue }
            for text in [error.message, error.description, error.debugDescription, String(reflecting: error.cause)] {
                #expect(!text.contains("Anna") && !text.contains("Half"), "\(body.file)")
            }
        }
    }
}
