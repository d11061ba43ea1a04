import Core
public import Reactor

/// The hub's side of the journal.
extension StreamHub {
    /// Where the logs of the calling loop tell of news; `nil` when nothing is written down.
    func feed(on loop: EventLoop) -> JournalFeed? {
        guard let journal, settings.durability != .off else { return nil }
        return loop.local { JournalFeeds() }.feed(of: self) {
            JournalFeed(on: loop, to: journal, settings) { [unowned self] in keeps($0) }
        }
    }

    /// Waits until all that was appended before is on disk; a disk that fails is tried again and again.
    ///
    /// `loops`: those that streams were started on.
    public func journaled(on loops: [EventLoop]) async {
        for loop in loops {
            await withCheckedContinuation { waiter in
                loop.execute {
                    guard let feed = loop.local(make: { JournalFeeds() }).existing(of: self) else {
                        return waiter.resume()
                    }
                    feed.flush(waiter)
                }
            }
        }
    }

    /// Takes up a stream that ended in an earlier life of the server, for replay until its retention is over.
    ///
    /// - Parameters:
    ///   - stream: one that has ended; see ``JournaledStream/interrupt()``.
    ///   - age: the time since its end. The oldest streams are restored first.
    ///   - loop: where its readers meet it.
    /// - Returns: whether it is still to be replayed; what was written of it can be forgotten otherwise.
    @discardableResult
    public func restore(_ stream: JournaledStream, endedBefore age: Duration, on loop: EventLoop) -> Bool {
        guard stream.outcome != nil, age <= settings.retention else { return false }
        keep(StreamLog(stream, on: loop, hub: self), since: age, request: stream.subject?.request)
        return true
    }
}
