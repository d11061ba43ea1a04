import Dispatch

/// Runs what blocks on a thread of its own.
struct BlockingRunner {
    private let queue = DispatchQueue(label: "runner")

    func run(_ body: @escaping @Sendable () -> Void) { queue.async(execute: body) }
}
