// ProviderOpenAI
