public import Persistence

/// Deletes what is older than its retention.
public struct Purge: JobHandler {
    private let store: any StoreCare
    private let policy: RetentionPolicy
    private let report: @Sendable (PurgeCounts) -> Void

    /// - Parameters:
    ///   - store: what is cared for.
    ///   - policy: how long things are kept.
    ///   - report: is told what was deleted.
    public init(
        in store: any StoreCare, _ policy: RetentionPolicy, report: @escaping @Sendable (PurgeCounts) -> Void = { _ in }
    ) {
        self.store = store
        self.policy = policy
        self.report = report
    }

    public var kind: JobKind { .purge }

    public func work(on job: LeasedJob) async throws(JobError) -> JobEffect {
        do throws(StoreError) {
            let counts = try await store.purge(policy)
            report(counts)
            return counts == PurgeCounts() ? .alreadyDone : .done
        } catch {
            throw JobError(error, "purge")
        }
    }
}

/// Seals with the current key what an older one sealed, some rows at a time, until none is left.
public struct Reencrypt: JobHandler {
    private let store: any StoreCare
    private let queues: [any JobQueue]

    /// - Parameters:
    ///   - store: what is cared for.
    ///   - queues: whose payloads are sealed anew as well.
    public init(_ store: any StoreCare, _ queues: [any JobQueue]) {
        self.store = store
        self.queues = queues
    }

    public var kind: JobKind { .reencrypt }

    /// Rows of one step, which takes some milliseconds.
    private static let step = 200

    public func work(on job: LeasedJob) async throws(JobError) -> JobEffect {
        var effect = JobEffect.alreadyDone
        if try await seal({ () throws(StoreError) in try await store.reencrypt(limit: Self.step) }) { effect = .done }
        for queue in queues
        where try await seal({ () throws(StoreError) in try await queue.reencrypt(limit: Self.step) }) {
            effect = .done
        }
        return effect
    }

    /// Takes steps until nothing is left.
    ///
    /// - Returns: whether there was anything to do.
    private func seal(_ step: () async throws(StoreError) -> Int) async throws(JobError) -> Bool {
        do throws(StoreError) {
            var left = try await step()
            let isNeeded = left > 0
            while left > 0 {
                guard !Task.isCancelled else { break }
                let before = left
                left = try await step()
                // Rows that no key opens are never done: those are for the operator.
                guard left < before else { break }
            }
            if left == 0 { return isNeeded }
        } catch {
            throw JobError(error, "reencrypt")
        }
        throw Task.isCancelled ? .interrupted : .failed("reencrypt: rows_left", canHeal: true)
    }
}

/// Gives unused room back.
public struct Optimise: JobHandler {
    private let store: any StoreCare

    /// - Parameter store: what is cared for.
    public init(_ store: any StoreCare) { self.store = store }

    public var kind: JobKind { .optimise }

    public func work(on job: LeasedJob) async throws(JobError) -> JobEffect {
        do throws(StoreError) {
            try await store.optimise()
            return .done
        } catch {
            throw JobError(error, "optimise")
        }
    }
}
