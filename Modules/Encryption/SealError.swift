/// Why a sealed value does not open; it says nothing of what is in it.
public enum SealError: Error, Sendable, Hashable {
    /// It was sealed with a key that the keyring does not hold.
    case unknownKey(KeyID)
    /// A bit of it has changed, it was cut, it stood in another place, or it never was an envelope.
    case damaged
}

extension SealError: CustomStringConvertible {
    /// What happened and what to do.
    public var description: String {
        switch self {
        case .unknownKey(let id):
            "This was sealed with the key \(id), which the keyring does not hold. Put the key's line back into the key file."
        case .damaged:
            "This does not open: it was changed, cut, or moved from another place. Restore it from a backup."
        }
    }
}
