import Testing

@Suite("The manifest", .timeLimit(.minutes(1)))
struct ArchitectureTests {
    @Test("Every module stands on a layer, and no arrow points up")
    func layers() throws {
        let manifest = try Manifest.load()
        #expect(manifest.targets.count > 20)
        #expect(manifest.homeless == [], "Give a new module its place in Layers.swift.")
        #expect(manifest.forbiddenArrows == [])
    }

    @Test("Every Swift target takes warnings as errors, and without C no unsafe pointer")
    func settings() throws {
        #expect(try Manifest.load().laxTargets == [])
    }

    @Test(
        "An arrow that points up or aside is found",
        arguments: [
            Arrow("Core", "JSON"), Arrow("Reactor", "Core"), Arrow("HTTPServer", "Streaming"),
            Arrow("Streaming", "Providers"), Arrow("Streaming", "CUV"), Arrow("Persistence", "Chat"),
            Arrow("ProviderOpenAI", "ProviderDemo"), Arrow("StoreSQLite", "ProviderOpenAI"),
            Arrow("ProviderDemo", "Chat"),
            Arrow("Chat", "ProviderDemo"), Arrow("Chat", "API"), Arrow("API", "StoreSQLite"), Arrow("API", "CUV"),
            Arrow("medstream", "medstream-server"), Arrow("medstream", "TestSupport"), Arrow("CUV", "Core"),
            Arrow("Telemetry", "Streaming"), Arrow("API", "Plugins"), Arrow("Settings", "API"),
            Arrow("Chat", "Settings"),
        ])
    func forbidden(arrow: Arrow) {
        #expect(sample(adding: arrow).forbiddenArrows == [arrow])
    }

    @Test(
        "An arrow that points down is none of them",
        arguments: [
            Arrow("Streaming", "Core"), Arrow("Reactor", "CUV"), Arrow("Chat", "Streaming"), Arrow("API", "Chat"),
            Arrow("medstream", "ProviderDemo"), Arrow("ProviderDemo", "Providers"), Arrow("JSON", "Core"),
            Arrow("APITests", "CUV"), Arrow("APITests", "TestSupport"), Arrow("HTTPServer", "Reactor"),
            Arrow("API", "Settings"), Arrow("medstream", "Plugins"), Arrow("Plugins", "ProviderDemo"),
        ])
    func allowed(arrow: Arrow) {
        #expect(sample(adding: arrow).forbiddenArrows == [])
    }

    @Test("A module without a place is found")
    func homeless() {
        let stray = Manifest.Target("Helpers", path: "Modules/Helpers", uses: [])
        #expect(Manifest(targets: [stray]).homeless == ["Helpers"])
    }

    @Test("A target that lacks a setting is found", arguments: house.indices)
    func lax(missing: Int) {
        var settings = Self.house
        let removed = settings.remove(at: missing)
        let target = Manifest.Target("Core", path: "Modules/Core", uses: [], settings: settings)
        #expect(Manifest(targets: [target]).laxTargets == ["Core lacks \(removed.name)"])
    }

    private static let house: [Manifest.Setting] = [
        .init("swift.treatAllWarnings", "error"), .init("swift.swiftLanguageMode", "6"),
        .init("swift.strictMemorySafety"),
    ]

    private func sample(adding arrow: Arrow) -> Manifest {
        let paths = [
            ("CUV", "Modules/C/CUV"), ("Core", ""), ("Telemetry", ""), ("Reactor", ""), ("JSON", ""),
            ("HTTPServer", ""),
            ("Streaming", ""), ("Providers", ""), ("Persistence", ""), ("ProviderOpenAI", ""), ("ProviderDemo", ""),
            ("StoreSQLite", ""), ("Chat", ""), ("API", ""), ("Settings", ""), ("Plugins", ""), ("TestSupport", ""),
            ("medstream", "Apps/CLI"),
            ("medstream-server", "Apps/Server"), ("APITests", "Tests/APITests"),
        ]
        return Manifest(
            targets: paths.map { name, path in
                Manifest.Target(
                    name, path: path.isEmpty ? "Modules/\(name)" : path,
                    type: name.hasSuffix("Tests") ? "test" : "regular",
                    uses: name == arrow.from ? [arrow.to] : [])
            })
    }
}
