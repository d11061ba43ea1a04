internal import CUV

/// Calls back on the loop after a time, once or again and again; loop-confined, and letting go of it ends it.
public final class LoopTimer {
    private let handle: UnsafeMutablePointer<uv_timer_t>
    private let onFire: () -> Void

    /// A timer that is not running yet; on the loop's thread only.
    ///
    /// `onFire` is called on that thread, and must not keep the timer's owner alive.
    public init(on loop: EventLoop, onFire: @escaping () -> Void) {
        loop.preconditionOnLoop()
        self.onFire = onFire
        handle = .allocate(capacity: 1)
        uv_timer_init(loop.uv, handle)
        handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit {
        handle.pointee.data = nil
        UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self).close()
    }

    /// Starts, or starts anew.
    ///
    /// - Parameters:
    ///   - delay: from the beginning of the loop's present turn, rounded up to whole milliseconds.
    ///   - repeating: whether it fires every `delay` until stopped.
    public func start(after delay: Duration, repeating: Bool = false) {
        let milliseconds = delay.roundedUpToMilliseconds
        uv_timer_start(
            handle,
            { handle in
                guard let data = handle?.pointee.data else { return }
                // Retained for the call: the callback may let go of the timer.
                let timer = Unmanaged<LoopTimer>.fromOpaque(data).takeUnretainedValue()
                withExtendedLifetime(timer) { timer.onFire() }
            }, milliseconds, repeating ? max(milliseconds, 1) : 0)
    }

    /// Stops; ``start(after:repeating:)`` starts it anew.
    public func stop() { uv_timer_stop(handle) }

    /// Whether it will fire.
    public var isRunning: Bool { uv_is_active(UnsafeRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self)) != 0 }
}

/// Notices silence: fires when there was no sign of life for a time, and again whenever that has passed once more;
/// loop-confined.
///
/// When its time is up it asks for the last sign. So a sign costs whoever gives it one store, in a place of his own, and
/// the timer is set once per period and not once per sign.
public final class IdleTimer {
    private let loop: EventLoop
    private let limit: UInt64
    private let lastSign: () -> UInt64
    private let onIdle: () -> Void
    /// When it began to count, or fired last.
    private var start: UInt64
    private var timer: LoopTimer?

    /// Starts counting at once; on the loop's thread only.
    ///
    /// - Parameters:
    ///   - loop: whose time it counts.
    ///   - limit: the time without a sign, after which it fires.
    ///   - lastSign: the loop's time at the last sign; must not keep the timer's owner alive.
    ///   - onIdle: called on the loop's thread; may let go of the timer, and must not keep its owner alive.
    public init(
        on loop: EventLoop, limit: Duration, lastSign: @escaping () -> UInt64, onIdle: @escaping () -> Void
    ) {
        self.loop = loop
        self.limit = limit.roundedUpToMilliseconds
        self.lastSign = lastSign
        self.onIdle = onIdle
        start = loop.now
        let timer = LoopTimer(on: loop) { [unowned self] in fire() }
        self.timer = timer
        timer.start(after: limit)
    }

    private func fire() {
        let silence = loop.now - max(start, lastSign())
        guard silence >= limit else {
            timer?.start(after: .milliseconds(Int64(limit - silence)))
            return
        }
        start = loop.now
        timer?.start(after: .milliseconds(Int64(limit)))
        onIdle()
    }
}

extension Duration {
    /// At least 0.
    var roundedUpToMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(seconds) * 1000 + UInt64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

extension UnsafeMutablePointer<uv_handle_t> {
    /// Closes the handle and frees its memory when libuv has let go of it.
    ///
    /// From another thread than the loop's, where the last owner may be let go of, it is left to the loop.
    func close() {
        guard let loop = EventLoop.of(pointee.loop.pointee.data), !loop.isCurrent else { return closeNow() }
        nonisolated(unsafe) let handle = self
        loop.execute { handle.closeNow() }
    }

    private func closeNow() {
        uv_close(self) { handle in UnsafeMutableRawPointer(handle)?.deallocate() }
    }
}
