import Core
import Testing

@Suite("Server-sent events against the standard read naively")
struct ServerSentEventOracleTests {
    @Test("Random bodies give what the standard's own steps give", arguments: 0..<400 as Range<UInt64>)
    func agrees(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let parts = [
            "data", "data:", "data: ", "event: e", "event:", "id: 5", "id", "id: \u{0}", "retry: 3", "\n", "\n", "\n\n",
            "\r",
            "\r\n", ":", ": c", " ", "x", "é", "\u{FEFF}", "{", "\"",
        ]
        let body = (0..<50).map { _ in parts.randomElement(using: &random) ?? "" }.joined()
        var decoder = ServerSentEventDecoder()
        #expect(try decoder.read(random.pieces(of: Array(body.utf8))) == Self.events(of: body), "seed \(seed)")
    }

    /// The steps of WHATWG HTML 9.2.6 on a whole body, with no thought of speed.
    static func events(of body: String) -> [Received] {
        var scalars = Array(body.unicodeScalars)
        if scalars.first == "\u{FEFF}" { scalars.removeFirst() }
        var lines: [[Unicode.Scalar]] = []
        var line: [Unicode.Scalar] = []
        for (index, scalar) in scalars.enumerated() {
            if scalar == "\n", index > 0, scalars[index - 1] == "\r" { continue }
            if scalar == "\n" || scalar == "\r" {
                lines.append(line)
                line = []
            } else {
                line.append(scalar)
            }
        }
        var events: [Received] = []
        var (data, type, id) = ("", "", "")
        for line in lines {
            if line.isEmpty {
                if !data.isEmpty {
                    let text = String(String.UnicodeScalarView(data.unicodeScalars.dropLast()))
                    events.append(Received(type: type.isEmpty ? "message" : type, id: id, data: text))
                }
                (data, type) = ("", "")
                continue
            }
            let colon = line.firstIndex(of: ":") ?? line.count
            var value = line.dropFirst(colon + 1)
            if value.first == " " { value.removeFirst() }
            let text = String(String.UnicodeScalarView(value))
            switch String(String.UnicodeScalarView(line[..<colon])) {
            case "data": data += text + "\n"
            case "event": type = text
            case "id" where !value.contains("\0"): id = text
            default: break
            }
        }
        return events
    }
}
