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

    /// The statement that adds them; none for none.
    var insertion: [Statement] {
        isEmpty ? [] : [Statement(unchecked: Self.insertion(firstValue: 1, where: "true"), values)]
    }

    /// Adds jobs whose id and unique key are not in the table, where a condition holds.
    static func insertion(firstValue: Int, where condition: String) -> String {
        let arrays = (firstValue..<firstValue + 8).map { "$\($0)" }.joined(separator: ", ")
        return """
            INSERT INTO medstream.job (id, kind, unique_key, group_key, priority, run_at, payload, key)
            SELECT id, kind, unique_key, group_key, priority, now() + delay * interval '1 millisecond', payload, key
              FROM unnest(\(arrays)) WITH ORDINALITY
                AS t(id, kind, unique_key, group_key, priority, delay, payload, key, place)
             WHERE \(condition) ORDER BY place
            ON CONFLICT DO NOTHING
            """
    }
}
