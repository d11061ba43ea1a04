/// Why a store takes nothing new for now.
public enum StoreTrouble: String, Sendable, Hashable, CaseIterable {
    /// Its file is damaged; nothing is written to it any more.
    case damaged
    /// There is no room: nothing new is begun until there is.
    case full
}
