import CPQ
import Glibc

/// One connection to a server; it is used by one thread at a time, which it may hold up until a deadline.
///
/// It is in pipeline mode all the time but for scripts. Whatever fails in a way that leaves its state in doubt makes it
/// unusable for good.
final class Connection {
    private let handle: OpaquePointer
    private let cancels: Canceller
    /// The statements that the server has prepared for us, by their SQL; `nil` where nothing may be kept in a session.
    private var prepared: [String: String]?
    private var isInDoubt = false
    private var preparedCount = 0

    /// A statement that is different each time would otherwise fill the server's memory.
    private static let preparedLimit = 256

    /// Connects, and proves who we are.
    ///
    /// - Throws: ``PostgreSQLError`` of kind `outage` or `timeout`.
    init(to address: ServerAddress, cancels: Canceller, until deadline: Deadline) throws(PostgreSQLError) {
        self.cancels = cancels
        prepared = address.isTransactionPooler ? nil : [:]
        let names = CStrings(address.parameters.map(\.name))
        let values = CStrings(address.parameters.map(\.value))
        guard let handle = PQconnectStartParams(names.pointers, values.pointers, 0) else {
            throw PostgreSQLError(.outage, "There is no memory for a connection")
        }
        self.handle = handle
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        try connect(until: deadline)
        PQsetnonblocking(handle, 1)
        PQenterPipelineMode(handle)
    }

    deinit { PQfinish(handle) }

    private func connect(until deadline: Deadline) throws(PostgreSQLError) {
        guard PQstatus(handle) != CONNECTION_BAD else { throw failure(.outage) }
        // As libpq asks for it: as if the last answer had been that it wants to write.
        var step = PGRES_POLLING_WRITING
        while step != PGRES_POLLING_OK {
            guard step != PGRES_POLLING_FAILED else { throw failure(.outage) }
            let ready = deadline.poll(PQsocket(handle), for: step == PGRES_POLLING_READING ? POLLIN : POLLOUT)
            guard ready != 0 else { throw PostgreSQLError(.timeout, "The server did not answer while we connected") }
            step = PQconnectPoll(handle)
        }
    }

    /// Whether the next one may use it: no transaction is open, and nothing is on its way.
    var isFit: Bool {
        !isInDoubt && PQstatus(handle) == CONNECTION_OK && PQtransactionStatus(handle) == PQTRANS_IDLE
    }

    /// Whether the server has not closed it while it rested; costs one system call.
    var isStillOpen: Bool {
        guard isFit else { return false }
        while Deadline(after: .zero).poll(PQsocket(handle), for: POLLIN) != 0 {
            // News of settings are fine; the end comes behind what the server says of it.
            guard PQconsumeInput(handle) == 1, PQisBusy(handle) == 0 else { return false }
        }
        return PQstatus(handle) == CONNECTION_OK
    }

    /// The number of the server's process.
    var process: Int { Int(PQbackendPID(handle)) }
}

// MARK: Statements

extension Connection {
    /// Sends statements together and takes their results; they are one transaction, unless they are part of one.
    ///
    /// - Throws: ``PostgreSQLError`` of the first that failed; those behind it were not carried out.
    func exchange(_ statements: [Statement], until deadline: Deadline) throws(PostgreSQLError) -> [Rows] {
        isInDoubt = true
        let isAnnounced = try statements.map { statement throws(PostgreSQLError) in try send(statement) }
        guard PQpipelineSync(handle) == 1 else { throw failure(.outage) }

        var results: [Rows] = []
        results.reserveCapacity(statements.count)
        var first: PostgreSQLError?
        for (statement, isNew) in zip(statements, isAnnounced) {
            if isNew {
                let outcome = try result(of: statement, until: deadline)
                if case .failure(let error) = outcome {
                    prepared?[statement.sql] = nil
                    first = first ?? error
                }
            }
            switch try result(of: statement, until: deadline) {
            case .success(let rows): results.append(rows)
            case .failure(let error): first = first ?? error
            }
        }
        try synchronise(until: deadline)
        isInDoubt = false
        if let first { throw first }
        return results
    }

    /// Runs any number of statements, divided by semicolons, as one transaction unless they say otherwise.
    func script(_ sql: String, until deadline: Deadline) throws(PostgreSQLError) {
        isInDoubt = true
        guard PQexitPipelineMode(handle) == 1, PQsendQuery(handle, sql) == 1 else { throw failure(.outage) }
        var first: PostgreSQLError?
        while let pointer = try next(until: deadline) {
            if case .failure(let error) = outcome(Rows(pointer), pointer, of: nil) { first = first ?? error }
            guard PQstatus(handle) == CONNECTION_OK else { throw first ?? failure(.outage) }
        }
        guard PQenterPipelineMode(handle) == 1 else { throw failure(.outage) }
        isInDoubt = false
        if let first { throw first }
    }

    /// - Returns: whether the server was told to prepare it, so that there is one result more.
    private func send(_ statement: Statement) throws(PostgreSQLError) -> Bool {
        var name = prepared?[statement.sql]
        var isNew = false
        let arguments = Arguments(statement.values)
        if name == nil, prepared != nil, preparedCount < Self.preparedLimit {
            let fresh = "medstream_\(preparedCount)"
            preparedCount += 1
            guard PQsendPrepare(handle, fresh, statement.sql, Int32(arguments.types.count), arguments.types) == 1 else {
                throw failure(.outage, statement)
            }
            prepared?[statement.sql] = fresh
            name = fresh
            isNew = true
        }
        let isSent = arguments.withPointers { pointers in
            if let name {
                PQsendQueryPrepared(
                    handle, name, Int32(pointers.count), pointers, arguments.lengths, arguments.formats, 1)
            } else {
                PQsendQueryParams(
                    handle, statement.sql, Int32(pointers.count), arguments.types, pointers, arguments.lengths,
                    arguments.formats, 1)
            }
        }
        guard isSent == 1 else { throw failure(.outage, statement) }
        return isNew
    }

    private func result(
        of statement: Statement, until deadline: Deadline
    ) throws(PostgreSQLError) -> Result<Rows, PostgreSQLError> {
        guard let pointer = try next(until: deadline, of: statement) else { throw failure(.outage, statement) }
        let outcome = outcome(Rows(pointer), pointer, of: statement)
        guard PQstatus(handle) == CONNECTION_OK else {
            if case .failure(let error) = outcome { throw error }
            throw failure(.outage, statement)
        }
        // One statement has one result, then nil.
        guard try next(until: deadline, of: statement) == nil else {
            throw PostgreSQLError(.defect, "A statement had two results", sql: statement.sql)
        }
        return outcome
    }

    /// Takes the answer to the end of a pipeline, at which the transaction was committed if it was one.
    private func synchronise(until deadline: Deadline) throws(PostgreSQLError) {
        var failed: PostgreSQLError?
        while let pointer = try next(until: deadline) {
            let rows = Rows(pointer)
            let status = PQresultStatus(pointer)
            if status == PGRES_PIPELINE_SYNC {
                if let failed { throw failed }
                return
            }
            // What is found out only while committing.
            if case .failure(let error) = outcome(rows, pointer, of: nil) { failed = failed ?? error }
            guard PQstatus(handle) == CONNECTION_OK else { break }
            _ = try next(until: deadline)
        }
        throw failed ?? failure(.outage)
    }

    /// The next result as libpq hands it out, waiting for it until the deadline.
    private func next(until deadline: Deadline, of statement: Statement? = nil) throws(PostgreSQLError)
        -> OpaquePointer?
    {
        while true {
            let unsent = PQflush(handle)
            guard unsent >= 0 else { throw failure(.outage, statement) }
            if unsent == 0, PQisBusy(handle) == 0 { return PQgetResult(handle) }
            let ready = deadline.poll(PQsocket(handle), for: unsent == 1 ? POLLIN | POLLOUT : POLLIN)
            guard ready != 0 else {
                cancels.cancel(PQgetCancel(handle))
                throw PostgreSQLError(.timeout, "The server did not answer in time", sql: statement?.sql)
            }
            guard ready & POLLOUT == 0 || ready & ~POLLOUT != 0 else { continue }
            guard PQconsumeInput(handle) == 1 else { throw failure(.outage, statement) }
        }
    }

    private func outcome(
        _ rows: Rows, _ pointer: OpaquePointer, of statement: Statement?
    ) -> Result<Rows, PostgreSQLError> {
        switch PQresultStatus(pointer) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY: .success(rows)
        case PGRES_PIPELINE_ABORTED:
            .failure(PostgreSQLError(.defect, "A statement before it failed", sql: statement?.sql))
        default: .failure(PostgreSQLError(pointer, sql: statement?.sql) ?? failure(.outage, statement))
        }
    }

    /// What libpq says of the connection itself, which holds the names of host, user and database.
    private func failure(_ kind: PostgreSQLError.Kind, _ statement: Statement? = nil) -> PostgreSQLError {
        let words = String(cString: PQerrorMessage(handle)).split(whereSeparator: \.isWhitespace)
        let reason = words.isEmpty ? "The connection to the server was lost" : words.joined(separator: " ")
        return PostgreSQLError(kind, reason, sql: statement?.sql)
    }
}

extension PostgreSQLError {
    /// What the server said of a statement; `nil` when it was not the server that said it.
    fileprivate init?(_ result: OpaquePointer, sql: String?) {
        // The names of fields are characters in C.
        func field(_ name: Character) -> String? {
            name.asciiValue.flatMap { PQresultErrorField(result, Int32($0)) }.map { String(cString: $0) }
        }
        guard let state = field("C") else { return nil }
        let kind = Kind(sqlState: state)
        // Messages of these classes quote the values they dislike.
        let reason = kind == .row ? "The values were refused" : field("M") ?? "The server gave no reason"
        self.init(kind, sqlState: state, reason, sql: sql, constraint: field("n"))
    }
}

/// Strings of C with a null at the end, as long as this lives.
private final class CStrings {
    private let owned: [UnsafeMutablePointer<CChar>?]
    let pointers: [UnsafePointer<CChar>?]

    init(_ texts: [String]) {
        owned = texts.map { strdup($0) }
        pointers = owned.map { UnsafePointer($0) } + [nil]
    }

    deinit { for text in owned { free(text) } }
}

/// Values as libpq takes them: addresses into one piece of memory, lengths, types; all in binary.
private struct Arguments {
    private var bytes: [UInt8] = []
    /// Where each value begins; `nil` for null.
    private var places: [Int?] = []
    private(set) var lengths: [Int32] = []
    private(set) var types: [UInt32] = []
    let formats: [Int32]

    init(_ values: [Value]) {
        formats = Array(repeating: 1, count: values.count)
        bytes.reserveCapacity(values.reduce(1) { $0 + $1.size })
        for value in values {
            let place = bytes.count
            let isThere = value.write(to: &bytes)
            places.append(isThere ? place : nil)
            lengths.append(Int32(truncatingIfNeeded: bytes.count - place))
            types.append(value.type)
        }
        // An empty value still needs an address.
        bytes.append(0)
    }

    func withPointers<Answer>(_ body: ([UnsafePointer<CChar>?]) -> Answer) -> Answer {
        bytes.withUnsafeBytes { bytes in
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            return body(places.map { place in place.flatMap { start?.advanced(by: $0) }.map { UnsafePointer($0) } })
        }
    }
}
