import Core
import JSON
import Testing

@Suite("The JSON writer")
struct JSONWriterTests {
    @Test(
        "Values are written as JSON says",
        arguments: [
            (.null, "null"), (true, "true"), (false, "false"), (0, "0"), (10, "10"), (-909, "-909"),
            (.int(.min), "-9223372036854775808"),
            (.int(.max), "9223372036854775807"), (0.1, "0.1"), (.double(1), "1.0"), (.double(-0.0), "-0.0"),
            (.double(1e21), "1e+21"), (.double(.leastNonzeroMagnitude), "5e-324"),
            (.double(.greatestFiniteMagnitude), "1.7976931348623157e+308"),
            (.double(.nan), "null"), (.double(.infinity), "null"), (.double(-.infinity), "null"),
            ("", #""""#), ("a/b", #""a/b""#), ("\"\\", #""\"\\""#), ("\u{8}\t\n\u{C}\r", #""\b\t\n\f\r""#),
            ("\u{0}\u{1}\u{1F}", #""\u0000\u0001\u001f""#), ("\u{7F}é\u{2028}👩‍⚕️", "\"\u{7F}é\u{2028}👩‍⚕️\""),
            ([], "[]"), ([1, [2, "x"], .null], #"[1,[2,"x"],null]"#), ([:], "{}"),
            (["b": 1, "a": ["d": [], "c": .null]], #"{"a":{"c":null,"d":[]},"b":1}"#),
        ] as [(JSONValue, String)])
    func values(value: JSONValue, text: String) {
        #expect(value.jsonText == text)
    }

    @Test("A writer puts the commas where they belong")
    func commas() {
        var writer = JSONWriter(appendingTo: Array("> ".utf8))
        writer.beginArray()
        writer.beginObject()
        writer.name("a")
        writer.beginArray()
        writer.endArray()
        writer.name("b")
        writer.value(1)
        writer.endObject()
        writer.value(true)
        writer.null()
        writer.endArray()
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"> [{"a":[],"b":1},true,null]"#)
        writer.reset()
        writer.value("x")
        #expect(writer.bytes == Array("\"x\"".utf8))
    }

    @Test("What is written can be read, and is the same value", arguments: 0..<300 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let value = random.json(depth: 4)
        #expect(try JSONValue(parsing: value.jsonText) == value, "seed \(seed)")
    }

    @Test("Doubles come back bit for bit", arguments: 0..<500 as Range<UInt64>)
    func doubles(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let number = Double(bitPattern: random.next())
        guard number.isFinite else { return }
        let read = try JSONValue(parsing: JSONValue.array([.double(number)]).jsonText)
        #expect(read == [.double(number)], "seed \(seed)")
    }
}
