import Core
import Glibc

/// What stands on the command line.
struct Options {
    private(set) var file = "config/medstream.yaml"
    private(set) var overrides: [String] = []

    private static let help = """
        Usage: medstream-server [--config FILE] [--set KEY=VALUE]...

        Serves chat over HTTP until SIGTERM; SIGHUP reads the settings again.

          --config FILE     settings, config/medstream.yaml by default
          --set KEY=VALUE   lays one setting over the file, as in --set server.port=0
          --version         print the version
          --help            print this

        Exit codes: 0 stopped, 64 wrong usage, 69 cannot listen, 78 wrong settings.
        """

    init(_ arguments: [String]) {
        var rest = arguments.dropFirst()
        while let argument = rest.popFirst() {
            switch argument {
            case "--config": file = Self.value(of: argument, &rest)
            case "--set": overrides.append(Self.value(of: argument, &rest))
            case "--version":
                print("medstream-server \(Product.version)")
                exit(0)
            case "--help", "-h":
                print(Self.help)
                exit(0)
            default:
                Server.fail("unknown option '\(argument)'; see --help", ExitCode.usage)
            }
        }
    }

    private static func value(of option: String, _ rest: inout ArraySlice<String>) -> String {
        guard let value = rest.popFirst() else {
            Server.fail("\(option) needs a value; see --help", ExitCode.usage)
        }
        return value
    }
}
