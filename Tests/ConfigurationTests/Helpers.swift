import Configuration
import Foundation

/// A folder of its own for one test, gone when the test ends.
final class Folder {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "medstream-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, making the folders that lead to it.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        let folder = URL(filePath: file).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
        return file
    }
}

/// The lines of the report that reading `text` ends in, without the count; empty when nothing is wrong.
func problems(
    _ text: String, overrides: [String] = [], environment: [String: String] = [:], read: (Section) -> Void = { _ in }
) -> [String] {
    lines { () throws(ConfigurationReport) in
        let configuration = try Configuration.parse(
            text.utf8, file: "a.yaml", overrides: overrides, environment: environment)
        read(configuration.root)
        try configuration.finish()
    }
}

func lines(_ body: () throws(ConfigurationReport) -> Void) -> [String] {
    do throws(ConfigurationReport) {
        try body()
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
