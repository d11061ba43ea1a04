/// Why something that was asked of a server did not come about.
///
/// It names the SQL and what the server says of it, and never a value: messages of the server that could quote one are
/// left out, and so are its details.
public struct PostgreSQLError: Error, Sendable {
    /// What can be done about it.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The server cannot be reached, was lost or has no room for us; asking again later can help.
        ///
        /// Whether a transaction that was being committed is committed is not known.
        case outage
        /// There was no answer in time; as for `outage`, it is not known what happened.
        case timeout
        /// Another transaction was in the way (40001, 40P01, 55P03); the same again, at once, can work.
        case conflict
        /// The values do not fit the rows (22xxx, 23xxx); the same again cannot work.
        case row
        /// The role may not do this (42501), which row-level security says too.
        case denied
        /// The address cannot be read.
        case address
        /// The rest: SQL that the server does not understand, results that are not what they should be.
        case defect
    }

    public let kind: Kind
    /// Five characters of PostgreSQL's Appendix A, where the server gave a reason.
    public let sqlState: String?
    /// What happened, without values.
    public let reason: String
    /// The statement that failed, as it was written, with `$1` for its values.
    public internal(set) var sql: String?
    /// The constraint that a row broke.
    public let constraint: String?

    /// An error of one's own, as work may throw; `reason` holds no values either.
    public init(_ kind: Kind, _ reason: String) { self.init(kind, sqlState: nil, reason) }

    init(_ kind: Kind, sqlState: String? = nil, _ reason: String, sql: String? = nil, constraint: String? = nil) {
        self.kind = kind
        self.sqlState = sqlState
        self.reason = reason
        self.sql = sql
        self.constraint = constraint
    }

    static func address(_ reason: String) -> PostgreSQLError { PostgreSQLError(.address, reason) }

    /// Whether the server is at fault and not what it was asked, so that nothing is known of the answer.
    public var isOutage: Bool { kind == .outage || kind == .timeout }
}

extension PostgreSQLError.Kind {
    /// By the SQLSTATE's class.
    init(sqlState: String) {
        self =
            switch sqlState {
            case "40001", "40P01", "55P03": .conflict
            case "42501": .denied
            // The statement's time-out, and those of idle sessions.
            case "57014", "25P03", "57P05": .timeout
            case "57P01", "57P02", "57P03", "57P04", "55000": .outage
            default:
                switch sqlState.prefix(2) {
                // Connections, resources, the disk and the server's own failures.
                case "08", "53", "58": .outage
                case "22", "23": .row
                default: .defect
                }
            }
    }
}

extension PostgreSQLError: CustomStringConvertible {
    public var description: String {
        [sqlState.map { "[\($0)]" }, reason, advice, constraint.map { "(constraint \($0))" }, sql.map { "in: \($0)" }]
            .compactMap(\.self).joined(separator: " ")
    }

    /// What an operator can do about it where the reason does not tell.
    private var advice: String? {
        switch sqlState {
        // A prepared statement is there that we did not make, or gone: the connection was another's in between.
        case "42P05", "26000": "(add pgbouncer=true to the URL if a pooler of transactions stands before the server)"
        default: nil
        }
    }
}
