import Foundation

/// What `swift package dump-package` says about the package, as far as the rules need it.
struct Manifest: Decodable {
    var targets: [Target]

    struct Target: Decodable {
        var name: String
        var path: String
        var type: String
        /// Names of the targets it depends on.
        var dependencies: [String]
        var settings: [Setting]

        enum CodingKeys: CodingKey { case name, path, type, dependencies, settings }

        init(_ name: String, path: String, type: String = "regular", uses: [String], settings: [Setting] = []) {
            (self.name, self.path, self.type, self.dependencies, self.settings) = (name, path, type, uses, settings)
        }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.decode(String.self, forKey: .name)
            path = try container.decodeIfPresent(String.self, forKey: .path) ?? ""
            type = try container.decode(String.self, forKey: .type)
            dependencies = try container.decodeIfPresent([Dependency].self, forKey: .dependencies)?.map(\.name) ?? []
            settings = try container.decodeIfPresent([Setting].self, forKey: .settings) ?? []
        }
    }

    /// A build setting as `tool.kind` with its value, such as `swift.swiftLanguageMode` and `6`.
    struct Setting: Decodable, Hashable {
        var name: String
        var value: String?

        enum CodingKeys: CodingKey { case tool, kind }

        init(_ name: String, _ value: String? = nil) { (self.name, self.value) = (name, value) }

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            let kind = try container.nestedContainer(keyedBy: AnyKey.self, forKey: .kind)
            let key = kind.allKeys.first ?? AnyKey(stringValue: "")
            name = try container.decode(String.self, forKey: .tool) + "." + key.stringValue
            // A value that is no text, such as a list of flags, is not asked for by any rule.
            value = try? kind.decode([String: String].self, forKey: key)["_0"]
        }
    }

    /// `{"byName": [name, condition]}`, or the same under `target` or `product`.
    private struct Dependency: Decodable {
        var name: String

        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: AnyKey.self)
            guard let key = container.allKeys.first else { throw CocoaError(.coderValueNotFound) }
            var values = try container.nestedUnkeyedContainer(forKey: key)
            name = try values.decode(String.self)
        }
    }

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

extension Manifest {
    /// The folder of `Package.swift`.
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// Asks the package manager.
    ///
    /// It works in a folder of its own, because the one of the build is locked while tests run.
    static func load() throws -> Manifest {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "manifest-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [
            "swift", "package", "--package-path", root.path, "--scratch-path", scratch.path, "dump-package",
        ]
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let json = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return try JSONDecoder().decode(Manifest.self, from: json)
    }
}
