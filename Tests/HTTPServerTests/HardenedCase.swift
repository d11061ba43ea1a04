import Testing

/// Bytes that two readers could take for different requests, or that no honest client sends.
struct HardenedCase: Sendable, CustomTestStringConvertible {
    enum Fate: Sendable {
        /// The connection is closed after the answer, and what follows on it is not read.
        case closes
        /// The request is in order: the connection goes on with what follows.
        case goesOn
    }

    var name: String
    var bytes: [UInt8]
    var status: Int
    var fate: Fate

    var testDescription: String { name }

    init(_ name: String, _ bytes: [UInt8], _ status: Int, _ fate: Fate = .closes) {
        (self.name, self.bytes, self.status, self.fate) = (name, bytes, status, fate)
    }

    init(_ name: String, _ text: String, _ status: Int, _ fate: Fate = .closes) {
        self.init(name, Array(text.utf8), status, fate)
    }

    /// A POST with these fields and what follows them.
    static func post(_ name: String, _ rest: String, _ status: Int, _ fate: Fate = .closes) -> HardenedCase {
        HardenedCase(name, "POST / HTTP/1.1\r\nHost: test\r\n" + rest, status, fate)
    }

    /// A chunked POST with this body.
    static func chunks(_ name: String, _ body: String, _ status: Int, _ fate: Fate = .closes) -> HardenedCase {
        post("chunks: " + name, "Transfer-Encoding: chunked\r\n\r\n" + body, status, fate)
    }

    /// A POST whose body of five bytes is framed by these fields alone.
    static func length(_ value: String, _ status: Int, _ fate: Fate = .closes) -> HardenedCase {
        post("Content-Length: '\(value)'", "Content-Length:\(value)\r\n\r\nhello", status, fate)
    }

    static func coding(_ value: String, _ status: Int, _ fate: Fate = .closes) -> HardenedCase {
        post("Transfer-Encoding: '\(value)'", "Transfer-Encoding:\(value)\r\n\r\n5\r\nhello\r\n0\r\n\r\n", status, fate)
    }

    /// A GET of this target.
    static func target(_ target: String, _ status: Int, _ fate: Fate = .closes) -> HardenedCase {
        HardenedCase("target '\(target)'", "GET \(target) HTTP/1.1\r\nHost: test\r\n\r\n", status, fate)
    }

    /// A request with this line.
    static func line(_ line: String, _ status: Int, _ fate: Fate = .closes) -> HardenedCase {
        HardenedCase("line '\(line.prefix(40))'", line + "\r\nHost: test\r\n\r\n", status, fate)
    }

    /// A GET with this field line besides `Host`.
    static func field(_ name: String, _ line: String, _ status: Int, _ fate: Fate = .closes) -> HardenedCase {
        HardenedCase("field: " + name, "GET / HTTP/1.1\r\nHost: test\r\n\(line)\r\n\r\n", status, fate)
    }

    static func host(_ lines: String, _ status: Int, _ fate: Fate = .closes) -> HardenedCase {
        HardenedCase("host: '\(lines)'", "GET / HTTP/1.1\r\n\(lines)\r\n", status, fate)
    }
}

extension HardenedCase {
    static let lengths: [HardenedCase] = [
        .length(" 5", 200, .goesOn), .length("5", 200, .goesOn), .length("\t5 \t", 400),
        .length("  005 ", 200, .goesOn),
        .length("", 400), .length(" ", 400), .length(" -5", 400), .length(" +5", 400), .length(" 0x5", 400),
        .length(" 5.0", 400), .length(" 5e0", 400), .length(" 5, 5", 400), .length(" 5 5", 400), .length(" 5;", 400),
        .length(" \"5\"", 400), .length(" ٥", 400), .length(" 1048577", 413), .length(" 9223372036854775807", 413),
        .length(" 9223372036854775808", 400), .length(" 18446744073709551615", 400),
        .length(" 18446744073709551616", 400), .length(" 99999999999999999999999", 400),
        .post("the same length twice", "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
        .post("two lengths", "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello", 400),
        .post("two lengths, other case", "Content-Length: 0\r\ncontent-length: 5\r\n\r\nhello", 400),
        .post("length, then chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        .post("chunks, then length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
        .post("chunks, then length 0", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n", 400),
        .post("a blank before the colon of the length", "Content-Length : 5\r\n\r\nhello", 400),
        .post("a length behind a bare line feed", "X: y\nContent-Length: 5\r\n\r\nhello", 400),
        .post("a length behind a bare carriage return", "X: y\rContent-Length: 5\r\n\r\nhello", 400),
    ]

    static let codings: [HardenedCase] = [
        .coding(" chunked", 200, .goesOn), .coding("chunked", 200, .goesOn), .coding(" Chunked", 200, .goesOn),
        .coding("   chunked", 200, .goesOn), .coding(" chunked ", 200, .goesOn), .coding("\tchunked", 200, .goesOn),
        .coding(" chunked\t", 400), .coding(" xchunked", 400), .coding(" chunkedx", 400), .coding(" identity", 400),
        .coding(" chunked, identity", 400), .coding(" identity, chunked", 501), .coding(" gzip, chunked", 501),
        .coding(" chunked, chunked", 400), .coding(" chunked;q=1", 400), .coding(" \"chunked\"", 400),
        .coding(" ,chunked", 501), .coding(" chunked,", 400), .coding("", 501), .coding(" \u{B}chunked", 400),
        .coding(" chunked\u{C}", 400), .coding(" chun\r\n ked", 400), .coding(" x\r\n chunked", 400),
        .post("two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        .post(
            "two codings, the last unknown", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", 400),
        .post(
            "two codings, the first unknown", "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501
        ),
        .post("a blank before the coding's colon", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400),
        .post("a tab before the coding's colon", "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", 400),
        .post("a folded coding", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
        .post(
            "the coding's name with an underscore is another field", "Transfer_Encoding: chunked\r\n\r\n", 200, .goesOn),
        HardenedCase(
            "chunks in HTTP/1.0", "POST / HTTP/1.0\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        HardenedCase(
            "chunks in a GET",
            "GET / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            200, .goesOn),
    ]

    static let chunks: [HardenedCase] = [
        .chunks("in order", "5\r\nhello\r\n0\r\n\r\n", 200, .goesOn), .chunks("none", "0\r\n\r\n", 200, .goesOn),
        .chunks("leading zeros", "00005\r\nhello\r\n000\r\n\r\n", 200, .goesOn),
        .chunks("capitals", "A\r\n0123456789\r\n0\r\n\r\n", 200, .goesOn),
        .chunks("negative size", "-5\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("signed size", "+5\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("prefixed size", "0x5\r\nhello\r\n0\r\n\r\n", 400), .chunks("no size", "\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("no digit", "g\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("blank before the size", " 5\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("blank after the size", "5 \r\nhello\r\n0\r\n\r\n", 400),
        .chunks("tab after the size", "5\t\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("underscore in the size", "0_5\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("size beyond 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("size of all bits", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n", 413),
        .chunks("endless zeros", String(repeating: "0", count: 1_000), 400),
        .chunks("no line end after the data", "5\r\nhello0\r\n\r\n", 400),
        .chunks("more data than said", "5\r\nhello!\r\n0\r\n\r\n", 400),
        .chunks("less data than said", "6\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("bare line feed after the size", "5\nhello\r\n0\r\n\r\n", 400),
        .chunks("bare line feed after the data", "5\r\nhello\n0\r\n\r\n", 400),
        .chunks("bare carriage return after the size", "5\rhello\r\n0\r\n\r\n", 400),
        .chunks("bare carriage return after the data", "5\r\nhello\r0\r\n\r\n", 400),
        .chunks("bare line feed after the last size", "0\n\r\n", 400),
        .chunks("bare line feed at the end", "0\r\n\n", 400),
        .chunks("extension", "5;a=b\r\nhello\r\n0;last\r\n\r\n", 200, .goesOn),
        .chunks("quoted extension", "5;a=\"b c\"\r\nhello\r\n0\r\n\r\n", 200, .goesOn),
        .chunks("bare line feed in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("bare line feed in a quoted extension", "5;a=\"b\nc\"\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("NUL in an extension", "5;a\0b\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("carriage return in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n", 400),
        .chunks("huge extension", "5;a=" + String(repeating: "b", count: 1_000) + "\r\nhello\r\n0\r\n\r\n", 431),
        .chunks("trailers", "5\r\nhello\r\n0\r\nX-One: 1\r\nX-Two: 2\r\n\r\n", 200, .goesOn),
        .chunks("trailer of a framing field", "0\r\nContent-Length: 5\r\n\r\n", 200, .goesOn),
        .chunks("folded trailer", "0\r\nX: y\r\n z\r\n\r\n", 400),
        .chunks("trailer that is none", "0\r\nGET / HTTP/1.1\r\n\r\n", 400),
        .chunks("NUL in a trailer", "0\r\nX: a\0\r\n\r\n", 400),
        .chunks("bare line feed in a trailer", "0\r\nX: a\nY: b\r\n\r\n", 400),
        .chunks("huge trailers", "0\r\nX: " + String(repeating: "y", count: 20_000), 431),
        .chunks("many trailers", "0\r\n" + String(repeating: "X: y\r\n", count: 4_000), 431),
    ]

    static let heads: [HardenedCase] = [
        HardenedCase("bare line feeds", "GET / HTTP/1.1\nHost: test\n\n", 400),
        HardenedCase("one bare line feed at the end", "GET / HTTP/1.1\r\nHost: test\r\n\n", 400),
        HardenedCase("bare line feed after the request line", "GET / HTTP/1.1\nHost: test\r\n\r\n", 400),
        HardenedCase("bare line feed first", "\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        HardenedCase("bare carriage return first", "\rGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        HardenedCase("empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 200, .goesOn),
        HardenedCase("two carriage returns", "GET / HTTP/1.1\r\r\nHost: test\r\n\r\n", 400),
        HardenedCase("blank first", " GET / HTTP/1.1\r\nHost: test\r\n\r\n", 400),
        HardenedCase("folded first field", "GET / HTTP/1.1\r\n Host: test\r\n\r\n", 400),
        .field("bare carriage return", "X: a\rb", 400), .field("line feed, carriage return", "X: a\n\rY: b", 400),
        .field("folded with a blank", "X: a\r\n b", 400), .field("folded with a tab", "X: a\r\n\tb", 400),
        .field("folded without text", "X: a\r\n \r\nY: b", 400), .field("NUL in a value", "X: a\0b", 400),
        .field("NUL in a name", "X\0: a", 400), .field("bell", "X: a\u{7}b", 400), .field("delete", "X: a\u{7F}b", 400),
        .field("vertical tab", "X: a\u{B}b", 400), .field("escape", "X: \u{1B}[31m", 400),
        .field("tab in a value", "X: a\tb", 200, .goesOn), .field("beyond ASCII in a value", "X: é", 200, .goesOn),
        .field("empty value", "X:", 200, .goesOn), .field("blank before the colon", "X : a", 400),
        .field("tab before the colon", "X\t: a", 400), .field("empty name", ": a", 400), .field("no colon", "X", 400),
        .field("blank in a name", "X Y: a", 400), .field("beyond ASCII in a name", "é: a", 400),
        .field("bracket in a name", "X(): a", 400), .field("a second request line", "GET / HTTP/1.1", 400),
        .host("", 400), .host("Host: test\r\n", 200, .goesOn), .host("Host: test\r\nHost: test\r\n", 400),
        .host("Host: test\r\nhost: other\r\n", 400), .host("Host:\r\n", 400), .host("Host: a b\r\n", 400),
        .host("Host: user@test\r\n", 400), .host("Host: test/path\r\n", 400), .host("Host: a,b\r\n", 400),
        .host("Host: test?\r\n", 400), .host("Host: é\r\n", 400), .host("Host: [::1]:8080\r\n", 200, .goesOn),
        .host("Host: test:80\r\n", 200, .goesOn), .host("Host : test\r\n", 400), .host("X: y\r\n", 400),
        HardenedCase("no host in HTTP/1.0", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, .goesOn),
        HardenedCase("two hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        .field(
            "upgrade to HTTP/2", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk", 200,
            .goesOn),
        .field("upgrade to WebSocket", "Connection: Upgrade\r\nUpgrade: websocket", 200, .goesOn),
        .post(
            "upgrade with a body", "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello", 200, .goesOn
        ),
    ]

    static let targets: [HardenedCase] = [
        .target("/", 200, .goesOn), .target("/a/b/", 200, .goesOn), .target("http://test/a", 200, .goesOn),
        .target("https://test", 200, .goesOn), .target("http://test?a", 200, .goesOn), .target("http://", 400),
        .target("http:///a", 400), .target("http://user@test/a", 400), .target("http://user:word@test/a", 400),
        .target("http://te%73t/a", 400), .target("ftp://test/a", 400), .target("file:///etc/passwd", 400),
        .target("javascript:alert(1)", 400), .target("test:80", 400), .target("a", 400), .target("*", 400),
        .target("?a", 400),
        .target("//", 400), .target("//test/a", 400), .target("///", 400), .target("/a//b", 400), .target("/a//", 400),
        .target("http://test//a", 400), .target("/.", 400), .target("/..", 400), .target("/../", 400),
        .target("/a/../b", 400),
        .target("/a/./b", 400), .target("/a/..", 400), .target("/..?a", 400), .target("/%2e", 400),
        .target("/%2e%2e", 400),
        .target("/%2E%2E/a", 400), .target("/.%2e/a", 400), .target("/a/%2e%2e/b", 400), .target("/a%2fb", 400),
        .target("/a%2Fb", 400), .target("/%2f", 400), .target("/a%5cb", 400), .target("/a\\b", 400),
        .target("/..\\a", 400),
        .target("/%00", 400), .target("/a%00.html", 400), .target("/%0d%0aX:y", 400), .target("/%7f", 400),
        .target("/%1b", 400),
        .target("/%zz", 400), .target("/%", 400), .target("/%4", 400), .target("/%%41", 400), .target("/%u0041", 400),
        .target("/%ff", 400), .target("/%c0%af", 400), .target("/%c0%ae%c0%ae", 400), .target("/%ed%a0%80", 400),
        .target("/%e0%80%af", 400), .target("/%C3%A9", 200, .goesOn), .target("/é", 400), .target("/a?é", 400),
        .target("/#", 400), .target("/a#b", 400), .target("/a?b#c", 400), .target("/...", 200, .goesOn),
        .target("/a%3fb", 200, .goesOn), .target("/a?/../b", 200, .goesOn), .target("/a?%2e%2e/%00", 200, .goesOn),
        .target("/a;/../b", 400), .target("/..;/a", 200, .goesOn), .target("/a\u{1}", 400), .target("/a\tb", 400),
    ]

    static let lines: [HardenedCase] = [
        .line("GET  / HTTP/1.1", 400), .line("GET /  HTTP/1.1", 400), .line("GET / HTTP/1.1 ", 400),
        .line("GET\t/\tHTTP/1.1", 400), .line("GET / HTTP/1.1x", 400), .line("GET /", 400), .line("GET", 400),
        .line("/ HTTP/1.1", 400),
        .line("GET  HTTP/1.1", 400), .line("FOO / HTTP/1.1", 501), .line("get / HTTP/1.1", 501),
        .line("Get / HTTP/1.1", 501),
        .line("GETT / HTTP/1.1", 501), .line("G / HTTP/1.1", 501), .line("GE\0T / HTTP/1.1", 400),
        .line("G\u{45}T\u{301} / HTTP/1.1", 400), .line("\"GET\" / HTTP/1.1", 400),
        .line(String(repeating: "G", count: 5_000) + " / HTTP/1.1", 501),
        .line(String(repeating: "G", count: 50_000), 414), .line("CONNECT test:443 HTTP/1.1", 501),
        .line("CONNECT / HTTP/1.1", 501), .line("OPTIONS * HTTP/1.1", 200, .goesOn),
        .line("DELETE / HTTP/1.1", 200, .goesOn), .line("GET / HTTP/1.2", 505), .line("GET / HTTP/2.0", 505),
        .line("GET / HTTP/0.9", 505), .line("GET / HTTP/3.0", 505), .line("GET / HTTP/9.9", 505),
        .line("GET / HTTP/1.10", 400),
        .line("GET / HTTP/11", 400), .line("GET / HTTP/1,1", 400), .line("GET / HTTP/1", 400),
        .line("GET / HTTP/ 1.1", 400),
        .line("GET / HTTP/-1.1", 400), .line("GET / http/1.1", 400), .line("GET / HTTPS/1.1", 400),
        .line("GET / RTSP/1.0", 400),
        .line("DESCRIBE / RTSP/1.0", 400), .line("SOURCE / ICE/1.0", 400), .line("GET / ICE/1.0", 400),
        .line("HTTP/1.1 200 OK", 400), .line("PRI * HTTP/1.1", 505),
        HardenedCase("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        HardenedCase("HTTP/0.9", "GET /\r\n\r\n", 400), HardenedCase("a lone line end", "\r\nX\r\n\r\n", 400),
        HardenedCase("garbage", (0..<256).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }, 400),
        HardenedCase("bytes beyond ASCII", Array(repeating: 0xFF, count: 64) + Array("\r\n\r\n".utf8), 400),
        HardenedCase(
            "TLS ClientHello", [0x16, 3, 1, 0, 0xA5, 1, 0, 0, 0xA1, 3, 3] + Array(repeating: 0x5A, count: 64), 400),
        HardenedCase("SSLv2 hello", [0x80, 0x2E, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10], 400),
        HardenedCase("SMTP", "EHLO mail.test\r\nMAIL FROM:<a@b>\r\n\r\n", 400),
        HardenedCase(
            "PROXY protocol", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\nHost: test\r\n\r\n", 400),
    ]
}
