// ProviderDemo
