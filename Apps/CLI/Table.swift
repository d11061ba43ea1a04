/// Rows under a head, in columns as wide as what is in them.
struct Table {
    /// The first columns hold words, which begin at the left; the others numbers, which end at the right.
    let words: Int
    private var rows: [[String]]

    init(_ head: [String], words: Int) {
        self.words = words
        rows = [head]
    }

    mutating func add(_ row: [String]) { rows.append(row) }

    /// One line each, without blanks at its end.
    var text: String {
        let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = row.enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                return column < words ? cell + blanks : blanks + cell
            }
            let line = cells.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
        }.joined()
    }
}
