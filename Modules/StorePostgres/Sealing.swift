import Core
import Encryption
import Persistence
import PostgreSQL

/// The tables that hold text, by the names that are part of what is sealed.
enum SealedTable: String, CaseIterable, Sendable {
    case account, onboarding, conversation, message
    case caseFile = "case_file"
    case stageResult = "stage_result"
    case job
}

/// Several texts of one row in one envelope, each behind its length.
struct Sealed: Sendable {
    let bytes: [UInt8]

    /// The number of the key, for the column that tells which rows are to be sealed anew.
    var key: Value { .int(Int(Keyring.keyID(of: bytes)?.number ?? 0)) }
}

extension Keyring {
    func seal(_ texts: [String], in table: SealedTable, row: String) -> Sealed {
        Sealed(bytes: seal(RowTexts.packed(texts), at: Self.place(table, row)))
    }

    /// Opens what ``seal(_:in:row:)`` sealed.
    ///
    /// - Throws: ``StoreError/unavailable(_:)`` with an ``UnreadableRow``.
    func open(_ sealed: [UInt8], _ count: Int, in table: SealedTable, row: String) throws(StoreError) -> [String] {
        let plain: [UInt8]
        do {
            plain = try open(sealed, at: Self.place(table, row))
        } catch {
            throw .unavailable(UnreadableRow(table: table.rawValue, row: row, reason: error.description))
        }
        guard let texts = RowTexts.unpacked(plain, count: count) else {
            throw .unavailable(
                UnreadableRow(table: table.rawValue, row: row, reason: "It does not hold \(count) texts."))
        }
        return texts
    }

    static func place(_ table: SealedTable, _ row: String) -> SealedPlace {
        SealedPlace(table: table.rawValue, column: table == .job ? "payload" : "body", row: row)
    }
}

extension Figures {
    /// Reads those of a row.
    ///
    /// - Throws: ``StoreError/unavailable(_:)`` with an ``UnreadableRow``.
    init(_ text: String?, of table: SealedTable, row: String) throws(StoreError) {
        do {
            try self.init(text, of: table.rawValue, row: row)
        } catch {
            throw .unavailable(error)
        }
    }
}
