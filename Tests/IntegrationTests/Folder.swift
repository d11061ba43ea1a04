import Foundation
import TestSupport

/// A folder of its own for one test, gone when the test ends.
final class Folder: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "medstream-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(filePath: file))
        return file
    }

    /// Makes something of the package appear here.
    func link(_ name: String, to path: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: "\(self.path)/\(name)", withDestinationPath: Reference.packageRoot.appending(path: path).path)
    }
}

/// The shipped settings, to be included.
let shippedSettings = Reference.packageRoot.appending(path: "config/medstream.yaml").path
