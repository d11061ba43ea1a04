public import Core
public import Persistence
import Reactor
import Streaming

/// What became of a turn: its stream while it is in memory, its record afterwards.
extension ChatService {
    /// Stops an answer; what was said is kept.
    ///
    /// - Returns: whether it was still running.
    /// - Throws: `PlatformError` `notFound`.
    public func stop(_ stream: StreamID, as owner: UserID) async throws(PlatformError) -> Bool {
        guard let log = hub.log(stream, for: owner) else {
            _ = try await storing { () throws(StoreError) in try await store.answer(of: stream, of: owner) }
            return false
        }
        guard await log.outcome == nil else { return false }
        await log.stop(.user)
        return true
    }

    /// The answer of a turn as it is now.
    ///
    /// - Throws: `PlatformError` `notFound`.
    public func message(of turn: TurnReference, as owner: UserID) async throws(PlatformError) -> Message {
        try await storing { () throws(StoreError) in
            try await recorder.message(turn.assistantMessage, in: turn.conversation, of: owner)
        }
    }

    /// The finished answer of a turn: the batch twin of watching its stream.
    ///
    /// - Throws: `PlatformError` what the stream's `error` said when no usable answer came of it.
    public func result(of turn: TurnReference, as owner: UserID) async throws(PlatformError) -> Message {
        if let log = hub.log(turn.stream, for: owner) {
            await log.ended()
            if Task.isCancelled { throw PlatformError(.cancelled, "The request was cancelled.") }
            if let error = await log.failure, await log.outcome == .failed { throw error }
        }
        let message = try await message(of: turn, as: owner)
        guard message.outcome != .failed else {
            throw PlatformError(.providerFailed, "The model gave no answer. Try again.")
        }
        return message
    }

    /// A stream that has left memory, told from its record.
    public struct Record: Sendable {
        public var events: [(event: StreamEvent, id: EventID)]
        /// Offset of the last event.
        public var last: Int
    }

    /// The record of an answer: its whole text in one `resync`, and its end.
    ///
    /// - Throws: `PlatformError` `notFound`.
    public func record(of stream: StreamID, as owner: UserID) async throws(PlatformError) -> Record {
        let (message, stage) = try await storing { () throws(StoreError) in
            let message = try await store.answer(of: stream, of: owner)
            return (message, try await store.conversation(message.conversation, of: owner).kind)
        }
        return Record(message, stage, of: stream)
    }
}

extension ChatService.Record {
    /// An answer that was recorded, as the stream that wrote it would tell it now.
    init(_ message: Message, _ stage: Stage, of stream: StreamID) {
        var ending: [StreamEvent] = [.resync(message.panels(of: stage)), message.done]
        if message.outcome == .interrupted { ending.insert(.error(JournaledStream.interruption, stage: stage), at: 1) }
        let last = max(message.lastOffset ?? ending.count, ending.count)
        self.last = last
        events = ending.enumerated().map { place, event in
            (event, EventID(stream: stream, offset: last - ending.count + 1 + place))
        }
    }
}

extension Message {
    /// What the panels show; empty ones left out.
    func panels(of stage: Stage) -> [StreamEvent.PanelText] {
        [(Panel.reasoning, reasoning), (.chat, text)].filter { !$0.1.isEmpty }
            .map { StreamEvent.PanelText(panel: $0.0, stage: stage, text: $0.1) }
    }

    /// The `stream_done` of an answer whose stream is gone.
    var done: StreamEvent {
        var facts: [String: JSONValue] = [:]
        facts["provider"] = provider.map { .string($0) }
        facts["model"] = model.map { .string($0) }
        // One that is open still, and has no stream, is that of a server that died a moment ago.
        return .done(outcome ?? .interrupted, usage: usage, metadata: facts)
    }
}
