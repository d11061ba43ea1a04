import Core
import Reactor

/// Collects what is new in the logs of one loop, and hands it to the journal together; loop-confined.
///
/// A log says once that it has news, until it is collected: an event costs a look at one flag. One batch at a time is on
/// its way to the disk, so that what waits there is bounded; what comes meanwhile waits in the logs, which have bounds of
/// their own.
final class JournalFeed: EndOfTurn {
    private let loop: EventLoop
    private let journal: any StreamJournal
    private let isEager: Bool
    private let interval: Duration
    private let timeout: Duration
    /// Whether a log that has ended is still to be replayed.
    private let isKept: (StreamID) -> Bool

    /// Logs with something new.
    private var news: [StreamLog] = []
    /// Logs of the batch that is on its way.
    private var onTheWay: [StreamLog] = []
    private var isWriting = false
    private var isDue = false
    private var failures = 0
    private var timer: LoopTimer?
    private var stall: LoopTimer?
    private var flushing: [CheckedContinuation<Void, Never>] = []
    /// Callers that tell of a log when its first events are on disk.
    private var heralds: [(log: StreamLog, waiter: CheckedContinuation<Void, Never>)] = []
    private var patience: LoopTimer?

    /// Past it, what is left goes with the next batch.
    private static let maxBatchBytes = 4 << 20
    /// The longest pause between two tries of a disk that fails.
    private static let longestPause = Duration.seconds(5)
    /// How long a disk that hangs may keep a log from being told of.
    private static let longestSilence = Duration.seconds(1)

    init(
        on loop: EventLoop, to journal: any StreamJournal, _ settings: StreamingSettings,
        isKept: @escaping (StreamID) -> Bool
    ) {
        self.loop = loop
        self.journal = journal
        self.isKept = isKept
        isEager = settings.durability == .beforeDelivery
        interval = settings.journalInterval
        timeout = settings.journalTimeout
    }

    /// Refuses a run whose events could not be shown.
    func admit() throws(PlatformError) {
        guard isEager, failures > 0 else { return }
        throw PlatformError(
            .storageFailed, "Answers cannot be written down just now. Try again in a moment.", retryAfter: .seconds(5))
    }

    /// A log has something new, and says so no more until it is collected.
    func hasNews(_ log: isolated StreamLog) {
        log.isListed = true
        news.append(log)
        collectLater()
    }

    /// Lets go of a log that is not to be written down any more.
    func drop(_ log: StreamLog) {
        news.removeAll { $0 === log }
        release { $0 === log }
        tellFlushed()
    }

    /// Waits until the first events of a log are on disk, which is soon; in vain where the disk fails.
    func herald(_ log: StreamLog, _ waiter: CheckedContinuation<Void, Never>) {
        guard failures == 0 else { return waiter.resume() }
        heralds.append((log, waiter))
        if patience == nil {
            let timer = LoopTimer(on: loop) { [unowned self] in release { _ in true } }
            timer.start(after: Self.longestSilence)
            patience = timer
        }
        if !isWriting { loop.atEndOfTurn(self) }
    }

    private func release(_ isReleased: (StreamLog) -> Bool) {
        let released = heralds.filter { isReleased($0.log) }
        heralds.removeAll { isReleased($0.log) }
        if heralds.isEmpty { patience = nil }
        for herald in released { herald.waiter.resume() }
    }

    /// Waits until all that is new now is on disk.
    func flush(_ waiter: CheckedContinuation<Void, Never>) {
        flushing.append(waiter)
        if !isWriting { collect() }
    }

    // MARK: Collecting

    private func collectLater() {
        guard !isWriting, !isDue else { return }
        isDue = true
        guard failures == 0, isEager || !heralds.isEmpty else { return startTimer() }
        loop.atEndOfTurn(self)
    }

    private func startTimer() {
        let timer = timer ?? LoopTimer(on: loop) { [unowned self] in collect() }
        self.timer = timer
        let pause = max(interval, .milliseconds(100)) * (1 << min(failures, 6))
        timer.start(after: failures == 0 ? interval : min(pause, Self.longestPause))
    }

    func turnEnded() { if isDue || !heralds.isEmpty { collect() } }

    private func collect() {
        isDue = false
        timer?.stop()
        guard !isWriting else { return }
        var entries: [JournalEntry] = []
        var bytes = 0
        var count = 0
        for log in news {
            guard bytes < Self.maxBatchBytes else { break }
            count += 1
            let new = log.assumeIsolated { $0.collect() }
            guard !new.isEmpty else { continue }
            for entry in new { bytes += entry.events.count }
            entries += new
            onTheWay.append(log)
        }
        news.removeFirst(count)
        guard !entries.isEmpty else { return tellFlushed() }
        isWriting = true
        watchForStall()
        nonisolated(unsafe) let me = self
        let loop = loop
        journal.write(entries) { isWritten in loop.execute { unsafe me.wrote(isWritten) } }
    }

    private func wrote(_ isWritten: Bool) {
        isWriting = false
        let logs = onTheWay
        onTheWay = []
        failures = isWritten ? 0 : failures + 1
        if isWritten {
            stall = nil
            for log in logs { log.assumeIsolated { $0.settle() } }
            release { $0.assumeIsolated { $0.written > 0 } }
        } else {
            release { _ in true }
            // One that nobody can ask for any more is not worth the memory that waiting takes.
            for log in logs where log.assumeIsolated({ $0.outcome == nil }) || isKept(log.id) {
                log.assumeIsolated { $0.collectAgain() }
            }
            if news.isEmpty {
                failures = 0
                stall = nil
            }
        }
        guard !news.isEmpty else { return tellFlushed() }
        if isWritten, isEager || !flushing.isEmpty || !heralds.isEmpty { collect() } else { collectLater() }
    }

    private func tellFlushed() {
        guard news.isEmpty, !isWriting else { return }
        for waiter in flushing { waiter.resume() }
        flushing = []
    }

    // MARK: A disk that takes nothing

    private func watchForStall() {
        guard isEager, stall == nil else { return }
        let timer = LoopTimer(on: loop) { [unowned self] in breakOff() }
        timer.start(after: timeout)
        stall = timer
    }

    private func breakOff() {
        guard isWriting || !news.isEmpty else { return stall = nil }
        stall = nil
        failures = max(failures, 1)
        for log in onTheWay + news { log.assumeIsolated { $0.breakOff() } }
        // One that is being recorded is looked at again.
        watchForStall()
    }
}

/// The feeds of one loop; loop-confined.
final class JournalFeeds {
    private struct Entry {
        weak var feed: JournalFeed?
    }

    private var feeds: [ObjectIdentifier: Entry] = [:]

    /// The feed of a hub, which lives as long as one of its logs holds it.
    func feed(of hub: StreamHub, make: () -> JournalFeed) -> JournalFeed {
        if let feed = existing(of: hub) { return feed }
        feeds = feeds.filter { $0.value.feed != nil }
        let feed = make()
        feeds[ObjectIdentifier(hub)] = Entry(feed: feed)
        return feed
    }

    func existing(of hub: StreamHub) -> JournalFeed? { feeds[ObjectIdentifier(hub)]?.feed }
}
