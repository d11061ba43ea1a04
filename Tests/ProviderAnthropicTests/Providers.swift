import Configuration
import ProviderAnthropic
import Providers

/// A provider of kind `anthropic`, with more settings if any are given.
func anthropic(_ settings: String = "", model: String = "claude-sonnet-4-5") throws -> some Dialect {
    let text = "main:\n  api_key: test-key\n  model: \(model)\n"
    let lines = settings.split(separator: "\n").map { "  \($0)\n" }.joined()
    let configuration = try Configuration.parse((text + lines).utf8)
    let provider = AnthropicProvider(configuration.root.section("main"))
    try configuration.finish()
    return provider
}
