import Configuration
import ProviderOpenAICompatible
import Providers
import TestSupport

/// A provider of kind `openai_compatible` with a key, a profile and more settings if any are given.
func compatible(_ profile: String, _ settings: String = "") throws -> some Dialect {
    let url = profile == "generic" ? "  base_url: http://model.test/v1\n" : ""
    let text = "main:\n  profile: \(profile)\n  api_key: test-key\n  model: kestrel-2\n\(url)"
    let lines = settings.split(separator: "\n").map { "  \($0)\n" }.joined()
    let configuration = try Configuration.parse((text + lines).utf8)
    let provider = OpenAICompatibleProvider(configuration.root.section("main"))
    try configuration.finish()
    return provider
}
