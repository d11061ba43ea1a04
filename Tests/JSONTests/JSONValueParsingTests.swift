import Core
import Foundation
import JSON
import TestSupport
import Testing

@Suite("Reading JSON into a value")
struct JSONValueParsingTests {
    @Test(
        "A text becomes the value it spells",
        arguments: [
            ("null", .null), ("true", true), ("false", false), (" 0 ", 0), ("-12", -12), ("1.5", 1.5), ("1e3", 1000.0),
            (#""""#, ""), (#""5 mg \"as needed\" \/ \u00e9 \ud83d\ude00""#, "5 mg \"as needed\" / é 😀"),
            ("[]", []), ("[1,[2,{}],null]", [1, [2, [:]], nil]), ("{}", [:]),
            (#"{"dose":{"mg":[5,10]},"name":"x"}"#, ["dose": ["mg": [5, 10]], "name": "x"]),
            ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)),
        ] as [(String, JSONValue)])
    func value(text: String, expected: JSONValue) throws {
        #expect(try JSONValue(parsing: text) == expected)
    }

    @Test(
        "An integer beyond 64 bits becomes a double",
        arguments: [
            ("9223372036854775808", 0x1p63), ("18446744073709551615", 0x1p64),
            ("18446744073709551616", 0x1p64), ("-9223372036854775809", -0x1p63),
            ("123456789012345678901234567890", 1.2345678901234568e29),
        ] as [(String, Double)])
    func bigInteger(text: String, expected: Double) throws {
        #expect(try JSONValue(parsing: text) == .double(expected))
        let wrapped = #"{"1\"8446744073709551616":["18446744073709551616",\#(text),1]}"#
        let value = try JSONValue(parsing: wrapped)
        #expect(value["1\"8446744073709551616"] == .array(["18446744073709551616", .double(expected), 1]))
    }

    @Test("Of two members with one name the last counts")
    func duplicates() throws {
        #expect(try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#) == ["a": 3, "b": 2])
    }

    @Test(
        "What is wrong is told with its kind and place",
        arguments: [
            ("", .empty, 0), ("  \n", .empty, 3), ("{", .syntax, 1), (#"{"a":1,}"#, .syntax, 7), ("[1 2]", .syntax, 3),
            ("[1]]", .syntax, 3), (#"{"a" 1}"#, .syntax, 5), ("{a:1}", .syntax, 1), ("[nul]", .syntax, 4),
            (#"["ab"#, .badString, 4), (#"["\x"]"#, .badString, 2), ("[\"a\tb\"]", .badString, 3),
            (#"["\ud83d"]"#, .badString, 2), (#"["\udc00"]"#, .badString, 2), (#"["\ud83d\u0041"]"#, .badString, 2),
            ("[01]", .badNumber, 2), ("[1.]", .badNumber, 3), ("[-]", .badNumber, 2), ("[1e999]", .badNumber, 1),
        ] as [(String, JSONError.Kind, Int)])
    func fault(text: String, kind: JSONError.Kind, offset: Int) {
        #expect(throws: JSONError(kind, at: offset)) { try JSONValue(parsing: text) }
    }

    @Test("Bytes that are not UTF-8 are refused at their place")
    func invalidUTF8() {
        #expect(throws: JSONError(.invalidUTF8, at: 2)) { try JSONValue(parsing: [0x5B, 0x22, 0xFF, 0x22, 0x5D]) }
    }

    @Test("Nesting is followed to its bound and no deeper")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth)
        }
        var value = try JSONValue(parsing: nested(JSONDocument.maximumDepth))
        for _ in 0..<JSONDocument.maximumDepth { value = try #require(value.array?.first) }
        #expect(value == 1)
        #expect(throws: JSONError(.tooDeep)) { _ = try JSONDocument(parsing: Array(nested(513).utf8).span) }
        #expect(throws: JSONError(.tooDeep)) { _ = try JSONDocument(parsing: Array(nested(100_000).utf8).span) }
    }

    @Test("An error's description holds none of the text")
    func description() {
        #expect(throws: JSONError.self) { try JSONValue(parsing: #"{"patient":Anna}"#) }
        #expect(JSONError(.syntax, at: 11).description == "this is not JSON (byte 11)")
    }

    @Test("A random value is read back as it was written", arguments: 1...150)
    func roundTrip(seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed))
        let value = RandomJSON.value(depth: 5, using: &random)
        #expect(try JSONValue(parsing: RandomJSON.text(value)) == value, "seed \(seed)")
    }

    @Test("A random cut of a text is refused inside the text", arguments: 1...150)
    func cut(seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed))
        let text = Array(RandomJSON.text(["x": RandomJSON.value(depth: 4, using: &random)]).utf8)
        let end = Int.random(in: 0..<text.count, using: &random)
        let error = #expect(throws: JSONError.self, "seed \(seed)") { try JSONValue(parsing: Array(text[..<end])) }
        let offset = try #require(error?.offset, "seed \(seed)")
        #expect((0...end).contains(offset), "seed \(seed)")
    }
}

/// The files of the JSON parsing test suite (RFC 8259): `y_` must be read, `n_` must be refused, `i_` may be either.
@Suite("The JSON test suite")
struct JSONTestSuiteTests {
    static let files = Reference.files(in: "vectors/json").filter { $0.pathExtension == "json" }

    @Test("A file is read or refused as its name says", arguments: files)
    func file(_ file: URL) throws {
        let bytes = Array(try Data(contentsOf: file))
        var refusal: JSONError?
        do throws(JSONError) { _ = try JSONValue(parsing: bytes) } catch { refusal = error }
        switch file.lastPathComponent.prefix(2) {
        case "y_": #expect(refusal == nil)
        case "n_":
            let error = try #require(refusal)
            if error.kind != .tooDeep {
                let offset = try #require(error.offset)
                #expect((0...bytes.count).contains(offset))
            }
        default: break
        }
    }
}
