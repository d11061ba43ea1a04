import Core
import Glibc

/// What stands on the command line.
struct Options {
    private(set) var file = "config/medstream.yaml"
    private(set) var overrides: [String] = []

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

    init(_ arguments: [String]) {
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            switch argument {
            case "--config": file = Self.value(of: argument, &rest)
            case "--set": overrides.append(Self.value(of: argument, &rest))
            case "--version":
                print("medstream-worker \(Product.version)")
                exit(0)
            case "--help", "-h":
                print(Self.help)
                exit(0)
            default:
                WorkerProgram.fail("unknown option '\(argument)'; see --help", ExitCode.usage)
            }
        }
    }

    private static func value(of option: String, _ rest: inout ArraySlice<String>) -> String {
        guard let value = rest.popFirst() else {
            WorkerProgram.fail("\(option) needs a value; see --help", ExitCode.usage)
        }
        return value
    }
}
