/// What this software calls itself.
public enum Product {
    public static let name = "medstream"
    /// Semantic version, as in `CHANGELOG.md`.
    public static let version = "0.1.0"
}
