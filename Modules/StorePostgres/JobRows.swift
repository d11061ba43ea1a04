import Encryption
import Persistence
import PostgreSQL

/// New jobs as the values of one statement: those of the only one, or columns of any number as arrays.
struct JobRows: Sendable {
    let values: [Value]
    let count: Count

    /// A row of its own costs the server less than taking arrays apart, and most often there is one.
    enum Count: Sendable { case none, one, many }

    init(_ jobs: [NewJob], _ keyring: Keyring) {
        let sealed = jobs.map { keyring.seal($0.payload, at: Keyring.place(.job, $0.id.text)) }
        let columns: [Value] = [
            .uuids(jobs.map(\.id.text)), .texts(jobs.map(\.kind.rawValue)), .texts(jobs.map(\.uniqueKey)),
            .texts(jobs.map(\.group)), .ints(jobs.map(\.priority.rawValue)),
            .ints(jobs.map { $0.delay.millisecondsRoundedUp }), .bytesList(sealed),
            .ints(sealed.map { Int(Keyring.keyID(of: $0)?.number ?? 0) }),
        ]
        count = jobs.isEmpty ? .none : jobs.count == 1 ? .one : .many
        values = count == .one ? columns.map(\.first) : columns
    }

    /// Adds them with the rows of a user's transaction, which does not see dead letters; none for none.
    var insertion: [Statement] {
        count == .none ? [] : [Statement(unchecked: Self.insertion(of: count, firstValue: 1, where: "true"), values)]
    }

    /// Adds them but for those that are dead letters.
    var enqueueing: Statement {
        let isNew = "NOT EXISTS (SELECT FROM medstream.job_dead d WHERE d.id = t.id)"
        return Statement(unchecked: Self.insertion(of: count, firstValue: 1, where: isNew), values)
    }

    /// Adds jobs whose id and unique key are not in the table, where a condition holds.
    static func insertion(of count: Count, firstValue: Int, where condition: String) -> String {
        let types = ["uuid", "text", "text", "text", "bigint", "bigint", "bytea", "bigint"]
        let values = zip(firstValue..., types)
        let rows =
            count == .one
            ? "(VALUES (\(values.map { "$\($0)::\($1)" }.joined(separator: ", ")), 1))"
            : "unnest(\(values.map { "$\($0)::\($1)[]" }.joined(separator: ", "))) WITH ORDINALITY"
        return """
            INSERT INTO medstream.job (id, kind, unique_key, group_key, priority, waits_since, run_at, payload, key)
            SELECT id, kind, unique_key, group_key, priority, CASE WHEN delay > 0 THEN now() END,
                CASE WHEN delay > 0 THEN now() + delay * interval '1 millisecond' END, payload, key
              FROM \(rows) AS t(id, kind, unique_key, group_key, priority, delay, payload, key, place)
             WHERE \(condition) ORDER BY place
            ON CONFLICT DO NOTHING
            """
    }
}

extension Value {
    /// The first of a list.
    fileprivate var first: Value {
        switch self {
        case .ints(let list): .int(ifAny: list.first)
        case .texts(let list): .text(ifAny: list.first ?? nil)
        case .bytesList(let list): .bytes(ifAny: list.first ?? nil)
        case .uuids(let list): .uuid(ifAny: list.first)
        default: self
        }
    }
}
