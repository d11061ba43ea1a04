import Foundation
import FuzzTargets
import Testing

/// Runs every input that is kept: good ones to start from, and those that once broke something (`found-…`).
@Suite("What was fuzzed once", .timeLimit(.minutes(1)))
struct CorpusTests {
    struct Input: CustomTestStringConvertible, Sendable {
        var target: FuzzTarget
        var file: URL

        var testDescription: String { "\(target.rawValue)/\(file.lastPathComponent)" }
    }

    static let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fuzz/Corpus")

    static let inputs = FuzzTarget.allCases.flatMap { target in
        let folder = corpus.appending(path: target.rawValue)
        let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return (files ?? []).sorted { $0.path < $1.path }.map { Input(target: target, file: $0) }
    }

    @Test("Every target has inputs to start from", arguments: FuzzTarget.allCases)
    func seeds(target: FuzzTarget) {
        #expect(Self.inputs.contains { $0.target == target })
    }

    @Test("An input that is kept breaks nothing", arguments: inputs)
    func keeps(input: Input) throws {
        try input.target.run(Array(Data(contentsOf: input.file)))
    }
}
