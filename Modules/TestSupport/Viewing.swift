public import Core
internal import JSON

/// What a viewer of a stream has on the screen, through all its connections, and whatever was wrong with it.
///
/// It reads server-sent events as a careful client does, and notes each gap, repetition and contradiction in ``faults``.
public struct Viewing: Sendable {
    /// The events that arrived whole, in order.
    public private(set) var events: [StreamEvent] = []
    /// The offset of each of ``events``; `nil` for one without an id.
    public private(set) var offsets: [Int?] = []
    /// The text of each panel.
    public private(set) var texts: [Panel: String] = [:]
    /// What no stream may do; empty where all is well.
    public private(set) var faults: [String] = []
    /// Offset of the last event, which a reconnect asks to go on from.
    public private(set) var last = 0
    /// The stream that the ids name.
    public private(set) var stream: StreamID?
    /// Waits before a reconnect that the server has asked for so far.
    public private(set) var retries: [Duration] = []
    /// Comments so far.
    public private(set) var comments = 0

    private var decoder = ServerSentEventDecoder()
    private var chunks: [Panel: Int] = [:]

    /// Empty; `offset` is what the first connection asks to go on from.
    public init(after offset: Int = 0) { last = offset }

    /// How the stream ended; `nil` while it has not.
    public private(set) var outcome: Outcome?

    /// The types of ``events``, without chunks.
    public var story: [StreamEvent.Kind] { events.map(\.type).filter { $0 != .contentChunk } }

    /// The last event of a type.
    public func event(_ type: StreamEvent.Kind) -> StreamEvent? { events.last { $0.type == type } }

    /// The id to send as `Last-Event-ID`; `nil` before the first event.
    public var lastEventID: String? { stream.map { EventID(stream: $0, offset: last).description } }

    /// Reads the next bytes of the present connection.
    public mutating func read(_ bytes: [UInt8]) {
        var found: [(id: String, data: [UInt8])] = []
        let comments = decoder.comments
        do {
            try decoder.decode(bytes.span) { _, id, data throws(ServerSentEventError) in
                found.append((id, data.indices.map { data[$0] }))
            }
        } catch {
            faults.append("bytes that are no events: \(error)")
        }
        self.comments += decoder.comments - comments
        if let retry = decoder.retry, retries.last != retry { retries.append(retry) }
        for (id, data) in found { take(id, data) }
    }

    /// Begins another connection: what the last one had not brought whole is lost.
    public mutating func reconnect() { decoder = ServerSentEventDecoder() }

    private mutating func take(_ id: String, _ data: [UInt8]) {
        guard let event = try? StreamEvent(json: JSONValue(parsing: data)) else {
            faults.append("no event: \(String(decoding: data, as: UTF8.self))")
            return
        }
        if outcome != nil { faults.append("\(event.type.rawValue) after the end") }
        if event.type == .busy {
            events.append(event)
            offsets.append(nil)
            return
        }
        guard let place = EventID(id) else {
            faults.append("'\(id)' is no event's id")
            return
        }
        if let stream, stream != place.stream { faults.append("an event of another stream") }
        stream = place.stream
        if event.type != .resync, place.offset != last + 1 { faults.append("\(place.offset) follows \(last)") }
        last = place.offset
        if event.type == .streamDone { outcome = event.outcome }
        events.append(event)
        offsets.append(place.offset)
        show(event)
    }

    private mutating func show(_ event: StreamEvent) {
        switch event.type {
        case .contentChunk:
            guard let panel = event.panel else { return }
            texts[panel, default: ""] += event.content
            // After a resync the number of chunks before is not known.
            if let expected = chunks[panel] ?? (hasResync ? nil : 0), event.chunkIndex != expected {
                faults.append("chunk \(event.chunkIndex ?? -1) of \(panel) is number \(expected)")
            }
            chunks[panel] = (event.chunkIndex ?? 0) + 1
        case .retract:
            guard let panel = event.panel, let span = event.metadata["span"], let start = span["start"]?.int,
                let end = span["end"]?.int, let text = texts[panel], end <= text.count
            else { return faults.append("a retraction of nothing that is shown") }
            texts[panel] = String(text.prefix(start)) + String(text.dropFirst(end))
        case .resync:
            texts = [:]
            chunks = [:]
            for text in event.texts { texts[text.panel, default: ""] += text.text }
        case .stageComplete:
            guard let panel = event.panel, let length = event.length else { return }
            let shown = texts[panel]?.utf8.count ?? 0
            if shown != length { faults.append("\(panel) has \(shown) bytes of \(length)") }
        default: break
        }
    }

    private var hasResync: Bool { events.contains { $0.type == .resync } }
}
