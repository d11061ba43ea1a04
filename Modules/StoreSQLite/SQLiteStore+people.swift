import Core
public import Persistence
import Encryption
import SQLite

extension SQLiteStore {
    public func people(after cursor: String?, limit: Int) async throws(StoreError) -> Page<Person> {
        let last = try place(cursor) { UserID($0) }
        let keyring = keyring
        let limit = max(1, limit)
        return try await read { transaction in
            var ids: [String] = []
            // One after the other from each index, so that no table is gone through.
            var place = last?.text ?? ""
            while ids.count <= min(limit, Int.max - 1) {
                guard let next = try transaction.row(Self.nextPerson, place, read: { row in try row.optionalText(0) }),
                    let id = next
                else { break }
                ids.append(id)
                place = id
            }
            let people = try ids.prefix(limit).compactMap { id in
                try UserID(id).map { id in
                    try transaction.person(id, keyring)
                }
            }
            return Page(items: people, next: ids.count > limit ? ids[limit - 1] : nil)
        }
    }

    private static let nextPerson: SQL = """
        SELECT min(id) FROM (
            SELECT min(id) AS id FROM account WHERE id > ?1
            UNION ALL SELECT min(id) FROM onboarding WHERE id > ?1
            UNION ALL SELECT min(owner) FROM conversation WHERE owner > ?1
            UNION ALL SELECT min(owner) FROM case_file WHERE owner > ?1)
        """
}

extension Transaction {
    fileprivate borrowing func person(_ id: UserID, _ keyring: Keyring) throws -> Person {
        let account = try row(
            SQL(unchecked: "SELECT \(User.columns) FROM account WHERE id = ?"), id.text
        ) { row in try User(row, keyring) }
        let facts = try row(
            """
            SELECT (SELECT count(*) FROM conversation WHERE owner = ?1), (SELECT count(*) FROM case_file WHERE owner = ?1),
                (SELECT max(updated_at) FROM conversation WHERE owner = ?1),
                (SELECT max(updated_at) FROM case_file WHERE owner = ?1)
            """, id.text
        ) { row in (try row.int(0), try row.int(1), try row.optionalInt(2), try row.optionalInt(3)) }
        let used = [facts?.2, facts?.3].compactMap { $0 }.max()
        return Person(
            id: id, account: account, conversations: facts?.0 ?? 0, cases: facts?.1 ?? 0,
            lastUsed: used.map { Timestamp(milliseconds: Int64($0)) })
    }
}
