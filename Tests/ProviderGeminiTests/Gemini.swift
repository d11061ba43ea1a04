import Configuration
import ProviderGemini
import Providers

/// A provider of kind `gemini`, with more settings if any are given.
func gemini(_ settings: String = "", model: String = "kestrel-2-pro") throws -> GeminiProvider {
    let lines = settings.split(separator: "\n").map { "  \($0)\n" }.joined()
    let configuration = try Configuration.parse("main:\n  api_key: test-key\n  model: \(model)\n\(lines)".utf8)
    let provider = GeminiProvider(configuration.root.section("main"))
    try configuration.finish()
    return provider
}
