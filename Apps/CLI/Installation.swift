import Arguments
import Configuration
import Core
import Encryption
import Settings

/// What a configuration says of the installation that commands look after, server or no server.
enum Installation {
    /// What every such command takes.
    static let parameters: [any Parameter] = [ProvidersCommand.config, Config.overrides]

    /// Reads the configuration; `nil` when it is wrong, which has been said then.
    static func settings(_ arguments: Arguments) -> Settings? {
        switch Config.load(arguments[ProvidersCommand.config] ?? Config.standardFile, arguments) {
        case .failure(let report):
            Terminal().note("\(report)")
            return nil
        case .success((let settings, _)): return settings
        }
    }

    /// Says why the keys cannot be used or changed.
    ///
    /// - Returns: the exit code.
    static func refuse(_ error: KeyringError) -> Int32 {
        Terminal().note("\(error)")
        return switch error {
        case .missing, .unreadable, .exposed, .malformed, .otherKeyring: ExitCode.configuration
        case .exists, .unwritable, .unknownKey, .currentKey: ExitCode.failed
        }
    }
}
