public import Core
import Hashing
import JSON

/// A stream as a journal tells it: put together entry by entry, in the order in which they were written.
///
/// Streams of which there is no end were running when the server died; they
/// are given one with ``interrupt()`` or ``end(as:_:)``.
public struct JournaledStream: Sendable {
    public let id: StreamID
    public let owner: UserID
    /// What the stream is part of; `nil` for one that is part of no conversation.
    public internal(set) var subject: StreamSubject?
    /// When the stream began, by the clock of the machine that wrote it down.
    public let begunAt: Timestamp
    /// How the stream ended; `nil` while no end is known.
    public private(set) var outcome: Outcome?
    private(set) var failure: PlatformError?
    private(set) var events: EventRing
    private(set) var texts = PanelTexts()
    /// The stage of the newest text.
    private var stage: Stage?

    /// How far the end of an interrupted stream stands past the last event that was written down.
    ///
    /// Viewers may have been shown more than the disk has; no answer has as many events, so that no id they have seen is
    /// given to another event. The end begins with a `resync`, as after every gap.
    public static let leap = 1_000_000_000

    public init(
        _ id: StreamID, owner: UserID, subject: StreamSubject?, begunAt: Timestamp, _ settings: StreamingSettings
    ) {
        self.id = id
        self.owner = owner
        self.subject = subject
        self.begunAt = begunAt
        events = EventRing(settings)
    }

    /// Offset of the last event; 0 while there is none.
    public var lastOffset: Int { events.last }

    /// The text of each panel so far, empty ones left out.
    public var panels: [StreamEvent.PanelText] { texts.whole.filter { !$0.text.isEmpty } }

    /// The text of a panel, of the stage that was written last.
    public func text(_ panel: Panel) -> String { texts.whole.last { $0.panel == panel }?.text ?? "" }

    // MARK: Reading

    /// Adds an entry.
    ///
    /// - Returns: whether its events are whole; one that is not is not taken.
    public mutating func add(_ events: [UInt8], first: Int, last: Int) -> Bool {
        // An entry that is written again, because it was not known to be on disk, has what was there before.
        if last <= self.events.last { return true }
        var new = EventSegment(first: first)
        guard last >= first, new.append(events, count: last - first + 1) != nil else { return false }
        let rest = Array(new.bytes(after: self.events.last, upTo: last))
        guard self.events.append(rest, first: max(first, self.events.last + 1), last: last) else { return false }
        StreamLog.walk(rest.span) { json in
            if let chunk = ChunkPrefix.chunk(of: json) {
                show(json.extracting(chunk.text), chunk.panel, chunk.stage)
            } else if let value = try? JSONValue(parsing: json.indices.map({ json[$0] })),
                let event = try? StreamEvent(json: value)
            {
                show(event)
            }
        }
        return true
    }

    private mutating func show(_ text: Span<UInt8>, _ panel: Panel, _ stage: Stage) {
        let bytes = text.indices.map { text[$0] }
        let place = texts.place(of: panel, stage)
        if bytes.contains(0x5C) {
            guard let string = try? JSONValue(parsing: [0x22] + bytes + [0x22]).string else { return }
            _ = texts.append(string, to: place)
        } else {
            _ = texts.append(String(decoding: bytes, as: UTF8.self), to: place)
        }
        self.stage = stage
    }

    private mutating func show(_ event: StreamEvent) {
        switch event.type {
        case .streamStart:
            if let conversation = event.metadata["conversation_id"]?.string.flatMap({ ConversationID($0) }),
                let message = event.metadata["message_id"]?.string.flatMap({ MessageID($0) })
            {
                subject = StreamSubject(conversation: conversation, message: message, request: subject?.request)
            }
        case .retract:
            if let panel = event.panel, let stage = event.stage {
                texts.withdraw(panel, stage, at: 0, isShownLater: false)
            }
        case .resync: texts.replace(with: event.texts)
        case .error:
            if let code = event.errorCode.flatMap(PlatformError.Code.init(rawValue:)) {
                failure = PlatformError(code, event.content)
            }
        case .streamDone: outcome = event.outcome ?? .failed
        default: break
        }
    }

    // MARK: Ending

    /// What a user is told whose answer was interrupted.
    public static let interruption = PlatformError(
        .interrupted, "The server went down in the middle of the answer. What came so far is kept; try again.")

    /// Ends a stream whose server died in the middle: its text is kept, and a retry offered.
    ///
    /// - Returns: what is to be written down before anybody is shown it.
    public mutating func interrupt() -> JournalEntry {
        let error = Self.interruption
        return end(as: panels, [.error(error, stage: stage), .done(.interrupted, error.message)])
    }

    /// Ends a stream with what is recorded of it elsewhere.
    ///
    /// - Parameters:
    ///   - texts: what was said, in place of what the journal has.
    ///   - ending: its last events; the last of them is a `stream_done`.
    /// - Returns: what is to be written down before anybody is shown it.
    public mutating func end(as texts: [StreamEvent.PanelText], _ ending: [StreamEvent]) -> JournalEntry {
        var next = events.last + Self.leap
        let first = next + 1
        var bytes: [UInt8] = []
        for event in [.resync(texts)] + ending {
            next += 1
            bytes += StreamLog.encoded(event, EventID(stream: id, offset: next))
        }
        _ = add(bytes, first: first, last: next)
        return JournalEntry(
            stream: id, owner: owner, subject: subject, begunAt: begunAt, first: first, last: next, events: bytes,
            outcome: outcome)
    }
}
