import Arguments
import Backup
import Encryption
import Persistence
import Settings
import Storage
import StoreSQLite

extension Installation {
    /// Opens what is kept, and does something with it.
    ///
    /// - Parameters:
    ///   - arguments: of the command.
    ///   - mayMake: whether a store that is not there is made.
    ///   - body: what is done.
    /// - Returns: the exit code: that of `body`, or of the reason why it could not be done, which has been said then.
    static func withStorage(
        _ arguments: Arguments, mayMake: Bool = false, _ body: (OpenStorage) async throws -> Int32
    ) async -> Int32 {
        guard let settings = settings(arguments) else { return ExitCode.configuration }
        return await reporting {
            let storage = try await OpenStorage.open(settings, mayMake: mayMake)
            do {
                let code = try await body(storage)
                await storage.close()
                return code
            } catch {
                await storage.close()
                throw error
            }
        }
    }

    /// Does something, and says why it could not be done.
    ///
    /// - Returns: the exit code.
    static func reporting(_ body: () async throws -> Int32) async -> Int32 {
        do {
            return try await body()
        } catch let error as KeyringError {
            return refuse(error)
        } catch let error where error is NothingKept || error is StorageError || error is StoreFileError {
            Terminal().note("\(error)")
            return ExitCode.configuration
        } catch let error as StoreError {
            Terminal().note(sentence(error))
            return ExitCode.unavailable
        } catch {
            // A backup's, or SQLite's, which name files and what is wrong with them.
            Terminal().note("\(error)")
            return ExitCode.failed
        }
    }

    private static func sentence(_ error: StoreError) -> String {
        switch error {
        case .unavailable(let cause): "The store cannot be reached or failed: \(cause)"
        case .full: "The store is full, or its disk is."
        case .notFound: "There is no such thing."
        case .conflict(let conflict): "What is stored says otherwise: \(conflict.rawValue)."
        }
    }
}
