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

/// Notices silence: fires when ``touch()`` has not been called for a time; loop-confined.
///
/// A touch costs one store: the timer behind it is set once per period, not once per touch.
public final class IdleTimer {
    private let loop: EventLoop
    private let limit: UInt64
    private var lastTouch: UInt64
    private var timer: LoopTimer?
    private let onIdle: () -> Void

    /// Starts counting at once; on the loop's thread only.
    ///
    /// - Parameters:
    ///   - loop: whose time it counts.
    ///   - limit: the time without a touch, after which it fires once.
    ///   - onIdle: called on the loop's thread; must not keep the timer's owner alive.
    public init(on loop: EventLoop, limit: Duration, onIdle: @escaping () -> Void) {
        self.loop = loop
        self.limit = limit.roundedUpToMilliseconds
        self.onIdle = onIdle
        lastTouch = loop.now
        let timer = LoopTimer(on: loop) { [unowned self] in fire() }
        self.timer = timer
        timer.start(after: limit)
    }

    /// Puts the callback off until the whole time has passed again.
    public func touch() { lastTouch = loop.now }

    private func fire() {
        let silence = loop.now - lastTouch
        if silence >= limit { return onIdle() }
        timer?.start(after: .milliseconds(Int64(limit - silence)))
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
