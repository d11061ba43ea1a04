import Core
import Testing

/// What a decoder handed over.
struct Received: Hashable, CustomStringConvertible {
    var type = "message"
    var id = ""
    var data: String

    var description: String { "\(type)#\(id): \(data.debugDescription)" }
}

extension ServerSentEventDecoder {
    /// Reads pieces one after another, then the end.
    mutating func read(_ pieces: [some Collection<UInt8>]) throws(ServerSentEventError) -> [Received] {
        var received: [Received] = []
        let take: (String, String, Span<UInt8>) -> Void = { type, id, data in
            received.append(Received(type: type, id: id, data: String(copying: data)))
        }
        for piece in pieces { try decode(Array(piece).span, take) }
        try finish(take)
        return received
    }
}

extension String {
    init(copying span: Span<UInt8>) {
        self.init(decoding: span.indices.map { span[$0] }, as: UTF8.self)
    }
}

@Suite("Server-sent events")
struct ServerSentEventTests {
    /// Bodies and what the WHATWG algorithm makes of them.
    static let standard: [(String, [Received])] = [
        ("data: a\n\n", [Received(data: "a")]),
        ("data:a\n\ndata:  b\n\n", [Received(data: "a"), Received(data: " b")]),
        ("data: a\r\rdata: b\r\n\r\ndata: c\n\r\n", [Received(data: "a"), Received(data: "b"), Received(data: "c")]),
        ("data: a\r\ndata: b\rdata: c\n\n", [Received(data: "a\nb\nc")]),
        ("\u{FEFF}data: a\n\n", [Received(data: "a")]),
        ("\u{FEFF}\u{FEFF}data: a\n\ndata: b\n\n", [Received(data: "b")]),
        ("\n\u{FEFF}data: a\n\n", []),
        ("data: a\n\n\u{FEFF}data: b\n\n", [Received(data: "a")]),
        ("data\n\n", [Received(data: "")]), ("data:\n\n", [Received(data: "")]),
        ("data\ndata\n\n", [Received(data: "\n")]), ("data: \ndata: x\ndata:\n\n", [Received(data: "\nx\n")]),
        (": comment\n:\n:data: no\n\n", []), ("event: x\n\ndata: a\n\n", [Received(data: "a")]),
        ("event: x\ndata: a\n\ndata: b\n\n", [Received(type: "x", data: "a"), Received(data: "b")]),
        ("event: x\nevent:\ndata: a\n\n", [Received(data: "a")]),
        ("id: 7\ndata: a\n\ndata: b\n\n", [Received(id: "7", data: "a"), Received(id: "7", data: "b")]),
        ("id: 7\n\ndata: b\nid\n\n", [Received(data: "b")]), ("id: 7\n\ndata: b\n\n", [Received(id: "7", data: "b")]),
        ("id: 7\ndata: a\n\nid: 8\u{0}9\ndata: b\n\n", [Received(id: "7", data: "a"), Received(id: "7", data: "b")]),
        ("data: lost", []), ("data: lost\n", []), ("data: a\n\nid: 9\ndata: lost\r\n", [Received(data: "a")]),
        ("Data: no\n data: no\nunknown: x\ndataset: x\ndat: x\nnothing\n\n", []),
        ("{\"a\":1}\ndata: a\n\n", [Received(data: "a")]),
        ("data: a:b: c\n\n", [Received(data: "a:b: c")]),
        ("data: \u{0}é\u{2028}👩‍⚕️\n\n", [Received(data: "\u{0}é\u{2028}👩‍⚕️")]),
        ("\n\n\r\r\r\n\n", []), ("", []), ("data: a\n\n\n\ndata: b\n\n", [Received(data: "a"), Received(data: "b")]),
    ]

    @Test("A body is read by the standard, wherever its bytes are cut", arguments: standard)
    func standardCases(body: String, expected: [Received]) throws {
        let bytes = Array(body.utf8)
        for cut in 0...bytes.count {
            var decoder = ServerSentEventDecoder()
            #expect(try decoder.read([bytes[..<cut], bytes[cut...]]) == expected, "cut at \(cut)")
        }
        var decoder = ServerSentEventDecoder()
        #expect(try decoder.read(bytes.map { [$0] }) == expected, "one byte at a time")
    }

    @Test("Invalid UTF-8 becomes replacement characters, also across pieces")
    func repaired() throws {
        let bytes =
            Array("data: a".utf8) + [0xC3, 0x28, 0xFF, 0x0A] + Array("data: é".utf8) + [0xE2, 0x82, 0x0A, 0x0A]
        for cut in 0...bytes.count {
            var decoder = ServerSentEventDecoder()
            #expect(
                try decoder.read([bytes[..<cut], bytes[cut...]]) == [Received(data: "a\u{FFFD}(\u{FFFD}\né\u{FFFD}")])
        }
    }

    @Test(
        "A wait before reconnecting counts when it is digits alone",
        arguments: [
            ("retry: 1500\n", .milliseconds(1500)), ("retry:0\n", .zero), ("retry: 10\nretry: 5x\n", .milliseconds(10)),
            ("retry: -1\n", nil), ("retry\n", nil), ("retry: 1.5\n", nil), ("retry: 99999999999999999999\n", nil),
            ("retry:  5\n", nil),
        ] as [(String, Duration?)])
    func retry(body: String, expected: Duration?) throws {
        var decoder = ServerSentEventDecoder()
        _ = try decoder.read([body.utf8])
        #expect(decoder.retry == expected)
    }

    @Test("Comments and every other line are signs of life")
    func life() throws {
        var decoder = ServerSentEventDecoder()
        try decoder.decode(Array(": ping\n".utf8).span) { _, _, _ in Issue.record("a comment is no event") }
        #expect(decoder.comments == 1 && decoder.lines == 1)
        try decoder.decode(Array("data: a\n\n:".utf8).span) { _, _, _ in }
        #expect(decoder.comments == 1 && decoder.lines == 3)
    }

    @Test("The id to resume from is that of an event that was ended, not one that was cut off")
    func committedID() throws {
        var decoder = ServerSentEventDecoder()
        _ = try decoder.read(["id: s-1\ndata: a\n\nid: s-2\ndata: lost".utf8])
        #expect(decoder.lastEventID == "s-1")
    }

    @Test(
        "An event beyond the limit is refused, one at the limit is not",
        arguments: [.standard, .provider] as [ServerSentEventDecoder.Mode])
    func limit(mode: ServerSentEventDecoder.Mode) throws {
        let fits = "data: " + String(repeating: "x", count: 94) + "\n\n"
        var decoder = ServerSentEventDecoder(mode: mode, maximumEventBytes: 100)
        #expect(try decoder.read([fits.utf8, fits.utf8]).count == 2)
        let tooMuch = [
            "data: " + String(repeating: "x", count: 101) + "\n\n", String(repeating: "data: 123456789\n", count: 11),
            String(repeating: ":", count: 101),
        ]
        for body in tooMuch {
            for size in [1, 7, 1000] {
                var decoder = ServerSentEventDecoder(mode: mode, maximumEventBytes: 100)
                #expect(throws: ServerSentEventError.eventTooLarge(limit: 100), "\(body) by \(size)") {
                    try decoder.read(Array(body.utf8).cut(size))
                }
            }
        }
    }

    @Test("What the callback throws comes out, and the decoder's own errors in the same type")
    func failures() throws {
        var decoder = ServerSentEventDecoder(mode: .provider)
        let thrown = #expect(throws: PlatformError.self) {
            try decoder.decode(Array("data: a\n\n".utf8).span) { (_, _, _) throws(PlatformError) in
                throw PlatformError(.contentBlocked, "no")
            }
        }
        #expect(thrown?.code == .contentBlocked)
        let own = #expect(throws: PlatformError.self) {
            try decoder.decode(([0x64, 0xFF, 0x0A] as [UInt8]).span) { (_, _, _) throws(PlatformError) in }
        }
        #expect(own?.code == .providerProtocol && own?.cause as? ServerSentEventError == .invalidUTF8)
    }

    @Test("An event is written field by field")
    func written() {
        var bytes: [UInt8] = []
        ServerSentEvent.append(id: "s-1", type: "x", data: "a\nb\r\nc\rd", retry: .seconds(2), to: &bytes)
        ServerSentEvent.append(data: "", to: &bytes)
        ServerSentEvent.appendComment("two\nlines", to: &bytes)
        ServerSentEvent.appendComment(to: &bytes)
        ServerSentEvent.appendRetry(.milliseconds(1250), to: &bytes)
        ServerSentEvent.appendRetry(.seconds(-1), to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "retry: 2000\nid: s-1\nevent: x\ndata: a\ndata: b\ndata: c\ndata: d\n\ndata: \n\n: two\n: lines\n\n:\n\nretry: 1250\n\n"
        )
    }

    @Test("A line end in an id or type cannot begin a field of its own")
    func injection() throws {
        var bytes: [UInt8] = []
        ServerSentEvent.append(id: "a\ndata: b\u{0}", type: "x\r\nid: z", data: "c", to: &bytes)
        var decoder = ServerSentEventDecoder()
        #expect(try decoder.read([bytes]) == [Received(type: "xid: z", id: "adata: b", data: "c")])
    }

    @Test("A stream's event stands on the wire with its id and one line of JSON")
    func streamEvent() throws {
        let stream = try #require(StreamID("7f3k9q2m4x"))
        var bytes = Array(":\n\n".utf8)
        let event = StreamEvent.chunk("a\n", panel: .chat, stage: .chat, index: 0)
        event.appendServerSentEvent(id: EventID(stream: stream, offset: 17), to: &bytes)
        var decoder = ServerSentEventDecoder()
        let data = String(decoding: event.jsonBytes, as: UTF8.self)
        #expect(try decoder.read([bytes]) == [Received(id: "7f3k9q2m4x-17", data: data)])
        #expect(String(decoding: bytes, as: UTF8.self) == ":\n\nid: 7f3k9q2m4x-17\ndata: \(data)\n\n")
    }

    @Test("What is written is read again, at every cut of the bytes", arguments: 0..<120 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed)
        var bytes: [UInt8] = []
        var expected: [Received] = []
        var id = ""
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            if Bool.random(using: &random) { ServerSentEvent.appendComment(random.text(upTo: 2), to: &bytes) }
            let newID = Bool.random(using: &random) ? String(random.next() % 1000) : nil
            let type = Bool.random(using: &random) ? "kind\(random.next() % 10)" : nil
            let data = random.text(upTo: 6)
            ServerSentEvent.append(id: newID, type: type, data: data, to: &bytes)
            id = newID ?? id
            expected.append(Received(type: type ?? "message", id: id, data: data.withLineFeeds))
        }
        for cut in 0...bytes.count {
            var decoder = ServerSentEventDecoder()
            #expect(try decoder.read([bytes[..<cut], bytes[cut...]]) == expected, "seed \(seed), cut at \(cut)")
        }
        var decoder = ServerSentEventDecoder()
        #expect(try decoder.read(random.pieces(of: bytes)) == expected, "seed \(seed)")
    }
}

extension String {
    /// CR and CRLF told as LF, by scalars: `\r\n` is one `Character`.
    fileprivate var withLineFeeds: String {
        var result = String.UnicodeScalarView()
        var last: Unicode.Scalar?
        for scalar in unicodeScalars {
            if scalar == "\r" {
                result.append("\n")
            } else if scalar != "\n" || last != "\r" {
                result.append(scalar)
            }
            last = scalar
        }
        return String(result)
    }
}

extension [UInt8] {
    func cut(_ size: Int) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
