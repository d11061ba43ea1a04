import Configuration
import Core
import Glibc
import Plugins
import Providers
import Reactor
import Settings
import Telemetry

/// medstream-worker: opens what is kept, works on its queues until it is told to stop.
@main
struct WorkerProgram {
    static func main() async {
        // A peer that has gone is an error of its socket, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        let options = Options(CommandLine.arguments)
        let settings = read(options)
        let log = Log(level: settings.logs.level)
        let loop = EventLoop()
        loop.start()
        let signals = Signals(on: loop, [SIGTERM, SIGINT, SIGHUP])
        do {
            let workplace = try await Workplace.open(settings)
            let crew = Crew(workplace, settings, log: log)
            let door = try await Door(to: crew, settings.worker, on: loop)
            let work = Task { await crew.run() }
            announce(settings, door.port)
            await wait(for: signals, workplace, log)
            log.info("stopping", [])
            let hurry = Task {
                for await signal in signals.arrivals where signal != SIGHUP { await giveUp(crew, log) }
            }
            await crew.stop()
            hurry.cancel()
            work.cancel()
            await door.close()
            log.info("stopped", [])
            log.flush()
            leave(0)
        } catch {
            fail("\(error)", ExitCode.unavailable)
        }
    }

    private static func read(_ options: Options) -> Settings {
        do {
            return try Settings.load(
                file: options.file, overrides: options.overrides, registry: ProviderRegistry(plugins)
            ).0
        } catch {
            fail("\(error)", ExitCode.configuration)
        }
    }

    /// Returns at the first signal to stop.
    private static func wait(for signals: Signals, _ workplace: Workplace, _ log: Log) async {
        for await signal in signals.arrivals {
            if signal != SIGHUP { return }
            do {
                try workplace.keyring.reload()
                log.info("keys_reloaded", [])
            } catch {
                log.error("reload_refused", [], detail: error)
            }
        }
    }

    /// What a second signal asks for.
    private static func giveUp(_ crew: Crew, _ log: Log) async {
        await crew.giveUp()
        log.info("stopped", [])
        log.flush()
        leave(0)
    }

    /// The ready line, which scripts wait for.
    private static func announce(_ settings: Settings, _ port: Int) {
        let host = settings.worker.host.contains(":") ? "[\(settings.worker.host)]" : settings.worker.host
        print("medstream-worker \(Product.version) ready on http://\(host):\(port)")
        fflush(nil)
    }

    static func fail(_ message: String, _ code: Int32) -> Never {
        let line = Array("medstream-worker: \(message)\n".utf8)
        _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
        leave(code)
    }

    /// Ends the process at once: `exit` has the libraries clean up first, under threads that run on.
    private static func leave(_ code: Int32) -> Never {
        fflush(nil)
        _exit(code)
    }
}

/// Exit codes, as in BSD's `sysexits.h`.
enum ExitCode {
    static let usage: Int32 = 64
    static let unavailable: Int32 = 69
    static let configuration: Int32 = 78
}
