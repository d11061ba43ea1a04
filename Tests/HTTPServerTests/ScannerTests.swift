@testable import HTTPServer
import TestSupport
import Testing

@Suite("The scanners before the parser")
struct ScannerTests {
    private static let samples = HardenedCase.heads + HardenedCase.lines + HardenedCase.targets

    @Test("A head is judged alike however its bytes come", arguments: UInt64(1)...200)
    func heads(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let bytes = try #require(Self.samples.randomElement(using: &random)).bytes
        var whole = HeadScanner(HTTPServerSettings())
        let verdict = whole.scan(bytes.span)
        var pieces = HeadScanner(HTTPServerSettings())
        var found = HeadScanner.Result.incomplete
        var end = 0
        while found == .incomplete, end < bytes.count {
            end = min(end + Int.random(in: 1...20, using: &random), bytes.count)
            found = pieces.scan(bytes.span.extracting(..<end))
        }
        #expect(found == verdict)
    }

    @Test(
        "What no head may hold is refused here, before any other parser sees it",
        arguments: [
            ("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed), ("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed),
            ("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .bareCarriageReturn),
            ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", .folding), ("GET / HTTP/1.1\r\n\tHost: a\r\n\r\n", .folding),
            ("GET / HTTP/1.1\r\nHost: a\0\r\n\r\n", .controlCharacter),
            ("GET /\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n", .controlCharacter),
            ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .controlCharacter),
            ("GET / HTTP/1.1\r\n: a\r\n\r\n", .namelessField),
        ] as [(String, HeadScanner.Refusal)])
    func refusals(head: String, refusal: HeadScanner.Refusal) {
        var scanner = HeadScanner(HTTPServerSettings())
        #expect(scanner.scan(Array(head.utf8).span) == .refused(refusal))
    }

    @Test("A chunked body is judged alike however its bytes come", arguments: UInt64(1)...200)
    func chunks(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let request = try #require(HardenedCase.chunks.randomElement(using: &random)).bytes
        let start = try #require(request.firstRange(of: Array("\r\n\r\n".utf8))).upperBound
        let bytes = Array(request[start...])
        #expect(judge(bytes) { bytes.count - $0 } == judge(bytes) { _ in Int.random(in: 1...20, using: &random) })
    }

    /// - Returns: the status it is refused with, or how many bytes belong to the body.
    private func judge(_ bytes: [UInt8], step: (Int) -> Int) -> Int {
        var scanner = ChunkScanner(HTTPServerSettings())
        var position = 0
        do throws(HTTPError) {
            while position < bytes.count {
                let end = min(position + step(position), bytes.count)
                let used = try scanner.scan(bytes.span.extracting(position..<end))
                position += used
                if position < end { break }
            }
            return position
        } catch {
            return -error.status
        }
    }

    @Test("Of a body and what follows it, the body alone is taken")
    func bodyEnd() throws {
        let body = "3;x\r\nabc\r\n0\r\nA: b\r\n\r\n"
        var scanner = ChunkScanner(HTTPServerSettings())
        #expect(try scanner.scan(Array((body + "GET / HTTP/1.1").utf8).span) == body.utf8.count)
        #expect(try scanner.scan(Array("0\r\n\r\n".utf8).span) == 0)
    }

    @Test(
        "Lists in fields are read with their weights",
        arguments: [
            ("gzip", true), ("GZIP", true), ("br, gzip", true), ("gzip;q=0.5", true), ("gzip; q=0", false), ("", false),
            ("gzip;q=0.000", false), ("x-gzip", false), ("gzipx", false), (";gzip", false), ("gzip;level=0", true),
            ("gzip;q=", true), ("\tgzip\t", true),
        ])
    func lists(value: String, isListed: Bool) {
        #expect(Headers(dictionaryLiteral: ("Accept-Encoding", value)).lists("gzip", in: "accept-encoding") == isListed)
    }

    @Test("Fields are found whatever their case, and replaced all at once")
    func headers() {
        var headers: Headers = ["A": "1", "b": "2", "a": "3"]
        #expect(headers["a"] == "1")
        #expect(headers.values("A") == ["1", "3"])
        headers["a"] = "4"
        #expect(headers.fields.map(\.value) == ["2", "4"])
        headers.addMissing(["B": "5", "c": "6"])
        #expect(headers.fields.map(\.value) == ["2", "4", "6"])
        headers["B"] = nil
        #expect(headers["b"] == nil)
    }

    @Test(
        "Dates are written as HTTP asks",
        arguments: [(0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT")])
    func dates(seconds: Int, text: String) {
        #expect(HTTPDate.text(of: seconds) == text)
    }
}
