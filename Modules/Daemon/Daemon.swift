import Core
import Glibc

/// How a program that runs until it is told to stop ends.
public enum Daemon {
    /// Exit codes, as in BSD's `sysexits.h`.
    public enum ExitCode: Int32, Sendable {
        case done = 0
        /// A second signal ended it before its time.
        case cutShort = 1
        case usage = 64
        case unavailable = 69
        case configuration = 78
    }

    /// Says on standard error why `program` cannot go on, and ends it.
    public static func fail(_ program: String, _ message: String, _ code: ExitCode) -> Never {
        let line = Array("\(program): \(message)\n".utf8)
        _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
        leave(code)
    }

    /// Ends the process at once: `exit` has the libraries clean up first, under threads that run on.
    public static func leave(_ code: ExitCode) -> Never {
        fflush(nil)
        _exit(code.rawValue)
    }

    /// Prints the ready line, which scripts wait for.
    public static func announce(_ program: String, host: String, port: Int) {
        let host = host.contains(":") ? "[\(host)]" : host
        print("\(program) \(Product.version) ready on http://\(host):\(port)")
        fflush(nil)
    }
}

/// What stands on the command line of a daemon: which settings it reads.
public struct DaemonOptions: Sendable {
    /// The settings' file.
    public private(set) var file = "config/medstream.yaml"
    /// `key=value`, laid over the file.
    public private(set) var overrides: [String] = []

    /// Reads the command line; prints what it asks for, or what is wrong with it, and ends the process then.
    ///
    /// - Parameters:
    ///   - arguments: with the program's path at the head.
    ///   - program: what it is called.
    ///   - help: what `--help` prints.
    public init(_ arguments: [String], of program: String, help: String) {
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            switch argument {
            case "--config": file = Self.value(of: argument, &rest, program)
            case "--set": overrides.append(Self.value(of: argument, &rest, program))
            case "--version":
                print("\(program) \(Product.version)")
                Daemon.leave(.done)
            case "--help", "-h":
                print(help)
                Daemon.leave(.done)
            default: Daemon.fail(program, "unknown option '\(argument)'; see --help", .usage)
            }
        }
    }

    private static func value(of option: String, _ rest: inout ArraySlice<String>, _ program: String) -> String {
        guard let value = rest.popFirst() else { Daemon.fail(program, "\(option) needs a value; see --help", .usage) }
        return value
    }
}
