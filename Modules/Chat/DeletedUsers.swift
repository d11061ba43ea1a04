public import Core
public import Persistence
public import Streaming

/// Has a server let go of users who are deleted in the store by others, such as an operator's command.
///
/// A stream was deleted when the store knows its answer no more; one that is part of no conversation, when it began before
/// the deletion. So what somebody begins who comes back lives on.
public actor DeletedUsers {
    private let store: any ConversationStore & StoreCare
    private let spool: (any JobQueue)?
    /// Up to which deletion all is done.
    private var place = 0
    /// The last deletion of each user, as of the start.
    private var known: [UserID: Deletion] = [:]

    /// `spool`: where turns wait that the store does not have yet; `nil` where there is none.
    public init(in store: any ConversationStore & StoreCare, spool: (any JobQueue)?) {
        self.store = store
        self.spool = spool
    }

    // MARK: At the start

    /// Reads who was deleted; for the streams that an earlier server left, and before any other is begun.
    ///
    /// - Throws: ``StoreError/unavailable(_:)``.
    public func load() async throws(StoreError) {
        while true {
            let found = try await store.deletions(after: place, limit: Self.atOnce)
            for deletion in found { known[deletion.receipt.user] = deletion }
            place = found.last?.place ?? place
            guard found.count == Self.atOnce else { return }
        }
    }

    /// Whether an earlier server's stream is one of a user who was deleted since.
    ///
    /// - Throws: ``StoreError/unavailable(_:)``.
    public func includes(_ stream: JournaledStream) async throws(StoreError) -> Bool {
        guard let deletion = known[stream.owner] else { return false }
        let fate = try await fate(
            of: stream.id, begunAt: stream.begunAt, isStored: stream.subject != nil, after: deletion)
        // Told in good time by the rounds that follow.
        if fate == .open { place = min(place, deletion.place - 1) }
        return fate == .gone
    }

    // MARK: While the server runs

    /// Lets go of those who were deleted since the last call: stops and removes their streams, and forgets what is known
    /// of their conversations.
    ///
    /// - Parameters:
    ///   - chat: what holds it.
    ///   - leaveJournal: has the events of a user's streams that are no more leave the disk.
    /// - Returns: how many deletions were dealt with; one that nobody can judge yet is looked at again by the next call.
    /// - Throws: ``StoreError/unavailable(_:)``, and what `leaveJournal` throws; the next call begins anew.
    @discardableResult
    public func follow(
        in chat: ChatService, _ leaveJournal: @Sendable (UserID) async throws -> Void
    ) async throws -> Int {
        known = [:]
        var (last, count, isSettled) = (place, 0, true)
        while true {
            let found = try await store.deletions(after: last, limit: Self.atOnce)
            for deletion in found {
                let isDone = try await letGo(of: deletion, in: chat)
                try await leaveJournal(deletion.receipt.user)
                isSettled = isSettled && isDone
                if isSettled { place = deletion.place }
                count += isDone ? 1 : 0
                last = deletion.place
            }
            guard found.count == Self.atOnce else { return count }
        }
    }

    /// - Returns: whether all is told of every stream there is of the user.
    private func letGo(of deletion: Deletion, in chat: ChatService) async throws(StoreError) -> Bool {
        let user = deletion.receipt.user
        chat.recorder.forget(of: user)
        var isDone = true
        for log in chat.hub.logs(of: user) {
            let (isBegun, isStored) = await log.standing
            // What is just being stored may come before the deletion or after it.
            guard isBegun else {
                isDone = false
                continue
            }
            switch try await fate(of: log.id, begunAt: log.begunAt, isStored: isStored, after: deletion) {
            case .lives: break
            case .open: isDone = false
            case .gone:
                await log.stop(.deleted)
                chat.hub.remove(log.id, for: user)
            }
        }
        return isDone
    }

    // MARK: One stream

    private enum Fate {
        case lives, gone
        /// It may be of one who came back, and wait in the spool.
        case open
    }

    private func fate(
        of stream: StreamID, begunAt: Timestamp, isStored: Bool, after deletion: Deletion
    ) async throws(StoreError) -> Fate {
        let isOlder = begunAt <= deletion.receipt.at
        guard isStored else { return isOlder ? .gone : .lives }
        // Asked first: what leaves the spool meanwhile is in the store then.
        let waiting = if isOlder { 0 } else { try await spool?.unsavedTurns().waiting ?? 0 }
        do throws(StoreError) {
            _ = try await store.answer(of: stream, of: deletion.receipt.user)
            return .lives
        } catch {
            guard case .notFound = error else { throw error }
            return waiting > 0 ? .open : .gone
        }
    }

    private static let atOnce = 200
}

extension StreamLog {
    /// Whether its run has begun, or it has ended, and whether it is part of a conversation.
    fileprivate var standing: (isBegun: Bool, isStored: Bool) { (hasRun || outcome != nil, subject != nil) }
}
