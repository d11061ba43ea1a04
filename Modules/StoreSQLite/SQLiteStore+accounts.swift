public import Core
import Encryption
public import Persistence
import SQLite

/// Accounts, onboarding, and the deletion of all that a user has.
extension SQLiteStore {
    public func onboarding(of owner: UserID) async throws(StoreError) -> OnboardingState? {
        let keyring = keyring
        return try await read { transaction in
            try transaction.row(
                "SELECT is_complete, version, updated_at, body FROM onboarding WHERE id = ?", owner.text
            ) { row in
                let texts = try keyring.open(try row.blob(3), in: .onboarding, row: owner.text)
                return OnboardingState(
                    owner: owner, answers: texts[0], isComplete: try row.bool(0), version: try row.int(1),
                    updatedAt: Timestamp(milliseconds: try row.int64(2)))
            }
        }
    }

    @discardableResult
    public func save(_ state: OnboardingState) async throws(StoreError) -> Bool {
        let sealed = keyring.seal([state.answers], in: .onboarding, row: state.owner.text)
        return try await write(bytes: sealed.bytes.count) { transaction in
            try transaction.run(
                """
                INSERT INTO onboarding(id, is_complete, version, updated_at, key, body) VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT(id) DO UPDATE SET is_complete = excluded.is_complete, version = excluded.version,
                    updated_at = excluded.updated_at, key = excluded.key, body = excluded.body
                WHERE onboarding.version < excluded.version
                """, state.owner.text, state.isComplete, state.version, state.updatedAt.milliseconds, sealed.key,
                sealed.bytes) > 0
        }
    }

    public func insert(_ user: User) async throws(StoreError) {
        let (sealed, print) = (user.sealed(keyring), User.print(of: user.email, keyring))
        try await add(bytes: sealed.bytes.count) { transaction in
            guard try !transaction.exists("SELECT 1 FROM account WHERE id = ?", user.id.text) else { return }
            try transaction.requireFree(email: print, for: user.id)
            try transaction.run(
                "INSERT INTO account(id, email_print, created_at, key, body) VALUES (?, ?, ?, ?, ?)", user.id.text,
                print, user.createdAt.milliseconds, sealed.key, sealed.bytes)
        }
    }

    public func user(_ id: UserID) async throws(StoreError) -> User { try await user(Self.byID, id.text) }

    public func user(email: String) async throws(StoreError) -> User {
        try await user(Self.byEmail, User.print(of: email, keyring))
    }

    private static let byID = SQL(unchecked: "SELECT \(User.columns) FROM account WHERE id = ?")
    private static let byEmail = SQL(unchecked: "SELECT \(User.columns) FROM account WHERE email_print = ?")

    private func user(_ sql: SQL, _ name: some Bindable & Sendable) async throws(StoreError) -> User {
        let keyring = keyring
        return try await read { transaction in
            guard let user = try transaction.row(sql, name, read: { row in try User(row, keyring) }) else {
                throw StoreError.notFound
            }
            return user
        }
    }

    public func update(_ user: User) async throws(StoreError) {
        let (sealed, print) = (user.sealed(keyring), User.print(of: user.email, keyring))
        try await write(bytes: sealed.bytes.count) { transaction in
            guard try transaction.exists("SELECT 1 FROM account WHERE id = ?", user.id.text) else {
                throw StoreError.notFound
            }
            try transaction.requireFree(email: print, for: user.id)
            try transaction.run(
                "UPDATE account SET email_print = ?, key = ?, body = ? WHERE id = ?", print, sealed.key, sealed.bytes,
                user.id.text)
        }
    }

    public func deleteUser(_ id: UserID) async throws(StoreError) -> DeletionReceipt {
        var rows: [String: Int] = [:]
        // Some conversations at a time, so that nobody waits long; what is begun meanwhile is found by the last step.
        while true {
            let (before, now) = (rows, now)
            let step = try await write { transaction in try transaction.deletePart(of: id, after: before, now) }
            switch step {
            case .part(let deleted): rows = deleted
            case .last(let receipt):
                // What was deleted leaves the log and the file too.
                try? await database.checkpoint()
                return receipt
            }
        }
    }

    public func deletions(after place: Int, limit: Int) async throws(StoreError) -> [Deletion] {
        let limit = min(max(1, limit), Deletion.mostAtOnce)
        return try await read { transaction in
            try transaction.rows(
                "SELECT place, owner, at, rows FROM deletion WHERE place > ? ORDER BY place LIMIT ?", place, limit
            ) { row in
                try Deletion(place: row.int(0), owner: row.text(1), at: row.int64(2), rows: row.text(3))
            }
        }
    }

    public func wasDeleted(_ user: UserID, since time: Timestamp) async throws(StoreError) -> Bool {
        try await read { transaction in
            try transaction.exists("SELECT 1 FROM deletion WHERE owner = ? AND at >= ?", user.text, time.milliseconds)
        }
    }
}

/// What a step of a deletion came to.
private enum DeletionStep: Sendable {
    /// Rows so far, by table; there is more.
    case part([String: Int])
    case last(DeletionReceipt)
}

// MARK: - Within a transaction

extension Transaction {
    /// Throws when another account has an address.
    fileprivate borrowing func requireFree(email print: [UInt8], for user: UserID) throws {
        guard try !exists("SELECT 1 FROM account WHERE email_print = ? AND id != ?", print, user.text) else {
            throw StoreError.conflict(.email)
        }
    }

    /// Deletes some of a user's conversations, or, when there are few left, all that the user has.
    ///
    /// The last step has something to delete if any step had, and notes the deletion: one that is broken off is made again.
    fileprivate borrowing func deletePart(
        of user: UserID, after before: [String: Int], _ now: () -> Timestamp
    ) throws -> DeletionStep {
        // What is deleted is overwritten, which is left out else for its cost.
        _ = try row("PRAGMA secure_delete=ON") { row in try row.int(0) }
        defer { _ = try? row("PRAGMA secure_delete=FAST") { row in try row.int(0) } }
        let atOnce = 50
        let own = try rows("SELECT id FROM conversation WHERE owner = ? LIMIT ?", user.text, atOnce + 1) { row in
            try row.text(0)
        }
        var rows = before
        for id in own.prefix(atOnce) {
            let (messages, keys) = try delete(conversation: id)
            rows["conversation", default: 0] += 1
            rows["message", default: 0] += messages
            rows["idempotency_key", default: 0] += keys
        }
        guard own.count <= atOnce else { return .part(rows) }
        rows["idempotency_key", default: 0] += try run("DELETE FROM idempotency_key WHERE owner = ?", user.text)
        let cases = try self.rows("SELECT id FROM case_file WHERE owner = ?", user.text) { row in try row.text(0) }
        rows["case"] = cases.count
        for id in cases { rows["stage_result", default: 0] += try delete(case: id) }
        rows["onboarding"] = try run("DELETE FROM onboarding WHERE id = ?", user.text)
        rows["job"] = try SQLiteQueue.forget(group: user.text, in: self)
        rows["user"] = try run("DELETE FROM account WHERE id = ?", user.text)
        let receipt = DeletionReceipt(user: user, at: now(), rows: rows)
        if !receipt.rows.isEmpty {
            try run(
                "INSERT INTO deletion(owner, at, rows) VALUES (?, ?, ?)", user.text, receipt.at.milliseconds,
                receipt.rowsText)
        }
        return .last(receipt)
    }
}
