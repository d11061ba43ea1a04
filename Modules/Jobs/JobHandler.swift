public import Persistence

/// Works on the jobs of one kind.
///
/// A job may come more than once, also at the same time from a worker that was taken for dead: its effect must be the same
/// as of once. A handler that takes long looks at `Task.isCancelled` and throws ``JobError/interrupted``.
public protocol JobHandler: Sendable {
    var kind: JobKind { get }

    /// What jobs have in common that are worked on one after the other; its group, by default.
    func chain(of job: LeasedJob) -> String?

    /// Does what a job asks for; when it returns, the effect is stored.
    func work(on job: LeasedJob) async throws(JobError) -> JobEffect
}

extension JobHandler {
    public func chain(of job: LeasedJob) -> String? { job.group }
}

/// What a job did.
public enum JobEffect: Sendable, Hashable {
    case done
    /// It was done before: a delivery that had no effect of its own.
    case alreadyDone
}

/// Why a job was not done.
public enum JobError: Error, Sendable {
    /// Its target cannot be reached; the job is as good as it was.
    case outage(any Error)
    /// The job itself cannot be done, now or, when it cannot heal, at any time.
    case failed(FailureReason, canHeal: Bool)
    /// It was told to stop before it was done.
    case interrupted

    /// What a store's error means to a job that writes; `context` is what it was doing, in a word of ours.
    init(_ error: StoreError, _ context: StaticString) {
        self =
            switch error {
            case .unavailable(let cause): .outage(cause)
            // A full disk is the target's trouble and not the job's.
            case .full: .outage(error)
            case .notFound: .failed(FailureReason("\(context): not_found"), canHeal: false)
            case .conflict(let conflict):
                .failed(
                    FailureReason("\(context): conflict_\(conflict.rawValue)"), canHeal: conflict == .stillStreaming)
            }
    }
}
