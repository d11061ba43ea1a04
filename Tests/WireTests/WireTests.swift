import Core
import Foundation
import Providers
import TestSupport
import Testing

/// What is done to every body of every dialect: it must mean what its manifest says, however it is cut.
///
/// The bodies are the recordings of `../shared/reference/wire`, where that folder is, and our own in `Tests/Fixtures`.
@Suite("Answers as providers send them", .timeLimit(.minutes(10)))
struct WireTests {
    @Test("A body means what its manifest says", arguments: Reading.all)
    func meaning(reading: Reading) throws {
        let (body, answer) = (reading.body, try reading.whole())
        #expect(answer.text == body.text)
        #expect(answer.reasoning == body.reasoning)
        #expect(Self.agree(answer.usage, body))
        if let flags = body.flags { #expect(answer.flags == flags) }
        if let model = body.model { #expect(answer.model == model) }
        if body.outcome != "error" { #expect(answer.finishes == (body.finish.map { [$0] } ?? [])) }
        switch (body.outcome, body.errorKind) {
        case ("truncated", _): #expect(answer.error?.code == .providerTruncated)
        case ("error", "protocol"): #expect(answer.error?.code == .providerProtocol)
        case ("error", _): #expect(answer.error != nil && answer.error?.code != .providerTruncated)
        default:
            #expect(answer.error == nil)
            #expect(answer.finishes.count == 1)
        }
        if let code = body.errorCode { #expect(answer.error?.code.rawValue == code) }
        #expect(!answer.deltas.contains { $0 == .content("") || $0 == .reasoning("") })
    }

    /// The counts that manifests have.
    private static func agree(_ usage: Usage?, _ body: WireBody) -> Bool {
        guard let usage, let told = body.usage else { return usage == nil && body.usage == nil }
        // Of Gemini the manifest has the vendor's count, which leaves reasoning out; ours has it in.
        let isApart = body.dialect == "gemini"
        let outputs = isApart ? [told.output, (told.output ?? 0) + (told.reasoning ?? 0)] : [told.output]
        return usage.input == told.input && outputs.contains(usage.output) && usage.total == told.total
            && usage.reasoning == told.reasoning && usage.cachedInput == told.cachedInput && !usage.isEstimated
    }

    @Test("One byte at a time it means the same", arguments: Reading.all)
    func singleBytes(reading: Reading) throws {
        let bytes = reading.body.bytes
        let answer = try reading.answer(bytes.indices.map { bytes[$0...$0] })
        let whole = try reading.whole()
        #expect(answer.deltas == whole.deltas)
        #expect(answer.error?.code == whole.error?.code)
    }

    @Test("In random pieces it means the same", arguments: Reading.all)
    func randomPieces(reading: Reading) throws {
        let (bytes, whole) = (reading.body.bytes, try reading.whole())
        for seed in 1...UInt64(20) {
            var random = SplitMix(seed: seed)
            var pieces: [ArraySlice<UInt8>] = []
            var start = 0
            while start < bytes.count {
                let end = min(bytes.count, start + Int.random(in: 1...700, using: &random))
                pieces.append(bytes[start..<end])
                start = end
            }
            let answer = try reading.answer(pieces)
            #expect(answer.deltas == whole.deltas, "seed \(seed)")
            #expect(answer.error?.code == whole.error?.code, "seed \(seed)")
        }
    }

    /// Of a long body only the events around the cut are read again each time: the reader is a value, so that reading
    /// goes on from a copy made one whole event before the cut, and stops one whole event behind it.
    @Test("Cut at any byte it means the same", arguments: Reading.all)
    func everyCut(reading: Reading) throws {
        let (bytes, bounds) = (reading.body.bytes, Self.eventBounds(reading.body.bytes))
        guard var before = try? AnswerReader(of: try reading.claim.dialect(), reading.head) else { return }
        for event in bounds.indices.dropLast() {
            let start = bounds[max(0, event - 1)]
            let end = bounds[min(bounds.count - 1, event + 2)]
            let isEnd = end == bytes.count
            if event > 1 {
                let passed = bytes[bounds[event - 2]..<start]
                guard DecodedAnswer(&before, [passed], isEnd: false).error == nil else { return }
            }
            var reader = before
            let uncut = DecodedAnswer(&reader, [bytes[start..<end]], isEnd: isEnd)
            for cut in bounds[event]...bounds[event + 1] {
                var reader = before
                let answer = DecodedAnswer(&reader, [bytes[start..<cut], bytes[cut..<end]], isEnd: isEnd)
                guard answer.deltas == uncut.deltas, answer.error?.code == uncut.error?.code else {
                    Issue.record("cut at byte \(cut) of \(bytes.count)")
                    return
                }
            }
        }
    }

    /// Bodies in which text follows the reason to finish, as it does at a few servers: what ends between is complete.
    private static let saysItIsFinishedEarly: Set = ["text-with-finish.txt", "gemini-midstream-error.txt"]

    /// Ended at any byte, an answer is either whole or said to be broken off: never both, and never silently short.
    @Test("Ended too early it is no success, or all of it is there", arguments: Reading.all)
    func everyEnd(reading: Reading) throws {
        guard !Self.saysItIsFinishedEarly.contains(reading.body.file) else { return }
        let bytes = reading.body.bytes
        let whole = try reading.whole()
        // Reading is quadratic here; of a long body some ends must do, the last ones among them.
        let step = max(1, bytes.count / 100)
        for end in Array(stride(from: 0, to: bytes.count, by: step)) + Array(bytes.indices.suffix(8)) {
            let answer = try reading.answer([bytes[..<end]])
            guard answer.error == nil else { continue }
            #expect(answer.text == whole.text && answer.reasoning == whole.reasoning, "ended at byte \(end)")
        }
    }

    /// Where events begin and end: behind two line ends in a row, and at both ends of the body.
    private static func eventBounds(_ bytes: [UInt8]) -> [Int] {
        var bounds = [0]
        for index in bytes.indices.dropFirst() where bytes[index] == 0x0A || bytes[index] == 0x0D {
            let isBlankLine = bytes[index] == bytes[index - 1] || (index > 1 && bytes[index] == bytes[index - 2])
            if isBlankLine { bounds.append(index + 1) }
        }
        return bounds.last == bytes.count ? bounds : bounds + [bytes.count]
    }
}

@Suite("What is recorded is read")
struct CoverageTests {
    @Test("Every dialect of the manifests is claimed by a plugin")
    func dialects() {
        let claimed = Claim.all.reduce(into: Set<String>()) { $0.formUnion($1.dialects) }
        for body in Reading.bodies { #expect(claimed.contains(body.dialect), "\(body.file): \(body.dialect)") }
    }

    @Test("Every plugin that speaks HTTP has a claim")
    func plugins() {
        let claimed = Set(Claim.all.map(\.kind))
        for kind in Claim.registry.kinds where kind != "demo" { #expect(claimed.contains(kind), "\(kind)") }
    }

    @Test("Every file of the recordings stands in the manifest, or has a suite of its own")
    func files() throws {
        guard let folder = Reference.url("wire") else { return }
        let elsewhere = ["manifest.json", "errors.json", "sigv4-vectors.json"]
        let told = Set(try WireBody.all(in: folder).map(\.file) + elsewhere)
        let files = FileManager.default.subpaths(atPath: folder.path) ?? []
        for file in files where file.contains(".") && !file.hasPrefix("eventstream-vectors/") {
            #expect(told.contains(file), "\(file)")
        }
    }
}
