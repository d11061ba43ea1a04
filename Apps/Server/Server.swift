import API
import Configuration
import Daemon
import Encryption
import Glibc
import HTTPServer
import Plugins
import Providers
import Reactor
import Settings
import Storage
import Telemetry

/// medstream-server: reads the settings, starts the loops, serves until it is told to stop.
@main
struct Server {
    private static let name = "medstream-server"
    /// A disk that takes longer to take the rest of the log than this hangs; systemd would kill the process soon after.
    private static let closeLimit = Duration.seconds(3)

    static func main() async {
        // A peer that has gone is an error of its socket, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let options = Options(CommandLine.arguments)
        let registry = ProviderRegistry(plugins)
        let settings = read(options, registry)
        let log = Log(level: settings.logs.level)
        let loops = (0..<settings.server.threads).map { _ in EventLoop() }
        for loop in loops { loop.start() }
        let signals = Signals(on: loops[0], [SIGTERM, SIGINT, SIGHUP])
        do {
            let storage = try await Storage.open(settings, for: .server, log: log)
            let recovery = Recovery(storage, settings, log: log)
            let hub = try await recovery.hub(on: loops)
            let application = try await Application(
                settings, on: loops, store: storage.store, spool: storage.spool, hub: hub, log: log)
            let watch = recovery.watch(application.chat)
            Daemon.announce(name, host: settings.server.host, port: application.port)
            await wait(for: signals, application, storage, options, registry, log)
            log.info("stopping", [])
            watch.cancel()
            await application.shutdown()
            await storage.close(within: closeLimit)
            log.info("stopped", [])
            log.flush()
            Daemon.leave(.done)
        } catch {
            log.flush()
            let isPermanent = (error as? StorageError)?.isPermanent == true
            Daemon.fail(name, "\(error)", isPermanent ? .configuration : .unavailable)
        }
    }

    private static func read(_ options: Options, _ registry: ProviderRegistry) -> Settings {
        do {
            return try Settings.load(file: options.file, overrides: options.overrides, registry: registry).0
        } catch {
            Daemon.fail(name, "\(error)", .configuration)
        }
    }

    /// Returns at the first signal to stop; a second one ends the process without waiting for the drain.
    private static func wait(
        for signals: Signals, _ application: Application, _ storage: Storage, _ options: Options,
        _ registry: ProviderRegistry, _ log: Log
    ) async {
        for await signal in signals.arrivals {
            if signal != SIGHUP { break }
            reload(application, options, registry, log)
            reload(storage, log)
        }
        Task {
            for await signal in signals.arrivals where signal != SIGHUP { Daemon.leave(.cutShort) }
        }
    }

    /// Keeps the old settings when the new ones are wrong.
    private static func reload(
        _ application: Application, _ options: Options, _ registry: ProviderRegistry, _ log: Log
    ) {
        do {
            application.reload(
                try Settings.load(file: options.file, overrides: options.overrides, registry: registry).0)
        } catch {
            log.error("reload_refused", [.count("problems", error.problems.count)], detail: error)
        }
    }

    /// Takes up keys that were added.
    private static func reload(_ storage: Storage, _ log: Log) {
        do {
            try storage.keyring?.reload()
        } catch {
            log.error("keys_refused", [], detail: error)
        }
    }
}
