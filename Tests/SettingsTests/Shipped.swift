import Configuration
import Foundation
import Plugins
import Providers
import Settings
import TestSupport
import Testing

/// The settings that come with the product, as a text to change.
struct Shipped {
    static let file = Reference.packageRoot.appending(path: "config/medstream.yaml").path

    /// Its lines; those of comments and nothing included.
    let lines: [String]
    /// Every setting with the line it stands on, sections included.
    let keys: [Key]

    struct Key: CustomTestStringConvertible, Sendable {
        var line: Int
        /// Such as `server.port`.
        var path: String
        /// Whether it holds a value, and not further keys.
        var isLeaf: Bool
        /// What is written after the value.
        var comment: String

        var testDescription: String { path }
        var name: Substring { path.split(separator: ".").last ?? "" }
        var section: String { path.split(separator: ".").dropLast().joined(separator: ".") }
    }

    init() throws {
        lines = try String(contentsOfFile: Self.file, encoding: .utf8).components(separatedBy: "\n")
        var open: [(indent: Int, name: String)] = []
        var keys: [Key] = []
        for (number, line) in lines.enumerated() {
            guard let colon = line.firstIndex(of: ":"), let match = line.firstMatch(of: /^( *)([a-z_]+):/) else {
                continue
            }
            open.removeAll { $0.indent >= match.1.count }
            open.append((match.1.count, String(match.2)))
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            keys.append(
                Key(
                    line: number, path: open.map(\.name).joined(separator: "."),
                    isLeaf: !value.isEmpty && !value.hasPrefix("#"),
                    comment: line.firstRange(of: "# ").map { String(line[$0.upperBound...]) } ?? ""))
        }
        self.keys = keys
    }

    /// The file with one key spelt otherwise.
    func renaming(_ key: Key, to name: String) -> String {
        var lines = lines
        lines[key.line] = lines[key.line].replacing("\(key.name):", with: "\(name):", maxReplacements: 1)
        return lines.joined(separator: "\n")
    }
}

/// Reads a text as if it stood beside the shipped file.
func read(_ text: String) throws(ConfigurationReport) -> (settings: Settings, all: [Configuration.Setting]) {
    let configuration = try Configuration.parse(text.utf8, file: Shipped.file)
    let settings = Settings(configuration.root, ProviderRegistry(plugins))
    try configuration.finish()
    return (settings, configuration.effective)
}

/// What reading a text reports; empty when nothing is wrong.
func problems(_ text: String) -> [ConfigurationReport.Problem] {
    do throws(ConfigurationReport) {
        _ = try read(text)
        return []
    } catch {
        return error.problems
    }
}
