internal import Dispatch

/// A thread for calls that block, so that a test that waits for a socket holds up no other test.
final class BlockingExecutor: SerialExecutor {
    private let queue = DispatchQueue(label: "blocking")

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { unsafe job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
