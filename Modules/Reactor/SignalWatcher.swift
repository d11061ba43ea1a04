internal import CUV

/// Calls back on the loop when the process gets a signal; loop-confined, and letting go of it ends it.
public final class SignalWatcher {
    private let handle: UnsafeMutablePointer<uv_signal_t>
    private let onSignal: () -> Void

    /// Watches for a signal such as `SIGTERM` at once, on the loop's thread only.
    ///
    /// The signal's default action is off while anyone watches.
    public init(_ number: Int32, on loop: EventLoop, onSignal: @escaping () -> Void) {
        loop.preconditionOnLoop()
        self.onSignal = onSignal
        handle = .allocate(capacity: 1)
        uv_signal_init(loop.uv, handle)
        handle.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        uv_signal_start(
            handle,
            { handle, _ in
                guard let data = handle?.pointee.data else { return }
                Unmanaged<SignalWatcher>.fromOpaque(data).takeUnretainedValue().onSignal()
            }, number)
    }

    deinit {
        handle.pointee.data = nil
        uv_signal_stop(handle)
        UnsafeMutableRawPointer(handle).assumingMemoryBound(to: uv_handle_t.self).close()
    }
}
