import Core
import Synchronization

extension InMemoryStore {
    public func people(after cursor: String?, limit: Int) async throws(StoreError) -> Page<Person> {
        let last = try place(cursor) { UserID($0) }
        return tables.withLock { tables in
            let owners = tables.owners.union(tables.records.owners).map(\.text).sorted()
            let rest = owners.drop { owner in last.map { owner <= $0.text } ?? false }
            let page = rest.prefix(max(1, limit))
            return Page(
                items: page.compactMap { UserID($0).map(tables.person) },
                next: page.count < rest.count ? page.last : nil)
        }
    }
}

extension Tables {
    fileprivate func person(_ id: UserID) -> Person {
        let conversations = threads(of: id).map(\.conversation)
        let cases = records.cases(of: id, after: nil, limit: .max).items
        let times = conversations.map(\.updatedAt) + cases.map(\.updatedAt)
        return Person(
            id: id, account: try? records.user(id), conversations: conversations.count, cases: cases.count,
            lastUsed: times.max())
    }
}
