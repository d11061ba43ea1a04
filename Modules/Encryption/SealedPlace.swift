/// Where a sealed value belongs: it opens there alone, so that nobody can move it to another row or column.
public struct SealedPlace: Sendable, Hashable {
    /// The name of the table.
    public var table: String
    /// The name of the column.
    public var column: String
    /// What tells the row from all others of its table, such as its primary key.
    public var row: String

    /// The place with these names; each is part of what is sealed, so none may be renamed later.
    public init(table: String, column: String, row: String) {
        (self.table, self.column, self.row) = (table, column, row)
    }
}
