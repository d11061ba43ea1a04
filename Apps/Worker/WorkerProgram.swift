import Configuration
import Core
import Daemon
import Encryption
import Glibc
import Jobs
import Plugins
import Providers
import Reactor
import Settings
import Storage
import Telemetry

/// medstream-worker: opens what is kept, works on its queues until it is told to stop.
@main
struct WorkerProgram {
    private static let name = "medstream-worker"
    /// After the drain, for jobs to be given back; on a disk that hangs they cannot be.
    private static let giveBackLimit = Duration.seconds(5)
    private static let help = """
        Usage: medstream-worker [--config FILE] [--set KEY=VALUE]...

        Does what is left to do: saves turns that wait in the spool, describes conversations, deletes what is past its
        retention, seals with new keys. Any number may run, on the same settings as the server. SIGTERM lets running jobs
        end within worker.drain and gives the rest back; a second one gives all back at once. SIGHUP reads the keys again.

          --config FILE     settings, config/medstream.yaml by default
          --set KEY=VALUE   lays one setting over the file, as in --set worker.port=0
          --version         print the version
          --help            print this

        Exit codes: 0 stopped, 64 wrong usage, 69 cannot listen or cannot open what is kept, 78 wrong settings.
        """

    static func main() async {
        // A peer that has gone is an error of its socket, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let settings = read(DaemonOptions(CommandLine.arguments, of: name, help: help))
        let log = Log(level: settings.logs.level)
        let loop = EventLoop()
        loop.start()
        let signals = Signals(on: loop, [SIGTERM, SIGINT, SIGHUP])
        do {
            let storage = try await Storage.open(settings, for: .worker, log: log)
            let crew = Crew(storage, settings, log: log)
            let door = try await Door(to: crew, settings.worker, on: loop)
            let work = Task { await crew.run() }
            Daemon.announce(name, host: settings.worker.host, port: door.port)
            await wait(for: signals, storage, log)
            log.info("stopping", [])
            let hurry = Task {
                for await signal in signals.arrivals where signal != SIGHUP {
                    await crew.giveUp()
                    log.flush()
                    Daemon.leave(.done)
                }
            }
            // What is left is taken over by another worker, or by the next: the lock on it ends with the process.
            if await !within(settings.worker.work.drain + giveBackLimit, { await crew.stop() }) {
                log.warning("jobs_left")
            }
            hurry.cancel()
            work.cancel()
            await door.close()
            log.info("stopped", [])
            log.flush()
            Daemon.leave(.done)
        } catch {
            Daemon.fail(
                name, "\(error)", (error as? StorageError)?.isPermanent == true ? .configuration : .unavailable)
        }
    }

    private static func read(_ options: DaemonOptions) -> Settings {
        do {
            let registry = ProviderRegistry(plugins)
            let settings = try Settings.load(file: options.file, overrides: options.overrides, registry: registry).0
            guard settings.persistence.store != .memory else {
                Daemon.fail(
                    name, "'persistence.store: memory' keeps nothing that a worker could work on", .configuration)
            }
            return settings
        } catch {
            Daemon.fail(name, "\(error)", .configuration)
        }
    }

    /// Returns at the first signal to stop.
    private static func wait(for signals: Signals, _ storage: Storage, _ log: Log) async {
        for await signal in signals.arrivals {
            if signal != SIGHUP { return }
            do {
                try storage.keyring?.reload()
                log.info("keys_reloaded", [])
            } catch {
                log.error("reload_refused", [], detail: error)
            }
        }
    }
}
