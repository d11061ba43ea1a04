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
