/// A place in a configuration file, or the option that gave a value.
public struct Location: Sendable, Hashable, Comparable {
    /// The file as it was named to the process or by `include:`; `--set` for a value from the command line.
    public var file: String
    /// Counted from 1; 0 where the file as a whole, or an option, is meant.
    public var line: Int
    /// Counted from 1, in Unicode scalars.
    public var column: Int

    public init(file: String, line: Int = 0, column: Int = 0) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// The file name of values given with `--set`.
    public static let override = "--set"

    public static func < (one: Self, other: Self) -> Bool {
        (one.file, one.line, one.column) < (other.file, other.line, other.column)
    }
}

extension Location: CustomStringConvertible {
    /// `file:line:column`, as editors and terminals turn into a link.
    public var description: String { line == 0 ? file : "\(file):\(line):\(column)" }
}
