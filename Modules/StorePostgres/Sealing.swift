import Core
import Encryption
import Persistence
import PostgreSQL

/// A row that is there and cannot be read; it names the row and nothing of what is in it.
public struct UnreadableRow: Error, Sendable, CustomStringConvertible {
    public let table: String
    public let row: String
    /// Why, such as that its key is not in the keyring.
    public let reason: String

    public var description: String { "Row \(row) of \(table) cannot be read: \(reason)" }
}

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
        var plain: [UInt8] = []
        plain.reserveCapacity(texts.reduce(0) { $0 + $1.utf8.count + 4 })
        for text in texts {
            let length = UInt32(truncatingIfNeeded: text.utf8.count)
            for shift in [24, 16, 8, 0] as [UInt32] { plain.append(UInt8(truncatingIfNeeded: length >> shift)) }
            plain += text.utf8
        }
        return Sealed(bytes: seal(plain, at: Self.place(table, row)))
    }

    /// Opens what ``seal(_:in:row:)`` sealed.
    ///
    /// - Throws: ``StoreError/unavailable(_:)`` with an ``UnreadableRow``.
    func open(_ sealed: [UInt8], _ count: Int, in table: SealedTable, row: String) throws(StoreError) -> [String] {
        var rest: ArraySlice<UInt8>
        do {
            rest = try open(sealed, at: Self.place(table, row))[...]
        } catch {
            throw .unavailable(UnreadableRow(table: table.rawValue, row: row, reason: error.description))
        }
        var texts: [String] = []
        while rest.count >= 4, texts.count < count {
            let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            let bytes = rest.dropFirst(4).prefix(length)
            guard bytes.count == length, let text = String(validating: bytes, as: UTF8.self) else { break }
            texts.append(text)
            rest = rest.dropFirst(4 + length)
        }
        guard texts.count == count, rest.isEmpty else {
            throw .unavailable(
                UnreadableRow(table: table.rawValue, row: row, reason: "It does not hold \(count) texts."))
        }
        return texts
    }

    static func place(_ table: SealedTable, _ row: String) -> SealedPlace {
        SealedPlace(table: table.rawValue, column: table == .job ? "payload" : "body", row: row)
    }
}
