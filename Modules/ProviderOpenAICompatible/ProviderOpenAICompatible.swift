// ProviderOpenAICompatible
