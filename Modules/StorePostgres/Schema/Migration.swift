import Hashing

/// One step of the schema, forward only; what once was released is never changed, which its hash is kept for.
struct Migration: Sendable {
    let number: Int
    let name: String
    let sql: String

    /// Every step there is, in order, counted from 1 without gaps.
    static let all = [
        Migration(number: 1, name: "tables", sql: Schema.tables),
        Migration(number: 2, name: "row-level security", sql: Schema.security),
        Migration(number: 3, name: "queue", sql: Schema.queue),
        Migration(number: 4, name: "deletions", sql: Schema.deletions),
        Migration(number: 5, name: "claims row by row", sql: Schema.claims),
    ]

    var sha256: String {
        var hash = SHA256()
        hash.update(sql.utf8Span.span)
        return hash.hexDigest()
    }
}

/// The text of the migrations.
enum Schema {}
