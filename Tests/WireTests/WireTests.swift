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
        let answer = reading.body.read(with: try reading.claim.dialect())
        #expect(reading.body.differences(in: answer) == [])
    }

    @Test("One byte at a time it means the same", arguments: Reading.all)
    func singleBytes(reading: Reading) throws {
        let dialect = try reading.claim.dialect()
        let (answer, whole) = (reading.body.readByByte(with: dialect), reading.body.read(with: dialect))
        #expect(answer.deltas == whole.deltas)
        #expect(answer.error?.code == whole.error?.code)
    }

    @Test("In random pieces it means the same", arguments: Reading.all)
    func randomPieces(reading: Reading) throws {
        let dialect = try reading.claim.dialect()
        let whole = reading.body.read(with: dialect)
        for seed in 1...UInt64(100) {
            let answer = reading.body.readInRandomPieces(with: dialect, seed: seed)
            #expect(answer.deltas == whole.deltas, "seed \(seed)")
            #expect(answer.error?.code == whole.error?.code, "seed \(seed)")
        }
    }

    @Test("Cut at any byte it means the same", arguments: Reading.all)
    func everyCut(reading: Reading) throws {
        #expect(reading.body.misleadingCut(with: try reading.claim.dialect()) == nil)
    }

    /// Bodies in which more follows the reason to finish: what ends between is complete as far as anyone can tell.
    ///
    /// Gemini may give the reason with every piece of the text; a filter may judge it when it is all out.
    private static let saysItIsFinishedEarly: Set = [
        "gemini-midstream-error.txt, by gemini", "stop-on-every-chunk.txt, by gemini", "error-bare.txt, by gemini",
        "late-text.bin, by bedrock", "withdrawn-after-stop.txt, by azure_openai",
    ]

    @Test("Ended at any byte it is whole or said to be broken off, never silently short", arguments: Reading.all)
    func everyEnd(reading: Reading) throws {
        let (file, kind) = (reading.body.file, reading.claim.kind)
        let isExempt = file == "text-with-finish.txt" || Self.saysItIsFinishedEarly.contains("\(file), by \(kind)")
        let end = reading.body.misleadingEnd(with: try reading.claim.dialect())
        #expect((end != nil) == isExempt, "ended at byte \(end ?? 0)")
    }
}

@Suite("What is recorded is read")
struct CoverageTests {
    @Test("Every body of the manifests is read by a plugin")
    func dialects() {
        for (body, readings) in zip(Reading.bodies, Reading.ofEachBody) {
            #expect(!readings.isEmpty, "\(body.file): \(body.dialect)")
        }
    }

    @Test("Every plugin that speaks HTTP has a claim, and every claim a plugin")
    func plugins() {
        #expect(Set(Claim.all.map(\.kind)) == Set(Claim.registry.kinds.filter { $0 != "demo" }))
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
