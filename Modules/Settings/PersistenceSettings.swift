import Configuration
public import Core

/// Where conversations are kept, and what happens while that place cannot be reached.
public struct PersistenceSettings: Sendable {
    public var store = Store.sqlite
    /// SQLite's file.
    public var path = ""
    /// PostgreSQL's address, with its password; there is one when ``store`` is `postgres`.
    public var url: Secret?
    /// Connections to PostgreSQL at most.
    public var connections = 8
    /// How long connecting to PostgreSQL, or one statement there, may take before the write goes to the spool.
    ///
    /// 2 s, so that a database that hangs is as good as one that is down.
    public var timeout = Duration.seconds(2)
    /// Between two records of an answer that is being written.
    public var checkpoint = Duration.seconds(5)

    public enum Store: String, Sendable, CaseIterable {
        /// One file, which needs no other server.
        case sqlite
        /// A server of its own, which several of ours may share.
        case postgres
        /// Nothing outlives the process: for tests.
        case memory
    }

    init() {}

    init(_ section: Section, in dataDirectory: String) {
        store = section.choice("store", default: store)
        let file = section.string("path", default: "medstream.sqlite")
        path = file.hasPrefix("/") ? file : "\(dataDirectory)/\(file)"
        url = section.secret("url")
        if store == .postgres, url == nil {
            section.fail("url", "is missing: 'store: postgres' needs one, such as postgresql://user@host/database")
        }
        connections = section.int("connections", in: 1...1_000, default: connections)
        timeout = section.duration("timeout", in: .milliseconds(100) ... .seconds(60), default: timeout)
        checkpoint = section.duration("checkpoint", in: .seconds(1) ... .seconds(3600), default: checkpoint)
    }
}
