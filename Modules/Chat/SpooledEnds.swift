import Core
import Persistence

/// The ends of answers that an earlier server left in the spool, found by the answers' names.
///
/// What is there is listed once, when it is first asked for: it is to tell how the streams of a server ended that died.
actor SpooledEnds {
    private let spool: any JobQueue
    private var jobs: [MessageID: JobID]?

    init(in spool: any JobQueue) { self.spool = spool }

    /// An answer as it will be stored; `nil` when its end is not there, or has been brought home meanwhile.
    func end(of answer: MessageID) async -> Message? {
        if jobs == nil { jobs = await list() }
        guard let job = jobs?[answer] else { return nil }
        // An operator who looks at a job is recorded, and so is the server.
        let payload = try? await spool.reveal(job, by: "medstream-server")
        return payload.flatMap { DeferredTurn(payload: $0) }?.messages.last
    }

    private func list() async -> [MessageID: JobID] {
        var found: [MessageID: JobID] = [:]
        for state in [JobState.ready, .leased] {
            var cursor: String?
            repeat {
                let page = try? await spool.jobs(in: state, of: .saveTurn, after: cursor, limit: Self.pageRows)
                for job in page?.items ?? [] {
                    if let answer = DeferredTurn.finishedAnswer(ofJobNamed: job.uniqueKey) { found[answer] = job.id }
                }
                cursor = page?.next
            } while cursor != nil
        }
        return found
    }

    private static let pageRows = 500
}
