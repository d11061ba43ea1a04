public import Core
import Synchronization

/// A secret in a file that something else keeps fresh, such as a token that is renewed every hour.
///
/// The file is read each time, which for a few kilobytes costs about as much as asking whether it has changed.
public final class SecretFile: Sendable {
    private let path: String
    private let last: Mutex<Secret>

    fileprivate init(_ path: String, _ first: Secret) {
        self.path = path
        last = Mutex(first)
    }

    /// What the file holds now; while it cannot be read, or holds no secret, what it held before.
    public var secret: Secret {
        let read = try? SecretFile.read(path)
        return last.withLock { last in
            if let read { last = read }
            return last
        }
    }

    /// Why a file holds no secret.
    private static let expected = "one line of text without control characters, of 64 KiB at most"

    fileprivate static func read(_ path: String) throws(Files.Failure) -> Secret {
        let bytes = try Files.read(path, limit: Limits.secretBytes)
        let end = bytes.lastIndex { $0 != 0x0A && $0 != 0x0D } ?? -1
        let line = bytes[..<(end + 1)]
        guard !line.isEmpty, bytes.count <= Limits.secretBytes, line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }),
            let text = String(validating: line, as: UTF8.self)
        else { throw Files.Failure(message: "expected \(expected)") }
        return Secret(text)
    }
}

extension Section {
    /// A file that holds a secret and may change while the process runs; `nil` when absent or unusable, the latter
    /// being reported.
    public func secretFile(_ key: String) -> SecretFile? {
        guard let path = path(key) else { return nil }
        do throws(Files.Failure) {
            return SecretFile(path, try SecretFile.read(path))
        } catch {
            fail(key, "cannot use '\(path)': \(error.message)")
            return nil
        }
    }
}
