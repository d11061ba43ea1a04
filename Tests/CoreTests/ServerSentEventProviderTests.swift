import Core
import Testing

@Suite("Server-sent events as providers send them")
struct ServerSentEventProviderTests {
    static let json = "{\n  \"error\": {\n    \"code\": 499,\n    \"message\": \"a } \\\" { b\"\n  }\n}"

    static let cases: [(String, [Received])] = [
        ("data: a\n\ndata: last", [Received(data: "a"), Received(data: "last")]),
        ("data: last\n", [Received(data: "last")]), ("data: last\r\n\r\n", [Received(data: "last")]),
        ("event: x\ndata: a\ndata: b", [Received(type: "x", data: "a\nb")]),
        ("data:\n\ndata\n\ndata: a\n\ndata:", [Received(data: "a")]),
        ("\u{FEFF}data: a", [Received(data: "a")]),
        (": keep-alive\n\nid: 1\nevent: message\nretry: 5\ndata: a\n\n", [Received(id: "1", data: "a")]),
        ("data: a\n\n\(json)\n", [Received(data: "a"), Received(type: "json", data: json)]),
        (
            "data: a\n\n\(json)\ndata: b\n\n",
            [Received(data: "a"), Received(type: "json", data: json), Received(data: "b")]
        ),
        ("data: a\n\(json)\n\n", [Received(data: "a"), Received(type: "json", data: json)]),
        (
            "{\"error\":1}\n{\"error\":2}",
            [Received(type: "json", data: "{\"error\":1}"), Received(type: "json", data: "{\"error\":2}")]
        ),
        ("[{\n  \"a\": []\n}\n,\n{}\n]\n", [Received(type: "json", data: "[{\n  \"a\": []\n}\n,\n{}\n]")]),
        ("{\n  \"cut", [Received(type: "json", data: "{\n  \"cut")]),
        ("  {\"a\":\n1}\n", [Received(type: "json", data: "  {\"a\":\n1}")]),
        ("   \n data: x\nhello\ndata: a\n\n", [Received(data: "a")]),
        ("data: [DONE]\n\n", [Received(data: "[DONE]")]),
    ]

    @Test("A body is read as leniently as providers need, wherever its bytes are cut", arguments: cases)
    func providerCases(body: String, expected: [Received]) throws {
        let bytes = Array(body.utf8)
        for cut in 0...bytes.count {
            var decoder = ServerSentEventDecoder(mode: .provider)
            #expect(try decoder.read([bytes[..<cut], bytes[cut...]]) == expected, "cut at \(cut)")
        }
        var decoder = ServerSentEventDecoder(mode: .provider)
        #expect(try decoder.read(bytes.map { [$0] }) == expected, "one byte at a time")
    }

    @Test("Invalid UTF-8 in a line is an error, at every cut")
    func invalid() {
        let bytes = Array("data: é\n\ndata: ".utf8) + [0xC3, 0x28, 0x0A, 0x0A]
        for cut in 0...bytes.count {
            var decoder = ServerSentEventDecoder(mode: .provider)
            #expect(throws: ServerSentEventError.invalidUTF8) { try decoder.read([bytes[..<cut], bytes[cut...]]) }
        }
    }

    @Test("JSON whose brackets are never closed is bounded")
    func strayLimit() {
        var decoder = ServerSentEventDecoder(mode: .provider, maximumEventBytes: 1000)
        let line = Array("  \"a\": {\n".utf8)
        #expect(throws: ServerSentEventError.eventTooLarge(limit: 1000)) {
            try decoder.read(Array(repeating: line, count: 200))
        }
    }

    @Test("Reading in large and small pieces gives the same events", arguments: 0..<150 as Range<UInt64>)
    func anyPieces(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let parts = [
            "data: ", "data:", "event: e", "id: 5", "\n", "\n\n", "\r", "\r\n", ": c\n", "{\"a\":", "}", "[", "]", "\"",
            " ",
            "x", "é", "👩‍⚕️", "retry: 3\n", "\\",
        ]
        let body = (0..<40).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
        for mode in [ServerSentEventDecoder.Mode.standard, .provider] {
            var whole = ServerSentEventDecoder(mode: mode)
            var pieces = ServerSentEventDecoder(mode: mode)
            let expected = try whole.read([Array(body.utf8)])
            #expect(try pieces.read(random.pieces(of: Array(body.utf8))) == expected, "seed \(seed)")
            #expect(pieces.lines == whole.lines && pieces.comments == whole.comments, "seed \(seed)")
        }
    }

    @Test("A line of many megabytes takes time in proportion to its length", .timeLimit(.minutes(1)))
    func linear() throws {
        let line = Array("data: ".utf8) + Array(repeating: 0x78, count: 4 << 20) + [0x0A, 0x0A]
        var decoder = ServerSentEventDecoder(mode: .provider)
        // Looking at the line again with each of its 4,096 pieces would be 8 GiB of looks, far beyond the time limit.
        let events = try decoder.read(line.cut(1 << 10))
        #expect(events.count == 1 && events.first?.data.utf8.count == 4 << 20)
    }
}
