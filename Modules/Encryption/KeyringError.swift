/// Why a keyring could not be read or changed; no key is in it.
public enum KeyringError: Error, Sendable, Hashable {
    /// There is no file of that name.
    case missing(path: String)
    /// The system does not let the file be read, for the reason it gives.
    case unreadable(path: String, reason: String)
    /// Others than the owner may read or write the file; its mode is given.
    case exposed(path: String, mode: UInt32)
    /// A line cannot be understood; lines count from 1, and 0 stands for the whole.
    case malformed(source: String, line: Int, reason: String)
    /// There is a file of that name already, and no key is ever overwritten.
    case exists(path: String)
    /// The system does not let the file be written, for the reason it gives.
    case unwritable(path: String, reason: String)
    /// The file now holds a keyring that has nothing to do with the one in use.
    case otherKeyring(path: String)
    /// The keyring holds no such key.
    case unknownKey(KeyID)
    /// The key seals what is written now, and cannot go.
    case currentKey(KeyID)
}

extension KeyringError: CustomStringConvertible {
    /// What happened and what to do.
    public var description: String {
        switch self {
        case .missing(let path):
            "There is no key file '\(path)'. Put it back from where you keep it; 'medstream keys create' makes one for a new installation."
        case .unreadable(let path, let reason): "The key file '\(path)' cannot be read: \(reason)."
        case .exposed(let path, let mode):
            "The key file '\(path)' has mode 0\(String(mode, radix: 8)): others than its owner may use it. Run: chmod 600 '\(path)'"
        case .malformed(let source, 0, let reason): "\(source): \(reason)."
        case .malformed(let source, let line, let reason): "\(source), line \(line): \(reason)."
        case .exists(let path):
            "There is a file '\(path)' already. Keys are never overwritten; 'medstream keys rotate' adds a new one."
        case .unwritable(let path, let reason): "The key file '\(path)' cannot be written: \(reason)."
        case .otherKeyring(let path):
            "The key file '\(path)' holds another keyring than the one in use. Put the right one back."
        case .unknownKey(let id): "The keyring holds no key \(id)."
        case .currentKey(let id):
            "The key \(id) is the current one. Rotate first, move the rows over, and retire it then."
        }
    }
}
