public import Core
import Synchronization

/// Cases, onboarding, accounts, and what operators need.
extension InMemoryStore {
    public func insert(_ case: Case) async throws(StoreError) {
        try tables.withLock { tables throws(StoreError) in try tables.records.insert(`case`) }
    }

    public func `case`(_ id: CaseID, of owner: UserID) async throws(StoreError) -> Case {
        try tables.withLock { tables throws(StoreError) in try tables.records.case(id, of: owner) }
    }

    public func cases(of owner: UserID, after cursor: String?, limit: Int) async throws(StoreError) -> Page<Case> {
        let place = try place(cursor, ListPlace.init)
        return tables.withLock { $0.records.cases(of: owner, after: place, limit: limit) }
    }

    @discardableResult
    public func update(_ case: Case) async throws(StoreError) -> Bool {
        try tables.withLock { tables throws(StoreError) in try tables.records.update(`case`, at: now()) }
    }

    public func delete(_ id: CaseID, of owner: UserID) async throws(StoreError) {
        try tables.withLock { tables throws(StoreError) in try tables.records.delete(id, of: owner) }
    }

    @discardableResult
    public func save(_ result: StageResult) async throws(StoreError) -> Bool {
        try tables.withLock { tables throws(StoreError) in try tables.records.save(result) }
    }

    public func results(of id: CaseID, of owner: UserID) async throws(StoreError) -> [StageResult] {
        try tables.withLock { tables throws(StoreError) in try tables.records.results(of: id, of: owner) }
    }

    public func onboarding(of owner: UserID) async throws(StoreError) -> OnboardingState? {
        tables.withLock { $0.records.onboarding(of: owner) }
    }

    @discardableResult
    public func save(_ state: OnboardingState) async throws(StoreError) -> Bool {
        tables.withLock { $0.records.save(state) }
    }

    public func insert(_ user: User) async throws(StoreError) {
        try tables.withLock { tables throws(StoreError) in try tables.records.insert(user) }
    }

    public func user(_ id: UserID) async throws(StoreError) -> User {
        try tables.withLock { tables throws(StoreError) in try tables.records.user(id) }
    }

    public func user(email: String) async throws(StoreError) -> User {
        try tables.withLock { tables throws(StoreError) in try tables.records.user(email: email) }
    }

    public func update(_ user: User) async throws(StoreError) {
        try tables.withLock { tables throws(StoreError) in try tables.records.update(user) }
    }

    public func deleteUser(_ id: UserID) async throws(StoreError) -> DeletionReceipt {
        tables.withLock { $0.deleteUser(id, at: now()) }
    }

    /// Those of this very process, whose end the store does not outlive: none.
    public func unfinished(limit: Int) async throws(StoreError) -> [Message] { [] }

    /// Nothing can be wrong that would not be so in the process itself: no findings.
    public func check() async throws(StoreError) -> [CheckFinding] { [] }

    public func purge(_ policy: RetentionPolicy) async throws(StoreError) -> PurgeCounts {
        tables.withLock { $0.purge(policy, at: now()) }
    }

    public func deletions(after place: Int, limit: Int) async throws(StoreError) -> [Deletion] {
        tables.withLock { Array($0.deletions.dropFirst(place).prefix(min(max(1, limit), Deletion.mostAtOnce))) }
    }

    public func wasDeleted(_ user: UserID, since time: Timestamp) async throws(StoreError) -> Bool {
        tables.withLock { $0.deletions.contains { $0.receipt.user == user && $0.receipt.at >= time } }
    }

    /// Nothing is sealed in memory: none are left.
    public func reencrypt(limit: Int) async throws(StoreError) -> Int { 0 }

    /// There is no room to give back.
    public func optimise() async throws(StoreError) {}

    public func statistics() async throws(StoreError) -> StoreStatistics { tables.withLock { $0.statistics } }
}
