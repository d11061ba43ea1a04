import Core
import Foundation
import JSON
import ProviderBedrock
import TestSupport
import Testing

@Suite("Messages of an event stream", .timeLimit(.minutes(1)))
struct EventStreamTests {
    struct Message: Equatable {
        var head: EventStreamHead
        var payload: [UInt8]
    }

    /// The messages in some pieces, and the error that ended them.
    static func decode(_ pieces: [ArraySlice<UInt8>]) -> (messages: [Message], code: PlatformError.Code?) {
        var decoder = EventStreamDecoder()
        var messages: [Message] = []
        do throws(PlatformError) {
            for piece in pieces {
                try decoder.decode(piece.span) { (head, payload) throws(PlatformError) in
                    messages.append(Message(head: head, payload: payload.indices.map { payload[$0] }))
                }
            }
            return (messages, nil)
        } catch {
            return (messages, error.code)
        }
    }

    static let vectors: [JSONValue] = {
        guard let url = Reference.url("wire/eventstream-vectors/manifest.json") else { return [] }
        do {
            return try JSONValue(parsing: Array(Data(contentsOf: url))).array ?? []
        } catch {
            Issue.record(error)
            return []
        }
    }()

    @Test("A vector of Amazon's is read or refused, cut anywhere", arguments: vectors)
    func vector(_ vector: JSONValue) throws {
        let file = try #require(vector["file"]?.string)
        let url = try #require(Reference.url("wire/eventstream-vectors/\(file)"))
        let bytes = Array(try Data(contentsOf: url))
        let isGood = vector["expect"]?.string == "decode"
        #expect(isGood == file.hasPrefix("positive"))
        for cut in bytes.indices {
            let (messages, code) = Self.decode([bytes[..<cut], bytes[cut...]])
            // Of the bad ones all have a wrong checksum; one whose length grew never ends, but its prelude is wrong.
            #expect(code == (isGood ? nil : .providerProtocol), "\(file) cut at byte \(cut)")
            #expect(messages.count == (isGood ? 1 : 0), "\(file) cut at byte \(cut)")
        }
        guard isGood else { return }
        let payload = vector["decoded"]?["payload"]?.string.flatMap { Data(base64Encoded: $0) }
        if let payload { #expect(Self.decode([bytes[...]]).messages.first?.payload == Array(payload)) }
    }

    @Test("Every header of a vector is read with its type and value", arguments: vectors)
    func headers(_ vector: JSONValue) throws {
        let decoded = try #require(vector["expect"]?.string == "decode" ? vector["decoded"] : .object([:]))
        guard let expected = decoded["headers"]?.array, let count = decoded["headers_length"]?.int else { return }
        let file = try #require(vector["file"]?.string)
        let url = try #require(Reference.url("wire/eventstream-vectors/\(file)"))
        let bytes = Array(try Data(contentsOf: url))[12..<12 + count]
        var fields: [(name: String, type: Int, bytes: [UInt8])] = []
        try EventStreamHead.fields(of: bytes.span) { (name, type, value) throws(PlatformError) in
            let text = String(decoding: name.indices.map { name[$0] }, as: UTF8.self)
            fields.append((text, Int(type), value.indices.map { value[$0] }))
        }
        #expect(fields.map(\.name) == expected.map { $0["name"]?.string })
        #expect(fields.map(\.type) == expected.map { $0["type"]?.int })
        for (field, header) in zip(fields, expected) where (2...5).contains(field.type) || field.type == 8 {
            let bits = field.bytes.reduce(Int64(field.bytes[0] < 0x80 ? 0 : -1)) { $0 << 8 | Int64($1) }
            #expect(Int(bits) == header["value"]?.int, "\(field.name)")
        }
    }

    @Test("Messages come out as they went in, however they are cut", arguments: 1...UInt64(100))
    func roundTrip(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var expected: [[UInt8]] = []
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            let payload = (0..<Int.random(in: 0...2000, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            expected.append(payload)
            bytes += EventStreamWriter.message([(name: ":event-type", value: "e\(payload.count)")], payload)
        }
        let (messages, code) = Self.decode(bytes.pieces(of: Int.random(in: 1...900, using: &random)))
        #expect(code == nil)
        #expect(messages.map(\.payload) == expected)
        #expect(messages.map(\.head.name) == expected.map { "e\($0.count)" })
    }

    @Test("A message of more than 16 MiB is refused at its prelude, long before its bytes come")
    func tooLarge() {
        let large = EventStreamWriter.message([], .init(repeating: 0x20, count: EventStreamDecoder.maximumMessageBytes))
        #expect(Self.decode([large[..<12]]).code == .providerProtocol)
        let head = EventStreamWriter.message(
            (0..<3).map { (name: "h\($0)", value: String(repeating: "x", count: 60_000)) }, [])
        #expect(Self.decode([head[..<12]]).code == .providerProtocol)
    }

    @Test("A message of a few megabytes is read")
    func large() {
        let payload = [UInt8](repeating: 0x61, count: 3 << 20)
        let bytes = EventStreamWriter.message([(name: ":event-type", value: "big")], payload)
        let (messages, code) = Self.decode(bytes.pieces(of: 16_384))
        #expect(code == nil)
        #expect(messages.map(\.payload.count) == [payload.count])
    }
}
