import ProviderAnthropic
import ProviderAzureOpenAI
import ProviderBedrock
import ProviderDeepSeek
import ProviderDemo
import ProviderGemini
import ProviderOpenAI
import ProviderOpenAICompatible
public import Providers

/// Every provider this product knows: the one list to extend.
public let plugins: [any Provider.Type] = [
    BedrockProvider.self,
    DemoProvider.self,
    OpenAIProvider.self,
    OpenAICompatibleProvider.self,
    AzureOpenAIProvider.self,
    GeminiProvider.self,
    AnthropicProvider.self,
    DeepSeekProvider.self,
]
