import Core
import JSON
import Testing

@Suite("Stream events")
struct StreamEventTests {
    @Test("An event is written as the contract shows it")
    func written() {
        let event = StreamEvent.chunk("Chest pain ", panel: .reasoning, stage: .initial, index: 7)
        #expect(
            text(event)
                == #"{"type":"content_chunk","panel":"reasoning","stage":"initial","content":"Chest pain ","metadata":{"chunk_index":7}}"#
        )
    }

    @Test("Content is always written, metadata, panel and stage only where there are any")
    func empty() {
        #expect(text(StreamEvent(.safety)) == #"{"type":"safety","content":""}"#)
    }

    @Test("The quick way to write a chunk gives the same bytes", arguments: SeededRandom.awkward)
    func quickChunk(content: String) {
        var writer = JSONWriter()
        StreamEvent.encodeChunk(content, panel: .chat, stage: .treatmentPlanning, index: 12, into: &writer)
        #expect(
            writer.bytes == StreamEvent.chunk(content, panel: .chat, stage: .treatmentPlanning, index: 12).jsonBytes)
    }

    @Test("Every event that can be made is read back as it was", arguments: samples)
    func samplesComeBack(event: StreamEvent) throws {
        #expect(try StreamEvent(json: JSONValue(parsing: event.jsonBytes)) == event)
        #expect(event.type.isKnown)
    }

    @Test("Random events are read back as they were, byte for byte", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededRandom(seed)
        let event = random.event()
        let bytes = event.jsonBytes
        let read = try StreamEvent(json: JSONValue(parsing: bytes))
        #expect(read == event, "seed \(seed)")
        #expect(read.jsonBytes == bytes, "seed \(seed)")
        #expect(!bytes.contains(0x0A) && !bytes.contains(0x0D), "an event is one line; seed \(seed)")
    }

    @Test("Types, fields and metadata of a newer server are kept")
    func forward() throws {
        let json =
            #"{"type":"vote","panel":"sidebar","stage":"initial","content":"","metadata":{"chunk_index":"x","new":[1]},"lang":"en","weights":{"a":1}}"#
        let event = try StreamEvent(json: JSONValue(parsing: json))
        #expect(event.type == StreamEvent.Kind(rawValue: "vote") && !event.type.isKnown)
        #expect(event.panel == nil && event.stage == .initial)
        #expect(event.extra == ["panel": "sidebar", "lang": "en", "weights": ["a": 1]])
        #expect(event.metadata["new"] == [1])
        #expect(try StreamEvent(json: JSONValue(parsing: event.jsonBytes)) == event)
    }

    @Test("A field is never written twice")
    func extraTwice() {
        let event = StreamEvent(
            .progress, stage: .chat, metadata: ["percent": 1],
            extra: [
                "type": "x", "content": "x", "stage": "x", "metadata": "x", "panel": "kept",
            ])
        #expect(
            text(event) == #"{"type":"progress","stage":"chat","content":"","metadata":{"percent":1},"panel":"kept"}"#)
    }

    @Test("A malformed event is refused with the field and what belongs there", arguments: malformedEvents)
    func malformed(json: String, error: StreamEventError) throws {
        let value = try JSONValue(parsing: json)
        #expect(throws: error) { try StreamEvent(json: value) }
    }

    @Test("A message about a malformed event names the field and never quotes the value")
    func message() throws {
        let value = try JSONValue(parsing: #"{"type":"error","content":"x","panel":"Mrs Miller"}"#)
        let error = try #require(throws: StreamEventError.self) { try StreamEvent(json: value) }
        #expect(error.description == "The event's 'panel' must be one of reasoning, chat; found another name.")
    }

    @Test("An error event carries code, sentence and whether a retry helps, and not the cause")
    func errorEvent() {
        let cause = PlatformError(.internalError, "secret detail")
        let event = StreamEvent.error(PlatformError(.timedOut, "The model went silent.", cause: cause), stage: .chat)
        #expect(
            text(event)
                == #"{"type":"error","stage":"chat","content":"The model went silent.","metadata":{"error_code":"timed_out","retry_available":true}}"#
        )
        #expect(event.errorCode == "timed_out" && event.retryAvailable == true)
    }

    @Test("Progress stays between 0 and 100", arguments: [(-5, 0.0), (0, 0), (40, 40), (100, 100), (130, 100)])
    func progress(given: Int, shown: Double) {
        #expect(StreamEvent.progress(given).percent == shown)
    }

    @Test("What metadata says can be read by name")
    func accessors() {
        let usage = Usage(input: 3, output: 4, total: 7)
        let done = StreamEvent.done(.truncated, usage: usage, metadata: ["provider": "p", "model": "m"])
        #expect(done.outcome == .truncated && done.usage == usage && done.provider == "p" && done.model == "m")
        let saved = StreamEvent.saved(message: MessageID(), length: 9, sha256: hash, isPending: true)
        #expect(saved.length == 9 && saved.sha256 == hash && saved.isPending)
        #expect(!StreamEvent.saved(message: MessageID()).isPending)
        let complete = StreamEvent.stageComplete(panel: .chat, stage: .chat, chunks: 4)
        #expect(complete.totalExpected == 4 && complete.chunkIndex == nil)
    }

    private func text(_ event: StreamEvent) -> String { String(decoding: event.jsonBytes, as: UTF8.self) }
}

private let hash = String(repeating: "0a", count: 32)

private let samples: [StreamEvent] = [
    .start(stream: StreamID(), conversation: ConversationID(), message: MessageID(), stage: .chat, metadata: ["a": 1]),
    .chunk("x", panel: .chat, stage: .onboarding), .chunk("", panel: .reasoning, stage: .validation, index: 0),
    .stageComplete(panel: .chat, stage: .chat, chunks: 3, length: 20, sha256: hash),
    .stageComplete(panel: .reasoning, stage: .diagnosis),
    .progress(35, "Reading the history", stage: .extraction),
    .safety("Call 911.", rule: "stroke.s07", severity: "call_now", span: 3..<9, panel: .chat, stage: .chat),
    .splice("Another model goes on.", provider: "backup", model: "m", panel: .chat, stage: .chat),
    .retract("Withdrawn.", span: 0..<4, panel: .chat, stage: .chat), .retract("All.", panel: .chat, stage: .chat),
    .saved(message: MessageID(), length: 1, sha256: hash, isPending: true), .saved(message: MessageID()),
    .resync([.init(panel: .reasoning, stage: .initial, text: "a"), .init(panel: .chat, stage: .initial, text: "")]),
    .busy("Full."), .error(PlatformError(.rateLimited, "Slow down.")), .done(.complete),
    .done(.failed, "Nothing came.", usage: Usage(input: 1, cachedInput: 1), metadata: ["provider": "demo"]),
]

private let panels = "one of reasoning, chat"
private let outcomes = "one of complete, truncated, blocked, cancelled, failed, interrupted"
private let stages =
    "one of initial, extraction, causal_analysis, validation, diagnosis, treatment_planning, chat, onboarding"

private let malformedEvents: [(String, StreamEventError)] = [
    ("[]", .notAnObject), (#""content_chunk""#, .notAnObject), ("null", .notAnObject),
    ("{}", .missing(field: "type", expected: "a string")),
    (#"{"type":1}"#, .invalid(field: "type", expected: "a string", found: "a number")),
    (#"{"type":null}"#, .invalid(field: "type", expected: "a string", found: "null")),
    (#"{"type":""}"#, .invalid(field: "type", expected: "the name of a type", found: "an empty string")),
    (#"{"type":"content_chunk","stage":"chat","content":""}"#, .missing(field: "panel", expected: panels)),
    (#"{"type":"content_chunk","panel":"chat","content":""}"#, .missing(field: "stage", expected: stages)),
    (
        #"{"type":"content_chunk","panel":"chat","stage":"chat"}"#,
        .missing(field: "content", expected: "a string")
    ),
    (#"{"type":"stage_complete","stage":"chat","content":""}"#, .missing(field: "panel", expected: panels)),
    (#"{"type":"stage_complete","panel":"chat","content":""}"#, .missing(field: "stage", expected: stages)),
    (#"{"type":"error"}"#, .missing(field: "content", expected: "a string")),
    (
        #"{"type":"content_chunk","panel":"Chat","stage":"chat","content":""}"#,
        .invalid(field: "panel", expected: panels, found: "another name")
    ),
    (
        #"{"type":"progress","stage":"x","content":""}"#,
        .invalid(field: "stage", expected: stages, found: "another name")
    ),
    (#"{"type":"new","panel":[]}"#, .invalid(field: "panel", expected: "a string", found: "an array")),
    (#"{"type":"busy","content":{}}"#, .invalid(field: "content", expected: "a string", found: "an object")),
    (#"{"type":"new","metadata":true}"#, .invalid(field: "metadata", expected: "an object", found: "a boolean")),
    (#"{"type":"stream_done"}"#, .missing(field: "metadata.outcome", expected: outcomes)),
    (
        #"{"type":"stream_done","metadata":{"outcome":"done"}}"#,
        .invalid(field: "metadata.outcome", expected: outcomes, found: "a string")
    ),
    (
        #"{"type":"busy","metadata":{"chunk_index":-1}}"#,
        .invalid(field: "metadata.chunk_index", expected: "a whole number from 0", found: "a number")
    ),
    (
        #"{"type":"progress","metadata":{"percent":100.5}}"#,
        .invalid(field: "metadata.percent", expected: "a number from 0 to 100", found: "a number")
    ),
    (
        #"{"type":"error","content":"","metadata":{"retry_available":"yes"}}"#,
        .invalid(field: "metadata.retry_available", expected: "true or false", found: "a string")
    ),
    (
        #"{"type":"saved","metadata":{"sha256":"AB"}}"#,
        .invalid(field: "metadata.sha256", expected: "64 hexadecimal digits in lower case", found: "a string")
    ),
    (
        #"{"type":"stream_done","metadata":{"outcome":"failed","usage":3}}"#,
        .invalid(field: "metadata.usage", expected: "an object", found: "a number")
    ),
]

extension SeededRandom {
    /// An event of any type, known or not, that keeps the contract.
    mutating func event() -> StreamEvent {
        let known = StreamEvent.Kind.known.sorted { $0.rawValue < $1.rawValue }
        let type =
            Bool.random(using: &self)
            ? known.randomElement(using: &self) ?? .busy
            : StreamEvent.Kind(rawValue: "x" + text(upTo: 2))
        let needsPlace = type == .contentChunk || type == .stageComplete
        var metadata: [String: JSONValue] = [:]
        for _ in 0..<Int.random(in: 0...3, using: &self) { metadata["m" + text(upTo: 2)] = json(depth: 2) }
        if type == .streamDone {
            metadata["outcome"] = .string(Outcome.allCases.randomElement(using: &self)?.rawValue ?? "")
        }
        var extra: [String: JSONValue] = [:]
        for _ in 0..<Int.random(in: 0...2, using: &self) { extra["x" + text(upTo: 2)] = json(depth: 2) }
        return StreamEvent(
            type,
            panel: needsPlace || .random(using: &self) ? Panel.allCases.randomElement(using: &self) : nil,
            stage: needsPlace || .random(using: &self) ? Stage.allCases.randomElement(using: &self) : nil,
            content: text(upTo: 8), metadata: metadata, extra: extra)
    }
}
