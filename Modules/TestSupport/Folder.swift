internal import Foundation

/// A folder of its own for one test, gone when the test ends.
public final class Folder: Sendable {
    public let path: String

    /// - Parameter inMemory: whether to lie in memory where the system has room for that, since a busy disk makes tests of
    ///   what is written to it slow.
    /// - Throws: what the system says when it cannot be made.
    public init(inMemory: Bool = false) throws {
        var parent = FileManager.default.temporaryDirectory
        if inMemory, FileManager.default.isWritableFile(atPath: "/dev/shm") { parent = URL(filePath: "/dev/shm") }
        let url = parent.appending(path: "medstream-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file, making the folders that lead to it.
    ///
    /// - Returns: its path.
    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        let folder = URL(filePath: file).deletingLastPathComponent()
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: file))
        return file
    }

    /// Makes something of the package appear here.
    public func link(_ name: String, to path: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: "\(self.path)/\(name)", withDestinationPath: Reference.packageRoot.appending(path: path).path)
    }
}
