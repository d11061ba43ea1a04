import Core

/// The rows of an ``InMemoryStore`` that are no part of a conversation.
struct Records: Sendable {
    private var cases: [CaseID: Case] = [:]
    /// In the order they were first saved.
    private var results: [CaseID: [StageResult]] = [:]
    private var onboarding: [UserID: OnboardingState] = [:]
    private var users: [UserID: User] = [:]

    /// Those who have a row of any kind.
    var owners: Set<UserID> { Set(cases.values.map(\.owner)).union(onboarding.keys).union(users.keys) }
}

// MARK: Cases

extension Records {
    mutating func insert(_ new: Case) throws(StoreError) {
        guard cases[new.id] == nil else {
            _ = try self.case(new.id, of: new.owner)
            return
        }
        cases[new.id] = new
        use(new.id, of: new.owner, at: new.createdAt)
    }

    func `case`(_ id: CaseID, of owner: UserID) throws(StoreError) -> Case {
        guard let found = cases[id], found.owner == owner else { throw .notFound }
        return found
    }

    func cases(of owner: UserID, after cursor: ListPlace?, limit: Int) -> Page<Case> {
        let rest = cases.values.filter { $0.owner == owner }.sorted { $0.updatedAt > $1.updatedAt }.drop { row in
            cursor.map { $0 <= row.place } ?? false
        }
        let page = rest.prefix(max(1, limit))
        return Page(items: Array(page), next: page.count < rest.count ? page.last?.place.description : nil)
    }

    mutating func update(_ new: Case, at time: Timestamp) throws(StoreError) -> Bool {
        var stored = try self.case(new.id, of: new.owner)
        guard stored.version < new.version else { return false }
        stored.rename(new.title)
        stored.notes = new.notes
        stored.status = new.status
        stored.version = new.version
        cases[new.id] = stored
        use(new.id, of: new.owner, at: time)
        return true
    }

    mutating func delete(_ id: CaseID, of owner: UserID) throws(StoreError) {
        _ = try self.case(id, of: owner)
        cases[id] = nil
        results[id] = nil
    }

    /// Puts a case at the head of its owner's list, even when the clock stood still or went back.
    private mutating func use(_ id: CaseID, of owner: UserID, at time: Timestamp) {
        let others = cases.values.lazy.filter { $0.owner == owner && $0.id != id }
        let last = others.map(\.updatedAt.milliseconds).max() ?? .min
        let own = cases[id].map { $0.version > 1 ? $0.updatedAt.milliseconds : .min } ?? .min
        cases[id]?.updatedAt = Timestamp(milliseconds: max(time.milliseconds, max(last, own) &+ 1))
    }

    mutating func save(_ new: StageResult) throws(StoreError) -> Bool {
        _ = try self.case(new.case, of: new.owner)
        let rows = results[new.case] ?? []
        guard let index = rows.firstIndex(where: { $0.stage == new.stage && $0.stream == new.stream }) else {
            results[new.case, default: []].append(new)
            return true
        }
        guard rows[index].version < new.version else { return false }
        results[new.case]?[index] = new.since(rows[index].createdAt)
        return true
    }

    func results(of id: CaseID, of owner: UserID) throws(StoreError) -> [StageResult] {
        _ = try self.case(id, of: owner)
        return results[id] ?? []
    }
}

extension Case {
    fileprivate var place: ListPlace { ListPlace(updatedAt, id.text) }
}

extension StageResult {
    /// The same of another time.
    fileprivate func since(_ time: Timestamp) -> StageResult {
        StageResult(
            case: `case`, stage: stage, stream: stream, owner: owner, text: text, reasoning: reasoning,
            outcome: outcome, length: length, sha256: sha256, provider: provider, model: model, usage: usage,
            cost: cost, version: version, createdAt: time)
    }
}

// MARK: Users

extension Records {
    func onboarding(of owner: UserID) -> OnboardingState? { onboarding[owner] }

    mutating func save(_ state: OnboardingState) -> Bool {
        if let stored = onboarding[state.owner], stored.version >= state.version { return false }
        onboarding[state.owner] = state
        return true
    }

    mutating func insert(_ user: User) throws(StoreError) {
        guard users[user.id] == nil else { return }
        try checkFree(user)
        users[user.id] = user
    }

    func user(_ id: UserID) throws(StoreError) -> User {
        guard let user = users[id] else { throw .notFound }
        return user
    }

    func user(email: String) throws(StoreError) -> User {
        let email = User.normalised(email: email)
        guard let user = users.values.first(where: { User.normalised(email: $0.email) == email }) else {
            throw .notFound
        }
        return user
    }

    mutating func update(_ user: User) throws(StoreError) {
        let stored = try self.user(user.id)
        try checkFree(user)
        users[user.id] = User(id: user.id, name: user.name, email: user.email, createdAt: stored.createdAt)
    }

    private func checkFree(_ user: User) throws(StoreError) {
        guard let holder = try? self.user(email: user.email), holder.id != user.id else { return }
        throw .conflict(.email)
    }

    mutating func deleteUser(_ id: UserID) -> [String: Int] {
        let own = cases.values.filter { $0.owner == id }.map(\.id)
        var rows = ["case": own.count]
        for id in own {
            rows["stage_result", default: 0] += results[id]?.count ?? 0
            cases[id] = nil
            results[id] = nil
        }
        rows["onboarding"] = onboarding.removeValue(forKey: id) == nil ? 0 : 1
        rows["user"] = users.removeValue(forKey: id) == nil ? 0 : 1
        return rows
    }
}

// MARK: Care

extension Records {
    mutating func purge(olderThan age: Duration, at now: Timestamp, into counts: inout PurgeCounts) {
        for row in cases.values where row.updatedAt + age < now {
            counts.cases += 1
            counts.results += results[row.id]?.count ?? 0
            cases[row.id] = nil
            results[row.id] = nil
        }
    }

    var rows: [String: Int] {
        [
            "case": cases.count, "stage_result": results.values.reduce(0) { $0 + $1.count },
            "onboarding": onboarding.count, "user": users.count,
        ]
    }
}
