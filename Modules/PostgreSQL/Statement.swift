/// SQL with the values of its parameters, kept apart from one another all the way.
public struct Statement: Sendable, Hashable {
    /// Written in the program; what varies is a value.
    public let sql: String
    public let values: [Value]

    public init(_ sql: StaticString, _ values: [Value] = []) {
        self.init(unchecked: sql.description, values)
    }

    /// Takes SQL that is put together while the program runs, such as that of a migration; never out of what users gave.
    public init(unchecked sql: String, _ values: [Value] = []) {
        self.sql = sql
        self.values = values
    }
}
