import ProviderAnthropic
import ProviderDeepSeek
import ProviderDemo
import ProviderOpenAI
import ProviderOpenAICompatible
public import Providers

/// Every provider this product knows: the one list to extend.
public let plugins: [any Provider.Type] = [
    DemoProvider.self,
    OpenAIProvider.self,
    OpenAICompatibleProvider.self,
    AnthropicProvider.self,
    DeepSeekProvider.self,
]
