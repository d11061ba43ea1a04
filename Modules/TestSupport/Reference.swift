public import Foundation

/// The folder of recorded bytes and test vectors that may lie beside a checkout, in `../shared/reference`.
///
/// It is no part of the repository: suites that read it say so when it is missing, and have cases of their own besides.
public enum Reference {
    /// - Parameter path: such as `vectors/json`.
    /// - Returns: `nil` where there is no such file or folder; one line on standard output says so.
    public static func url(_ path: String) -> URL? {
        let shared =
            ProcessInfo.processInfo.environment["MEDSTREAM_SHARED"].map { URL(filePath: $0) }
            ?? packageRoot.deletingLastPathComponent().appending(path: "shared")
        let url = shared.appending(path: "reference").appending(path: path)
        guard FileManager.default.fileExists(atPath: url.path) else {
            print("../shared/reference/\(path) is absent: its cases are left out.")
            return nil
        }
        return url
    }

    /// The files directly inside a folder, by name; empty where it is missing.
    public static func files(in folder: String) -> [URL] {
        guard let url = url(folder) else { return [] }
        let files = try? FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil)
        return (files ?? []).sorted { $0.lastPathComponent < $1.lastPathComponent }
    }

    /// The folder that holds `Package.swift`.
    public static let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// A file or folder in `Tests/Fixtures`.
    public static func fixture(_ path: String) -> URL {
        packageRoot.appending(path: "Tests/Fixtures").appending(path: path)
    }
}
