import Configuration
import ProviderAzureOpenAI
import Providers

/// A provider of kind `azure_openai`, with a key unless `credentials` says otherwise.
func azure(_ settings: String = "", credentials: String = "api_key: test-key") throws -> AzureOpenAIProvider {
    let common = "endpoint: https://ward.openai.azure.com/\ndeployment: kestrel 2\n"
    let lines = (common + credentials + "\n" + settings).split(separator: "\n").map { "  \($0)\n" }.joined()
    let configuration = try Configuration.parse("main:\n\(lines)".utf8)
    let provider = AzureOpenAIProvider(configuration.root.section("main"))
    try configuration.finish()
    return provider
}
