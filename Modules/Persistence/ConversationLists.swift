import Core

/// Of each user the places of the conversations in the list, the last used at the end.
struct ConversationLists: Sendable {
    private var lists: [UserID: [ListPlace]] = [:]

    /// Those who have a conversation.
    var owners: Set<UserID> { Set(lists.keys) }

    /// All of a user's, the last used at the end.
    func places(of owner: UserID) -> [ListPlace] { lists[owner] ?? [] }

    /// Some of a user's, the last used first.
    func page(of owner: UserID, after cursor: ListPlace?, limit: Int) -> Page<ListPlace> {
        let list = places(of: owner)
        let rest = list.prefix(cursor.map(list.position) ?? list.count)
        let page = rest.suffix(max(1, limit))
        return Page(items: page.reversed(), next: page.count < rest.count ? page.first?.description : nil)
    }

    /// Puts a conversation at the head of its owner's list, even when the clock stood still or went back.
    mutating func use(_ conversation: inout Conversation, at time: Timestamp) {
        let last = lists[conversation.owner]?.last?.time.milliseconds ?? .min
        remove(conversation)
        conversation.updatedAt = Timestamp(milliseconds: max(time.milliseconds, last + 1))
        lists[conversation.owner, default: []].append(ListPlace(conversation))
    }

    /// Takes a conversation out, as it was when it was used last; one that is not there is left so.
    mutating func remove(_ conversation: Conversation) {
        let owner = conversation.owner
        let place = ListPlace(conversation)
        let index = lists[owner]?.position(of: place) ?? 0
        if lists[owner]?.dropFirst(index).first == place { lists[owner]?.remove(at: index) }
        if lists[owner]?.isEmpty == true { lists[owner] = nil }
    }
}

extension [ListPlace] {
    /// The index of the first element that is not below the given place.
    fileprivate func position(of place: ListPlace) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] < place { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
