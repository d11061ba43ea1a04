public import Core

/// A viewer on the loop of the log it reads: told of news by a call, where one on another loop waits for them.
public protocol LogReader: AnyObject {
    /// Something was appended; called on the loop within the appending, so this only notes it.
    func logHasNews()

    /// Takes events on the wire's form, whole ones; the bytes are valid in the call only.
    func take(_ events: Span<UInt8>)
}

/// What a reader on the log's own loop calls; anywhere else these stop the process.
///
/// A reader belongs to its loop and may not be sent to the log, which is an actor; but both stand on one thread, as
/// `assumeIsolated` checks. That makes the `unsafe` below sound.
extension StreamLog {
    /// Has the reader told when there is something to ``readHere(after:_:)``, until ``detachHere(_:)``.
    ///
    /// - Throws: `PlatformError` `rateLimited` when too many watch already.
    public nonisolated func attachHere(_ reader: any LogReader) throws(PlatformError) {
        nonisolated(unsafe) let reader = reader
        let refusal = assumeIsolated { log -> PlatformError? in
            do throws(PlatformError) { try log.attach(unsafe reader) } catch { return error }
            return nil
        }
        if let refusal { throw refusal }
    }

    /// Ends what ``attachHere(_:)`` began.
    public nonisolated func detachHere(_ reader: any LogReader) {
        nonisolated(unsafe) let reader = reader
        assumeIsolated { $0.detach(unsafe reader) }
    }

    /// Ends the run early, as ``stop(_:)`` does.
    public nonisolated func stopHere(_ reason: StopReason) { assumeIsolated { $0.stop(reason) } }

    /// Gives the reader the events after `offset`, as many as are kept together, without a copy.
    ///
    /// A reader whose place the log no longer reaches, or never had, gets one `resync` with the whole text instead of
    /// the events before the newest; nobody is left with a gap.
    public nonisolated func readHere(after offset: Int, _ reader: any LogReader) -> Progress {
        nonisolated(unsafe) let reader = reader
        return assumeIsolated { $0.read(after: offset) { unsafe reader.take($0) } }
    }
}
