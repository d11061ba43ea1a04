public import Core
import Encryption
public import Persistence
import PostgreSQL

/// Accounts and onboarding.
extension PostgresStore {
    public func onboarding(of owner: UserID) async throws(StoreError) -> OnboardingState? {
        let keyring = keyring
        return try await run(as: .user(owner)) { transaction throws(StoreError) in
            let rows = try transaction.finish(
                Statement(
                    "SELECT version, is_complete, updated_at, body FROM medstream.onboarding WHERE owner = $1",
                    [.uuid(owner.text)]))
            guard let row = rows.first else { return nil }
            return OnboardingState(
                owner: owner, answers: try keyring.open(try row.get(3), 1, in: .onboarding, row: owner.text)[0],
                isComplete: try row.get(1), version: try row.get(0),
                updatedAt: Timestamp(milliseconds: Int64(try row.get(2, as: Int.self))))
        }
    }

    @discardableResult
    public func save(_ state: OnboardingState) async throws(StoreError) -> Bool {
        let sealed = keyring.seal([state.answers], in: .onboarding, row: state.owner.text)
        return try await run(as: .user(state.owner)) { transaction throws(StoreError) in
            try transaction.finish(
                Statement(
                    """
                    INSERT INTO medstream.onboarding AS stored (owner, version, is_complete, updated_at, body, key)
                    VALUES ($1, $2, $3, $4, $5, $6)
                    ON CONFLICT (owner) DO UPDATE SET version = excluded.version, is_complete = excluded.is_complete,
                      updated_at = excluded.updated_at, body = excluded.body, key = excluded.key
                     WHERE stored.version < excluded.version
                    """,
                    [
                        .uuid(state.owner.text), .int(state.version), .bool(state.isComplete),
                        .int(Int(state.updatedAt.milliseconds)), .bytes(sealed.bytes), sealed.key,
                    ])
            ).affected > 0
        }
    }

    public func insert(_ user: User) async throws(StoreError) {
        let values = accountValues(user)
        try await run(as: .user(user.id)) { transaction throws(StoreError) in
            do throws(StoreError) {
                _ = try transaction.finish(
                    Statement(
                        """
                        INSERT INTO medstream.account (id, email_print, body, key, created_at)
                        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING
                        """, values))
            } catch {
                throw error.takenKey == "account_email" ? .conflict(.email) : error
            }
        }
    }

    public func user(_ id: UserID) async throws(StoreError) -> User {
        try await user(
            as: .user(id),
            Statement("SELECT id, body, created_at FROM medstream.account WHERE id = $1", [.uuid(id.text)]))
    }

    public func user(email: String) async throws(StoreError) -> User {
        // Nobody is known yet in whose name this could be asked.
        try await user(
            as: .care,
            Statement(
                "SELECT id, body, created_at FROM medstream.account WHERE email_print = $1", [.bytes(print(of: email))])
        )
    }

    public func update(_ user: User) async throws(StoreError) {
        let values = Array(accountValues(user).dropLast())
        try await run(as: .user(user.id)) { transaction throws(StoreError) in
            do throws(StoreError) {
                let rows = try transaction.finish(
                    Statement(
                        "UPDATE medstream.account SET email_print = $2, body = $3, key = $4 WHERE id = $1", values))
                guard rows.affected > 0 else { throw StoreError.notFound }
            } catch {
                throw error.takenKey == "account_email" ? .conflict(.email) : error
            }
        }
    }

    private func user(as principal: Principal, _ statement: Statement) async throws(StoreError) -> User {
        let keyring = keyring
        return try await run(as: principal) { transaction throws(StoreError) in
            guard let row = try transaction.finish(statement).first, let id = UserID(try row.get(0)) else {
                throw .notFound
            }
            let texts = try keyring.open(try row.get(1), 2, in: .account, row: id.text)
            return User(
                id: id, name: texts[0], email: texts[1],
                createdAt: Timestamp(milliseconds: Int64(try row.get(2, as: Int.self))))
        }
    }

    private func accountValues(_ user: User) -> [Value] {
        let sealed = keyring.seal([user.name, user.email], in: .account, row: user.id.text)
        return [
            .uuid(user.id.text), .bytes(print(of: user.email)), .bytes(sealed.bytes), sealed.key,
            .int(Int(user.createdAt.milliseconds)),
        ]
    }

    private func print(of email: String) -> [UInt8] {
        keyring.fingerprint(User.normalised(email: email), purpose: "e-mail")
    }
}
