internal import Synchronization

/// Work handed to a loop by other threads: a stack any thread pushes to without a lock, emptied by the loop's thread.
///
/// Safe to share: a node belongs to its pusher until the compare-and-exchange that publishes it, and to the popper from
/// the exchange that takes the whole stack, so that the ABA problem cannot arise.
final class Inbox: @unchecked Sendable {
    enum Item {
        case job(UnownedJob)
        case body(@Sendable () -> Void)
    }

    private struct Node {
        var item: Item
        var next: UnsafeMutablePointer<Node>?
    }

    private let top = Atomic<UnsafeMutablePointer<Node>?>(nil)

    func push(_ item: Item) {
        let node = UnsafeMutablePointer<Node>.allocate(capacity: 1)
        node.initialize(to: Node(item: item, next: top.load(ordering: .relaxed)))
        while true {
            let (exchanged, found) = top.weakCompareExchange(
                expected: node.pointee.next, desired: node, successOrdering: .releasing, failureOrdering: .relaxed)
            if exchanged { return }
            node.pointee.next = found
        }
    }

    /// Hands over all items, first pushed first.
    func popAll(_ body: (Item) -> Void) {
        // A plain load first: most turns have no mail, and an exchange would take the cache line from the pushers.
        guard top.load(ordering: .relaxed) != nil else { return }
        var newest = top.exchange(nil, ordering: .acquiring)
        var oldest: UnsafeMutablePointer<Node>?
        while let node = newest {
            newest = node.pointee.next
            node.pointee.next = oldest
            oldest = node
        }
        while let node = oldest {
            let item = node.move()
            oldest = item.next
            node.deallocate()
            body(item.item)
        }
    }
}
