/// The text of a statement, written into the program.
///
/// Only a literal makes one, and an interpolated string is none, so that no value ever becomes part of the text.
public struct SQL: ExpressibleByStringLiteral, Sendable, Hashable {
    public let text: String

    public init(stringLiteral text: String) { self.text = text }

    /// Takes a text that was put together, for the few statements that cannot be written down, such as pragmas.
    public init(unchecked text: String) { self.text = text }

    /// By the length alone: the texts are few, long, and looked up for every statement that is run.
    public func hash(into hasher: inout Hasher) { hasher.combine(text.utf8.count) }
}
