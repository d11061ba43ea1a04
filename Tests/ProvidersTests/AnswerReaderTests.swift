import Core
import HTTPClient
import Providers
import Testing

@Suite("Reading a response")
struct AnswerReaderTests {
    static func reader(_ status: Int, type: String = "text/plain") throws -> AnswerReader {
        let headers = [(name: "Content-Type", value: type)]
        return try AnswerReader(of: FakeDialect(), ResponseHead(status: status, headers: headers))
    }

    static func code(_ body: () throws -> Void) -> PlatformError.Code? {
        do {
            try body()
            return nil
        } catch {
            return (error as? PlatformError)?.code
        }
    }

    @Test("Status 200 is decoded by the dialect")
    func answer() throws {
        var reader = try Self.reader(200)
        var deltas: [Delta] = []
        try reader.read(Array("ab".utf8).span, into: &deltas)
        try reader.read(Array("c.".utf8).span, into: &deltas)
        try reader.finish(into: &deltas)
        #expect(deltas == [.content("a"), .content("b"), .content("c"), .finish(.stop)])
    }

    @Test("A content type the dialect does not know is an error before the body")
    func contentType() { #expect(Self.code { _ = try Self.reader(200, type: "Text/HTML; x=y") } == .providerProtocol) }

    @Test("Another status is classified once its body is read")
    func refusal() throws {
        var reader = try Self.reader(429)
        var deltas: [Delta] = []
        try reader.read(Array(#"{"error":{"co"#.utf8).span, into: &deltas)
        try reader.read(Array(#"de":"insufficient_quota"}}"#.utf8).span, into: &deltas)
        #expect(Self.code { try reader.finish(into: &deltas) } == .providerQuota)
        #expect(deltas.isEmpty)
    }

    @Test("Of an error no more than 64 KiB are read")
    func hugeRefusal() throws {
        var reader = try Self.reader(503)
        var deltas: [Delta] = []
        let piece = [UInt8](repeating: 0x20, count: 16_000)
        for _ in 0..<4 { try reader.read(piece.span, into: &deltas) }
        #expect(Self.code { try reader.read(piece.span, into: &deltas) } == .providerOverloaded)
    }

    @Test("An error whose body breaks off keeps its class")
    func brokenRefusal() throws {
        var reader = try Self.reader(401)
        var deltas: [Delta] = []
        #expect(Self.code { try reader.breakOff(.reset, into: &deltas) } == .providerAuthentication)
    }

    @Test(
        "An answer that breaks off is an error",
        arguments: [
            (.reset, .providerTruncated), (.truncated, .providerTruncated), (.timedOut(.idle), .timedOut),
            (.protocolError, .providerProtocol), (.cancelled, .cancelled), (.other(code: 1), .providerTruncated),
        ] as [(HTTPClientError.Kind, PlatformError.Code)])
    func broken(kind: HTTPClientError.Kind, code: PlatformError.Code) throws {
        var reader = try Self.reader(200)
        var deltas: [Delta] = []
        try reader.read(Array("ab".utf8).span, into: &deltas)
        #expect(Self.code { try reader.breakOff(kind, into: &deltas) } == code)
    }

    @Test("An answer that said it was finished before it broke off is whole")
    func brokenAfterFinish() throws {
        for kind in [HTTPClientError.Kind.reset, .truncated, .timedOut(.idle), .protocolError] {
            var reader = try Self.reader(200)
            var deltas: [Delta] = []
            try reader.read(Array("a.".utf8).span, into: &deltas)
            try reader.breakOff(kind, into: &deltas)
            #expect(deltas == [.content("a"), .finish(.stop)])
        }
    }

    @Test("Cancelling is cancelling, finished or not")
    func cancelled() throws {
        var reader = try Self.reader(200)
        var deltas: [Delta] = []
        try reader.read(Array("a.".utf8).span, into: &deltas)
        #expect(Self.code { try reader.breakOff(.cancelled, into: &deltas) } == .cancelled)
    }

    @Test(
        "No connection, no answer",
        arguments: [
            (.dns, .providerUnreachable), (.connect, .providerUnreachable), (.tls, .providerUnreachable),
            (.reset, .providerUnreachable), (.timedOut(.firstByte), .timedOut), (.invalidURL, .providerRejected),
        ] as [(HTTPClientError.Kind, PlatformError.Code)])
    func noConnection(kind: HTTPClientError.Kind, code: PlatformError.Code) {
        #expect(PlatformError.provider(kind, hasBegun: false).code == code)
    }
}
