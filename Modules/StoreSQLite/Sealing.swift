import Encryption
import Persistence
import SQLite

/// The tables that hold text, by the names that are part of what is sealed.
enum SealedTable: String, CaseIterable, Sendable {
    case account, onboarding, conversation, message
    case caseFile = "case_file"
    case stageResult = "stage_result"

    /// How many texts a row of it seals together.
    var texts: Int {
        switch self {
        case .onboarding: 1
        case .account, .conversation, .message, .caseFile: 2
        case .stageResult: 3
        }
    }

    func place(_ row: String) -> SealedPlace { SealedPlace(table: rawValue, column: "body", row: row) }
}

/// The texts of one row in one envelope, each behind its length.
struct Sealed: Sendable {
    let bytes: [UInt8]

    /// The number of the key, for the column that tells which rows are to be sealed anew.
    var key: Int64 { Int64(Keyring.keyID(of: bytes)?.number ?? 0) }
}

extension Keyring {
    func seal(_ texts: [String], in table: SealedTable, row: String) -> Sealed {
        Sealed(bytes: seal(RowTexts.packed(texts), at: table.place(row)))
    }

    /// Opens what ``seal(_:in:row:)`` sealed.
    func open(_ sealed: [UInt8], in table: SealedTable, row: String) throws(UnreadableRow) -> [String] {
        let plain: [UInt8]
        do {
            plain = try open(sealed, at: table.place(row))
        } catch {
            throw UnreadableRow(table: table.rawValue, row: row, reason: error.description)
        }
        guard let texts = RowTexts.unpacked(plain, count: table.texts) else {
            throw UnreadableRow(table: table.rawValue, row: row, reason: "It does not hold \(table.texts) texts.")
        }
        return texts
    }
}

extension Figures {
    /// Reads those of a row.
    init(_ text: String?, of table: SealedTable, row: String) throws(UnreadableRow) {
        try self.init(text, of: table.rawValue, row: row)
    }
}
