import Chat
package import Configuration
import Core
import Foundation
import HTTPServer
import Persistence
package import Providers
import Streaming
import Telemetry

extension Settings {
    /// The longest any timing may be.
    private static let day = Duration.seconds(86_400)

    /// Reads every section; what is wrong is reported to the configuration that the section is of.
    package init(_ root: Section, _ registry: ProviderRegistry) {
        auth = root.section("auth").choice("mode", default: .development)
        readServer(root.section("server"))
        readLogs(root.section("logs"))
        dataDirectory = root.path("data_directory", default: dataDirectory)
        persistence = PersistenceSettings(root.section("persistence"), in: dataDirectory)
        encryption = EncryptionSettings(root.section("encryption"), in: dataDirectory)
        chat.checkpoint = persistence.checkpoint
        worker = WorkerProcessSettings(root.section("worker"))
        retention = RetentionPolicy(root.section("retention"))
        readStreaming(root.section("streaming"))
        readChat(root.section("chat"))
        chat.idempotencyRetention = root.section("idempotency").duration(
            "retention", in: .seconds(60) ... .seconds(30 * 86_400), default: chat.idempotencyRetention)
        let names = readProviders(root, registry)
        readRoutes(root.section("routes"), to: names)
        chat.prices = PriceTable(root.section("prices"), owners: providers.keys.sorted() + registry.kinds)
        flags = FeatureFlags(root.section("flags"))
    }

    private mutating func readServer(_ section: Section) {
        server.host = section.string("host", default: server.host)
        if auth == .development, !Self.isLoopback(server.host) {
            section.fail(
                "host",
                "'\(server.host)' is not a loopback address, and 'auth.mode: development' lets everyone in; "
                    + "use 127.0.0.1, ::1 or localhost")
        }
        server.port = section.int("port", in: 0...65_535, default: server.port)
        server.threads = section.intOrAuto("threads", in: 1...256) ?? ProcessInfo.processInfo.activeProcessorCount
        server.maxConnections = section.int("max_connections", in: 1...1_000_000, default: server.maxConnections)
        server.maxConnectionsPerAddress = section.int(
            "max_connections_per_address", in: 1...1_000_000, default: server.maxConnectionsPerAddress)
        staticDirectory = section.path("static_directory")
        if let folder = staticDirectory, (try? FileManager.default.contentsOfDirectory(atPath: folder)) == nil {
            section.fail("static_directory", "'\(folder)' is not a folder that can be read")
        }

        let limits = section.section("limits")
        server.maxHeaderBytes = limits.bytes("header", in: 1024...1 << 20, default: server.maxHeaderBytes)
        server.maxHeaders = limits.int("header_fields", in: 8...10_000, default: server.maxHeaders)
        server.maxURLBytes = limits.bytes("url", in: 256...1 << 20, default: server.maxURLBytes)
        server.maxBodyBytes = limits.bytes("body", in: 1024...1 << 30, default: server.maxBodyBytes)
        server.maxOutputBytes = limits.bytes("output", in: 4096...64 << 20, default: server.maxOutputBytes)

        let timeouts = section.section("timeouts")
        let range = Duration.milliseconds(10)...Self.day
        server.headerTimeout = timeouts.duration("header", in: range, default: server.headerTimeout)
        server.bodyTimeout = timeouts.duration("body", in: range, default: server.bodyTimeout)
        server.idleTimeout = timeouts.duration("idle", in: range, default: server.idleTimeout)
        server.writeTimeout = timeouts.duration("write", in: range, default: server.writeTimeout)
        server.drainTimeout = timeouts.duration("drain", in: .zero...Self.day, default: server.drainTimeout)
        server.allowedOrigins = section.section("cors").strings("origins")
    }

    private static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    private mutating func readLogs(_ section: Section) {
        logs.level = section.choice("level", default: logs.level)
        logs.access = section.bool("access", default: logs.access)
    }

    private mutating func readStreaming(_ section: Section) {
        let range = Duration.milliseconds(10)...Self.day
        streaming.heartbeat = section.duration("heartbeat", in: range, default: streaming.heartbeat)
        streaming.retention = section.duration("retention", in: .zero...Self.day, default: streaming.retention)
        streaming.durability = section.choice("durability", default: streaming.durability)
        let journal = section.section("journal")
        streaming.journalInterval = journal.duration(
            "interval", in: .milliseconds(10) ... .seconds(60), default: streaming.journalInterval)
        streaming.journalTimeout = journal.duration(
            "timeout", in: .milliseconds(100)...Self.day, default: streaming.journalTimeout)
        streaming.idleTimeout = section.duration("idle_timeout", in: range, default: streaming.idleTimeout)
        streaming.onDetach = section.choice("on_detach", default: streaming.onDetach)
        streaming.detachGrace = section.duration("detach_grace", in: .zero...Self.day, default: streaming.detachGrace)
        streaming.maxTextBytes = section.bytes("max_text", in: 1024...64 << 20, default: streaming.maxTextBytes)
        streaming.maxViewersPerStream = section.int(
            "max_viewers", in: 1...100_000, default: streaming.maxViewersPerStream)
        streaming.maxRunningStreams = section.int(
            "max_running", in: 1...1_000_000, default: streaming.maxRunningStreams)

        let chunk = section.section("chunk")
        let minimum = chunk.int("min_characters", in: 1...1_000, default: streaming.minChunkCharacters)
        let maximum = chunk.int("max_characters", in: 1...1_000, default: streaming.maxChunkCharacters)
        if minimum > maximum {
            chunk.fail("min_characters", "\(minimum) is more than max_characters, which is \(maximum)")
        }
        streaming.minChunkCharacters = min(minimum, maximum)
        streaming.maxChunkCharacters = maximum
        streaming.maxChunkWait = chunk.duration(
            "max_wait", in: .milliseconds(1) ... .seconds(60), default: streaming.maxChunkWait)

        let log = section.section("log")
        streaming.maxEventsPerStream = log.int("events", in: 100...10_000_000, default: streaming.maxEventsPerStream)
        streaming.maxBytesPerStream = log.bytes("bytes", in: 64 << 10...1 << 30, default: streaming.maxBytesPerStream)
        streaming.maxBytesInTotal = log.bytes("total_bytes", in: 1 << 20...1 << 40, default: streaming.maxBytesInTotal)
    }

    private mutating func readChat(_ section: Section) {
        chat.maxMessageCharacters = section.int(
            "max_message_characters", in: 1...1_000_000, default: chat.maxMessageCharacters)
        let history = section.section("history")
        chat.historyLimit = history.int("limit", in: 1...10_000_000, default: chat.historyLimit)
        chat.historyUnit = history.choice("unit", default: chat.historyUnit)
        chat.batchTimeout = section.duration(
            "batch_timeout", in: .milliseconds(10)...Self.day, default: chat.batchTimeout)
        let prompts = section.section("prompts")
        for stage in Self.conversational {
            chat.prompts[stage] = Self.prompt(prompts, stage.rawValue)
        }
    }

    /// The stages that are conversations.
    private static let conversational: [Stage] = [.chat, .onboarding]

    private static func prompt(_ section: Section, _ key: String) -> String? {
        guard let path = section.path(key) else { return nil }
        guard let data = FileManager.default.contents(atPath: path), data.count <= maxPromptBytes,
            let text = String(validating: data, as: UTF8.self)
        else {
            section.fail(key, "'\(path)' is not a readable UTF-8 file of at most 64 KiB")
            return nil
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static let maxPromptBytes = 64 << 10

    /// - Returns: the names of all providers, those included that are not set up right.
    private mutating func readProviders(_ root: Section, _ registry: ProviderRegistry) -> [String] {
        let sections = root.sections("providers")
        for section in sections { readProvider(section, registry.provider(section)) }
        guard sections.isEmpty, registry.kinds.contains("demo") else { return sections.map(\.name) }
        // A file that names no provider answers with the demo, which needs nothing.
        let demo = root.section("providers").section("demo")
        readProvider(demo, registry.provider(demo, kind: "demo"))
        return ["demo"]
    }

    private mutating func readProvider(_ section: Section, _ provider: (any Provider)?) {
        guard let provider else { return }
        providers[section.name] = provider
        handling[section.name] = Handling(
            policy: FailurePolicy(section.section("retry")),
            firstToken: section.section("timeouts").duration(
                "first_token", in: .milliseconds(1)...Self.day, default: type(of: provider).usualFirstToken),
            limits: ProviderGate.Limits(section, usual: type(of: provider).usualLimits))
    }

    /// A route of a conversation that is not given leads to the only provider there is.
    private mutating func readRoutes(_ section: Section, to names: [String]) {
        let conversational = Self.conversational.map(\.rawValue)
        let others = section.names.filter { !conversational.contains($0) }
        var misspelt: [String] = []
        for name in others {
            // Any name may be a route's. But beside a conversation without one, a name like it is a slip.
            let missing = conversational.filter { !section.names.contains($0) && !misspelt.contains($0) }
            guard let meant = nearest(to: name, among: missing) else { continue }
            section.fail(name, "is no kind of conversation, and '\(meant)' has no route", suggestion: meant)
            misspelt.append(meant)
        }
        for name in conversational.filter({ !misspelt.contains($0) }) + others {
            let isLong = section.isMapping(name)
            let inner = isLong ? section.section(name) : section
            let key = isLong ? "providers" : name
            let usual = names.count == 1 && !others.contains(name) ? names : []
            let given = inner.strings(key, default: usual)
            inner.reference(key, to: names.sorted(), of: "provider")
            if given.isEmpty { inner.fail(key, "names no provider; give at least one, such as [demo]") }
            routes[name] = RouteSettings(
                given, rescue: isLong ? inner.choice("rescue", default: ModelRoute.Rescue.continue) : .continue)
            if providers[name] != nil {
                section.fail(name, "is the name of a provider as well; a client could not tell which it asks for")
            }
        }
    }
}
