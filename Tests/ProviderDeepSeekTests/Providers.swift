import Configuration
import ProviderDeepSeek
import Providers

/// A provider of kind `deepseek`, with more settings if any are given.
func deepSeek(_ settings: String = "") throws -> some Dialect {
    let text = "main:\n  api_key: test-key\n  model: deepseek-v4-flash\n"
    let lines = settings.split(separator: "\n").map { "  \($0)\n" }.joined()
    let configuration = try Configuration.parse((text + lines).utf8)
    let provider = DeepSeekProvider(configuration.root.section("main"))
    try configuration.finish()
    return provider
}
