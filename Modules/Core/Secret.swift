/// A value that must not be printed: an API key, a password, a token.
public struct Secret: Sendable, Hashable {
    private let value: String

    public init(_ value: String) { self.value = value }

    /// The value itself, to be called where the value is used and not before.
    public func reveal() -> String { value }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "<secret>" }
    public var debugDescription: String { "<secret>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
