import Configuration
import Core
import Foundation
import Plugins
import Providers
import TestSupport

/// Which plugin reads which bodies.
///
/// A new plugin is tested over everything that is recorded of its dialect by a line in ``all``.
struct Claim: Sendable, CustomStringConvertible {
    let kind: String
    /// The dialects of manifests, in the words that stand there, and folders of `Tests/Fixtures`.
    let dialects: Set<String>
    /// What the plugin needs to be made, in one line of YAML.
    let settings: String

    init(_ kind: String, _ dialects: Set<String>, _ settings: String = "model: kestrel-2, api_key: k") {
        self.kind = kind
        self.dialects = dialects
        self.settings = settings
    }

    var description: String { "\(kind) { \(settings) }" }

    static let all =
        [
            Claim("anthropic", ["anthropic"]),
            Claim(
                "azure_openai", ["azure-chat", "openai-chat", "azure-openai"],
                "endpoint: 'https://model.test', deployment: kestrel-2, api_key: k"),
            Claim("bedrock", ["bedrock"], "region: eu-central-1, model: kestrel-2, bearer_token: k"),
            Claim("deepseek", ["deepseek", "deepseek-batch", "openai-chat"]),
            Claim("gemini", ["gemini"]),
            Claim("openai", ["openai-chat"]),
            Claim("openai", ["openai-responses"], "api: responses, model: kestrel-2, api_key: k"),
            Claim(
                "openai_compatible",
                ["openai-chat", "azure-chat", "deepseek", "deepseek-batch", "chat-completions"],
                "base_url: 'http://model.test/v1', model: kestrel-2"),
        ]
        + ["generic", "groq", "llama_cpp", "ollama", "openrouter", "vllm"].map {
            Claim(
                "openai_compatible", [$0],
                "base_url: 'http://model.test/v1', model: kestrel-2, api_key: k, profile: \($0)")
        }

    static let registry = ProviderRegistry(plugins)

    /// A provider of the kind, none of whose settings matter to what its answers mean.
    func dialect() throws -> any Dialect {
        let configuration = try Configuration.parse("subject: { kind: \(kind), \(settings) }".utf8)
        let provider = Self.registry.provider(configuration.root.section("subject"))
        try configuration.finish()
        guard let dialect = provider as? any Dialect else {
            throw PlatformError(.internalError, "The plugin '\(kind)' speaks no dialect.")
        }
        return dialect
    }
}

/// One body, read by one plugin.
struct Reading: Sendable, CustomStringConvertible {
    let claim: Claim
    let body: WireBody

    var description: String { "\(body.file), by \(claim)" }

    /// For each body of the recordings and of our own, its readings by all who claim its dialect.
    static let ofEachBody: [[Reading]] = bodies.map { body in
        Claim.all.filter { $0.dialects.contains(body.dialect) }.map { Reading(claim: $0, body: body) }
    }

    static let all = ofEachBody.flatMap(\.self)

    static let bodies: [WireBody] = {
        do {
            var bodies = try Reference.url("wire").map { try WireBody.all(in: $0) } ?? []
            for folder in try fixtureFolders() { bodies += try WireBody.all(in: folder) }
            return bodies
        } catch {
            fatalError("A manifest cannot be read: \(error)")
        }
    }()

    private static func fixtureFolders() throws -> [URL] {
        try FileManager.default.contentsOfDirectory(at: Reference.fixture(""), includingPropertiesForKeys: nil)
            .filter { FileManager.default.fileExists(atPath: $0.appending(path: "manifest.json").path) }
            .sorted { $0.path < $1.path }
    }
}
