public import SQLite

/// Why a store's file cannot be used; each says what to do.
public enum StoreFileError: Error, Sendable, CustomStringConvertible {
    /// The file cannot be opened or prepared.
    case unusable(path: String, SQLiteError)
    /// SQLite's own check found damage; its sentences.
    case damaged(path: String, [String])
    /// A newer version of the product was here.
    case newerSchema(number: Int)
    /// A migration that was done is not the one we know by that number.
    case otherSchema(number: Int)
    /// The rows were sealed with another keyring.
    case wrongKey(rows: String, given: String)

    public var description: String {
        switch self {
        case .unusable(let path, let error):
            "The store '\(path)' cannot be used: \(error). See that its folder is on a local disk with room, and is yours."
        case .damaged(let path, let sentences):
            "The store '\(path)' is damaged: \(sentences.joined(separator: "; ")). Keep the file as it is, and restore a backup; see docs/operations.md."
        case .newerSchema(let number):
            "A newer version of Medstream has been here (migration \(number)). Run that version, or restore a backup made before it."
        case .otherSchema(let number):
            "Migration \(number) of this store is not ours. Check 'data_directory'; if it is right, restore a backup."
        case .wrongKey(let rows, let given):
            "The rows were sealed with the keyring \(rows), and this is \(given). Give the key file that belongs to this store; without it its text cannot be read."
        }
    }
}
