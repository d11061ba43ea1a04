import Configuration
import ProviderOpenAI
import ProviderOpenAICompatible
import Providers

/// A provider of kind `openai_compatible`, with more settings if any are given.
func compatible(_ settings: String = "") throws -> some Dialect {
    let text = "local:\n  base_url: http://model.test/v1/\n  model: kestrel-2\n" + indented(settings)
    let configuration = try Configuration.parse(text.utf8)
    let provider = OpenAICompatibleProvider(configuration.root.section("local"))
    try configuration.finish()
    return provider
}

/// A provider of kind `openai`, with more settings if any are given.
func openAI(_ settings: String = "") throws -> some Dialect {
    let text = "main:\n  api_key: test-key\n  model: kestrel-2\n" + indented(settings)
    let configuration = try Configuration.parse(text.utf8)
    let provider = OpenAIProvider(configuration.root.section("main"))
    try configuration.finish()
    return provider
}

private func indented(_ settings: String) -> String {
    settings.split(separator: "\n").map { "  \($0)\n" }.joined()
}
