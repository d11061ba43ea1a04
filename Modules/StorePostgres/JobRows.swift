import Encryption
import Persistence
import PostgreSQL

/// New jobs as columns of arrays, so that any number of them is one statement.
struct JobRows: Sendable {
    let values: [Value]
    let isEmpty: Bool

    init(_ jobs: [NewJob], _ keyring: Keyring) {
        isEmpty = jobs.isEmpty
        let sealed = jobs.map { keyring.seal($0.payload, at: Keyring.place(.job, $0.id.text)) }
        values = [
            .uuids(jobs.map(\.id.text)), .texts(jobs.map(\.kind.rawValue)), .texts(jobs.map(\.uniqueKey)),
            .texts(jobs.map(\.group)), .ints(jobs.map(\.priority.rawValue)),
            .ints(jobs.map { $0.delay.millisecondsRoundedUp }), .bytesList(sealed),
            .ints(sealed.map { Int(Keyring.keyID(of: $0)?.number ?? 0) }),
        ]
    }

    /// Adds them with the rows of a user's transaction, which does not see dead letters; none for none.
    var insertion: [Statement] {
        isEmpty ? [] : [Statement(unchecked: Self.insertion(firstValue: 1, where: "true"), values)]
    }

    /// Adds them but for those that are dead letters.
    var enqueueing: Statement {
        let isNew = "NOT EXISTS (SELECT FROM medstream.job_dead d WHERE d.id = t.id)"
        return Statement(unchecked: Self.insertion(firstValue: 1, where: isNew), values)
    }

    /// Adds jobs whose id and unique key are not in the table, where a condition holds.
    static func insertion(firstValue: Int, where condition: String) -> String {
        let arrays = (firstValue..<firstValue + 8).map { "$\($0)" }.joined(separator: ", ")
        return """
            INSERT INTO medstream.job (id, kind, unique_key, group_key, priority, waits_since, run_at, payload, key)
            SELECT id, kind, unique_key, group_key, priority, CASE WHEN delay > 0 THEN now() END,
                CASE WHEN delay > 0 THEN now() + delay * interval '1 millisecond' END, payload, key
              FROM unnest(\(arrays)) WITH ORDINALITY
                AS t(id, kind, unique_key, group_key, priority, delay, payload, key, place)
             WHERE \(condition) ORDER BY place
            ON CONFLICT DO NOTHING
            """
    }
}
