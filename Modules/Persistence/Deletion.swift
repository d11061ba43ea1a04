import Core
import JSON

/// A user's deletion as the store remembers it: how a server hears that what it holds of them is to go.
public struct Deletion: Sendable, Hashable {
    /// Higher than that of every deletion that was done before.
    public let place: Int
    public let receipt: DeletionReceipt

    public init(place: Int, _ receipt: DeletionReceipt) {
        self.place = place
        self.receipt = receipt
    }
}

/// What stands in the row of a deletion.
extension Deletion {
    /// More are not read at once.
    package static let mostAtOnce = 1000

    /// Reads a row; `rows` is what ``DeletionReceipt/rowsText`` wrote.
    package init(place: Int, owner: String, at: Int64, rows: String) throws(UnreadableRow) {
        guard let user = UserID(owner), let counts = (try? JSONValue(parsing: rows))?.object else {
            throw UnreadableRow(table: "deletion", row: "\(place)", reason: "It is not one of ours.")
        }
        self.init(
            place: place,
            DeletionReceipt(
                user: user, at: Timestamp(milliseconds: at), rows: counts.compactMapValues { $0.int }))
    }
}

extension DeletionReceipt {
    /// The counts as JSON.
    package var rowsText: String { JSONValue.object(rows.mapValues { .int(Int64($0)) }).jsonText }
}
