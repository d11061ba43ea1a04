import Core
import Encryption
public import Persistence
import PostgreSQL

extension PostgresStore {
    public func people(after cursor: String?, limit: Int) async throws(StoreError) -> Page<Person> {
        let last = try cursor.place { UserID($0) }?.text ?? Self.beforeAll
        let (keyring, limit) = (keyring, max(1, limit))
        return try await run(as: .care, within: .seconds(30)) { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    """
                    WITH people AS (
                      (SELECT id FROM medstream.account WHERE id > $1 ORDER BY id LIMIT $2)
                      UNION (SELECT owner FROM medstream.onboarding WHERE owner > $1 ORDER BY owner LIMIT $2)
                      UNION (SELECT DISTINCT owner FROM medstream.conversation WHERE owner > $1 ORDER BY owner LIMIT $2)
                      UNION (SELECT DISTINCT owner FROM medstream.case_file WHERE owner > $1 ORDER BY owner LIMIT $2)
                      ORDER BY id LIMIT $2)
                    SELECT p.id, a.body, a.created_at,
                      (SELECT count(*) FROM medstream.conversation c WHERE c.owner = p.id),
                      (SELECT count(*) FROM medstream.case_file f WHERE f.owner = p.id),
                      greatest((SELECT max(updated_at) FROM medstream.conversation c WHERE c.owner = p.id),
                        (SELECT max(updated_at) FROM medstream.case_file f WHERE f.owner = p.id))
                     FROM people p LEFT JOIN medstream.account a ON a.id = p.id ORDER BY p.id
                    """, [.uuid(last), .int(rowsToRead(limit))]))
            let page = rows.prefix(limit)
            var people: [Person] = []
            for row in page {
                if let person = try Person(row, keyring) { people.append(person) }
            }
            return Page(items: people, next: page.count < rows.count ? people.last?.id.text : nil)
        }
    }

    /// Less than any id of a user.
    private static let beforeAll = "00000000-0000-0000-0000-000000000000"
}

extension Person {
    fileprivate init?(_ row: Row, _ keyring: Keyring) throws(StoreError) {
        guard let id = UserID(try row.get(0)) else { return nil }
        var account: User?
        if !row.isNull(1) {
            let texts = try keyring.open(try row.get(1), 2, in: .account, row: id.text)
            account = User(
                id: id, name: texts[0], email: texts[1],
                createdAt: Timestamp(milliseconds: Int64(try row.get(2, as: Int.self))))
        }
        self.init(
            id: id, account: account, conversations: try row.get(3), cases: try row.get(4),
            lastUsed: row.isNull(5) ? nil : Timestamp(milliseconds: Int64(try row.get(5, as: Int.self))))
    }
}
