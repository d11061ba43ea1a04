import Daemon

/// What stands on the command line.
struct Options {
    let file: String
    let overrides: [String]

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
        let options = DaemonOptions(arguments, of: "medstream-server", help: Self.help)
        (file, overrides) = (options.file, options.overrides)
    }
}
