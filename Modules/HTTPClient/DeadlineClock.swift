internal import Reactor

/// Keeps all deadlines of one exchange with one timer, which is set about once per period and not once per read.
///
/// Loop-confined.
final class DeadlineClock {
    /// What the exchange is waiting for.
    enum Phase { case connect, firstByte, idle }

    private let loop: EventLoop
    private(set) var phase = Phase.connect
    private var since: UInt64
    private let limits: Deadlines
    private var began: UInt64
    private var isSuspended = false
    private var timer: LoopTimer?
    /// When the timer goes off.
    private var alarm = UInt64.max
    private var onDeadline: (HTTPClientError.Deadline) -> Void = { _ in }

    init(_ limits: Deadlines, on loop: EventLoop) {
        self.limits = limits
        self.loop = loop
        began = loop.now
        since = loop.now
    }

    /// - Parameter onDeadline: called once at most, on the loop, never from within another call of the clock.
    func start(onDeadline: @escaping (HTTPClientError.Deadline) -> Void) {
        self.onDeadline = onDeadline
        timer = LoopTimer(on: loop) { [unowned self] in ring() }
        setTimer()
    }

    /// Notes a sign of life; a phase that is entered again starts anew.
    func enter(_ phase: Phase) {
        since = loop.now
        guard phase != self.phase else { return }
        self.phase = phase
        // A later deadline is found when the timer rings; an earlier one must be set.
        if due < alarm { setTimer() }
    }

    /// Silence is ours from here on; only the total still counts.
    func suspend() { isSuspended = true }

    func proceed() {
        isSuspended = false
        since = loop.now
        if due < alarm { setTimer() }
    }

    func stop() {
        timer = nil
        onDeadline = { _ in }
    }

    private var limit: Duration {
        switch phase {
        case .connect: limits.connect
        case .firstByte: limits.firstByte
        case .idle: limits.idle
        }
    }

    private var endOfPhase: UInt64 { isSuspended ? .max : since + limit.wholeMilliseconds }
    private var endOfAll: UInt64 { began + limits.total.wholeMilliseconds }
    private var due: UInt64 { min(endOfPhase, endOfAll) }

    private func setTimer() {
        alarm = due
        timer?.start(after: .milliseconds(Int64(alarm - min(alarm, loop.now))))
    }

    private func ring() {
        let now = loop.now
        let onDeadline = onDeadline
        if now >= endOfAll { return onDeadline(.total) }
        guard now >= endOfPhase else { return setTimer() }
        switch phase {
        case .connect: onDeadline(.connect)
        case .firstByte: onDeadline(.firstByte)
        case .idle: onDeadline(.idle)
        }
    }
}

extension Duration {
    /// Rounded up, from 0 to a hundred years, so that sums cannot overflow.
    var wholeMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let bounded = UInt64(min(seconds, 100 * 365 * 86_400))
        return bounded * 1000 + UInt64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
