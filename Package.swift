// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target is built with: data races and warnings do not compile.
let house: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// Settings of the modules that touch no C: an unsafe pointer there does not compile unmarked.
let safe = house + [.strictMemorySafety()]

/// A door to an installed C library: `Modules/C/<name>` holds its module map and one header.
func door(_ name: String, pkgConfig: String, debian package: String) -> Target {
    .systemLibrary(name: name, path: "Modules/C/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

/// A few lines of C or C++ that make a library callable from Swift.
func shim(_ name: String, uses: [Target.Dependency] = [], links: [String] = []) -> Target {
    .target(name: name, dependencies: uses, path: "Modules/C/\(name)", linkerSettings: links.map { .linkedLibrary($0) })
}

/// One Swift module: `Modules/<name>`, tested by `Tests/<name>Tests`.
func module(_ name: String, uses: [Target.Dependency] = [], wrapping c: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: uses + c, path: "Modules/\(name)", swiftSettings: c.isEmpty ? safe : house)
}

/// One executable: `Apps/<folder>`.
func app(_ name: String, in folder: String, uses: [Target.Dependency]) -> Target {
    .executableTarget(name: name, dependencies: uses, path: "Apps/\(folder)", swiftSettings: safe)
}

/// One test suite: `Tests/<name>`.
func tests(_ name: String, of uses: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: uses + ["TestSupport"], path: "Tests/\(name)", swiftSettings: house)
}

/// The suite of a provider, or of a dialect over the providers that speak it: `Tests/<name>Tests`.
func dialectTests(_ name: String, of providers: [Target.Dependency]? = nil) -> Target {
    let asked = providers ?? [.init(stringLiteral: name)]
    return tests("\(name)Tests", of: asked + ["Configuration", "Core", "HTTPClient", "JSON", "Providers"])
}

/// Every provider, one module each.
let plugins: [Target.Dependency] = [
    "ProviderAnthropic", "ProviderAzureOpenAI", "ProviderBedrock", "ProviderDeepSeek", "ProviderDemo", "ProviderGemini",
    "ProviderOpenAI", "ProviderOpenAICompatible",
]

let package = Package(
    name: "medstream",
    targets: [
        door("CUV", pkgConfig: "libuv", debian: "libuv1-dev"),
        door("CCurl", pkgConfig: "libcurl", debian: "libcurl4-openssl-dev"),
        door("CYAML", pkgConfig: "yaml-0.1", debian: "libyaml-dev"),
        door("CCrypto", pkgConfig: "libcrypto", debian: "libssl-dev"),
        door("CSQLite", pkgConfig: "sqlite3", debian: "libsqlite3-dev"),
        door("CZlib", pkgConfig: "zlib", debian: "zlib1g-dev"),
        door("CSodium", pkgConfig: "libsodium", debian: "libsodium-dev"),
        door("CPQ", pkgConfig: "libpq", debian: "libpq-dev"),
        shim("CCurlShim", uses: ["CCurl"]),
        shim("CSocketShim"),
        shim("CLlhttp"),
        shim("CSimdJSON", links: ["simdjson", "stdc++"]),

        module("Core"),
        module("Arguments", uses: ["Core"]),
        module("Daemon", uses: ["Core"]),
        module("Reactor", wrapping: ["CUV", "CSocketShim"]),
        module("JSON", uses: ["Core"], wrapping: ["CSimdJSON"]),
        module("HTTPServer", uses: ["Reactor"], wrapping: ["CLlhttp"]),
        module("HTTPClient", uses: ["Reactor"], wrapping: ["CCurlShim"]),
        module("Hashing", wrapping: ["CCrypto", "CZlib"]),
        module("Encryption", wrapping: ["CSodium"]),
        module("Backup", uses: ["Core", "Hashing", "JSON"]),
        module("SQLite", wrapping: ["CSQLite"]),
        module("Configuration", uses: ["Core"], wrapping: ["CYAML"]),
        module("PostgreSQL", wrapping: ["CPQ"]),
        module("Telemetry", uses: ["Core"]),

        module("Streaming", uses: ["Core", "Hashing", "JSON", "Reactor"]),
        module("Persistence", uses: ["Core", "Encryption", "JSON"]),
        module("Jobs", uses: ["Core", "Persistence", "Telemetry"]),
        module("Providers", uses: ["Configuration", "Core", "HTTPClient", "JSON", "Reactor"]),
        module("Chat", uses: ["Core", "Hashing", "Persistence", "Providers", "Reactor", "Streaming", "Telemetry"]),

        module("ChatCompletions", uses: ["Core", "HTTPClient", "JSON", "Providers"]),
        module("Responses", uses: ["Core", "HTTPClient", "JSON", "Providers"]),
        module(
            "ProviderOpenAI",
            uses: ["ChatCompletions", "Configuration", "Core", "HTTPClient", "Providers", "Responses"]),
        module(
            "ProviderOpenAICompatible", uses: ["ChatCompletions", "Configuration", "Core", "HTTPClient", "Providers"]),
        module("ProviderAzureOpenAI", uses: ["ChatCompletions", "Configuration", "Core", "HTTPClient", "Providers"]),
        module("ProviderGemini", uses: ["Configuration", "Core", "HTTPClient", "JSON", "Providers"]),
        module("ProviderDeepSeek", uses: ["ChatCompletions", "Configuration", "Core", "HTTPClient", "Providers"]),
        module("ProviderAnthropic", uses: ["Configuration", "Core", "HTTPClient", "JSON", "Providers"]),
        module("ProviderBedrock", uses: ["Configuration", "Core", "HTTPClient", "Hashing", "JSON", "Providers"]),
        module("ProviderDemo", uses: ["Configuration", "Core", "Providers", "Reactor"]),

        module("Journal", uses: ["Core", "Encryption", "Reactor", "SQLite", "Streaming", "Telemetry"]),
        module("StoreSQLite", uses: ["Core", "Encryption", "Hashing", "Persistence", "SQLite"]),
        module(
            "StorePostgres",
            uses: ["Core", "Encryption", "Hashing", "Persistence", "PostgreSQL"]),

        module("StreamClient", uses: ["Core", "HTTPClient", "JSON", "Reactor"]),

        module("Plugins", uses: plugins + ["Providers"]),
        module(
            "Settings",
            uses: [
                "Chat", "Configuration", "Core", "Encryption", "HTTPServer", "Jobs", "Persistence", "Providers",
                "Streaming", "Telemetry",
            ]),
        module(
            "Storage",
            uses: [
                "Core", "Encryption", "Journal", "Persistence", "PostgreSQL", "SQLite", "Settings", "StorePostgres",
                "StoreSQLite", "Streaming", "Telemetry",
            ]),
        module(
            "API",
            uses: [
                "Chat", "Core", "HTTPServer", "JSON", "Persistence", "Providers", "Reactor", "Settings", "Streaming",
                "Telemetry",
            ]),
        app(
            "medstream-server", in: "Server",
            uses: [
                "API", "Chat", "Configuration", "Daemon", "Encryption", "HTTPServer", "Journal", "Plugins",
                "Providers",
                "Reactor", "Settings", "Storage", "Streaming", "Telemetry",
            ]),

        app(
            "medstream-worker", in: "Worker",
            uses: [
                "Configuration", "Core", "Daemon", "Encryption", "HTTPServer", "Jobs", "Persistence", "Plugins",
                "Providers",
                "Reactor", "Settings", "Storage", "Telemetry",
            ]),

        app(
            "medstream", in: "CLI",
            uses: [
                "Arguments", "Backup", "Chat", "Configuration", "Core", "Encryption", "HTTPClient", "Persistence",
                "Plugins", "Providers", "Reactor", "SQLite", "Settings", "Storage", "StoreSQLite", "StreamClient",
                "Telemetry",
            ]),

        // For Scripts/bench alone.
        .executableTarget(
            name: "queue-drain",
            dependencies: [
                "Core", "Encryption", "Jobs", "Persistence", "PostgreSQL", "SQLite", "StorePostgres", "StoreSQLite",
                "Telemetry",
            ],
            path: "Bench/QueueDrain", swiftSettings: safe),
        .executableTarget(
            name: "store-turns",
            dependencies: ["Core", "Encryption", "Persistence", "PostgreSQL", "StorePostgres", "StoreSQLite"],
            path: "Bench/StoreTurns", swiftSettings: safe),

        module("TestSupport", uses: ["Core", "Hashing", "JSON", "Providers", "Reactor", "Streaming"]),

        .target(
            name: "FuzzTargets", dependencies: ["Configuration", "Core", "HTTPServer", "Reactor"],
            path: "Tests/FuzzTargets",
            swiftSettings: house),
        .target(
            name: "StoreConformance", dependencies: ["Core", "Persistence"], path: "Tests/StoreConformance",
            swiftSettings: house),

        .target(
            name: "PostgresSupport", dependencies: ["Encryption", "PostgreSQL", "StorePostgres", "TestSupport"],
            path: "Tests/PostgresSupport", swiftSettings: house),

        tests("ArchitectureTests", of: []),
        tests("CoreTests", of: ["Core", "JSON"]),
        tests("PersistenceTests", of: ["Core", "Persistence", "StoreConformance"]),
        tests(
            "StoreConformanceTests",
            of: [
                "Core", "Encryption", "Persistence", "PostgreSQL", "PostgresSupport", "SQLite", "StoreConformance",
                "StorePostgres", "StoreSQLite",
            ]),
        tests(
            "StorePostgresTests",
            of: [
                "Core", "Encryption", "Persistence", "PostgreSQL", "PostgresSupport", "StorePostgres",
            ]),
        tests("SQLiteTests", of: ["SQLite"]),
        tests(
            "StoreSQLiteTests", of: ["Core", "Encryption", "Persistence", "SQLite", "StoreConformance", "StoreSQLite"]),
        tests("JobsTests", of: ["Core", "Jobs", "Persistence", "Telemetry"]),
        tests("TelemetryTests", of: ["Core", "JSON", "Telemetry"]),
        tests("ConfigurationTests", of: ["Configuration", "Core"]),
        dialectTests("Providers", of: ["ProviderOpenAI", "ProviderOpenAICompatible"]),
        dialectTests("ChatCompletions", of: ["ProviderOpenAI", "ProviderOpenAICompatible"]),
        dialectTests("Responses", of: ["ProviderOpenAI"]),
        dialectTests("ProviderAnthropic"),
        dialectTests("ProviderAzureOpenAI"),
        dialectTests("ProviderBedrock"),
        dialectTests("ProviderDeepSeek"),
        dialectTests("ProviderGemini"),
        dialectTests("ProviderOpenAICompatible"),
        tests("WireTests", of: ["Configuration", "Core", "JSON", "Plugins", "Providers"]),
        tests("ProviderConformanceTests", of: plugins + ["Configuration", "Core", "JSON", "Providers"]),
        tests("HashingTests", of: ["Hashing"]),
        tests("EncryptionTests", of: ["Encryption"]),
        tests("BackupTests", of: ["Backup", "Core"]),
        tests("PostgreSQLTests", of: ["PostgreSQL", "PostgresSupport"]),
        tests("JSONTests", of: ["Core", "JSON"]),
        tests("ProviderDemoTests", of: ["Configuration", "Core", "ProviderDemo", "Providers", "Reactor"]),
        tests("FuzzTests", of: ["FuzzTargets"]),
        tests("HTTPClientTests", of: ["HTTPClient", "Reactor"]),
        tests("JournalTests", of: ["Core", "Encryption", "Journal", "Reactor", "SQLite", "Streaming", "Telemetry"]),
        tests("StreamingTests", of: ["Core", "Hashing", "JSON", "Reactor", "Streaming"]),
        tests(
            "ChatTests",
            of: [
                "Chat", "Configuration", "Core", "Encryption", "Hashing", "Persistence", "Providers", "Reactor",
                "StoreSQLite", "Streaming", "Telemetry",
            ]),
        tests("SettingsTests", of: ["Chat", "Configuration", "Core", "Plugins", "Providers", "Settings"]),
        tests(
            "IntegrationTests",
            of: [
                "API", "Configuration", "Core", "HTTPServer", "JSON", "Persistence", "Plugins", "Providers", "Reactor",
                "Settings", "Streaming", "Telemetry", "medstream-server",
            ]),
        tests("ArgumentsTests", of: ["Arguments"]),
        tests("StreamClientTests", of: ["Core", "HTTPClient", "StreamClient"]),
        tests(
            "CLITests",
            of: [
                "Core", "Encryption", "HTTPServer", "JSON", "Persistence", "Reactor", "SQLite", "StoreConformance",
                "StoreSQLite", "medstream",
            ]),
        tests("HTTPServerTests", of: ["HTTPServer", "Reactor"]),
        tests("ReactorTests", of: ["Reactor"]),
    ],
    cxxLanguageStandard: .cxx17
)

// libFuzzer has a `main` of its own, which an ordinary build must not see: `Scripts/fuzz` sets this.
if Context.environment["MEDSTREAM_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(
            name: "Fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz", exclude: ["Corpus"],
            swiftSettings: house + [.unsafeFlags(["-parse-as-library"])]))
}
