import Core
import Providers
import Reactor
import Synchronization

/// One request to a provider, without a server between.
final class DirectCall: Sendable {
    /// What comes of it.
    enum Piece: Sendable {
        case delta(Delta)
        /// The last piece; with what went wrong, if anything did.
        case end(PlatformError?)
    }

    /// In order, each with the time since the request was begun.
    ///
    /// Kept until they are read: printing may block, and must not hold up the loop.
    let pieces: AsyncStream<(piece: Piece, after: Duration)>
    private let task: Task<Void, Never>

    init(_ provider: any Provider, _ prompt: Prompt, on loop: EventLoop) {
        let (pieces, continuation) = AsyncStream<(piece: Piece, after: Duration)>.makeStream()
        self.pieces = pieces
        task = Task(executorPreference: loop) {
            let start = ContinuousClock.now
            func hand(_ piece: Piece) { continuation.yield((piece, ContinuousClock.now - start)) }
            do throws(PlatformError) {
                try await provider.answer(prompt, on: loop) { hand(.delta($0)) }
                hand(.end(nil))
            } catch {
                hand(.end(error))
            }
            continuation.finish()
        }
    }

    /// Ends the request to the provider at once; the last piece then says `cancelled`.
    func cancel() { task.cancel() }
}
