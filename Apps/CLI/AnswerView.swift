import Core
import StreamClient

/// Shows one stream: as text for people, or as the events themselves for programs.
struct AnswerView {
    private let terminal: Terminal
    private let format: Format
    private var transcript = StreamText()
    private var lastPlace: Place?
    private var endsLine = true
    private var isInterrupted = false
    /// What is to be written at the end of a batch.
    private var output = ""
    /// How the stream ended; `nil` until it has, or when it ended before its last event was seen.
    private(set) var outcome: Outcome?

    enum Format: Hashable {
        case text(showsReasoning: Bool)
        /// One event a line, with its `id`.
        case json
    }

    private struct Place: Equatable {
        var panel: Panel
        var stage: Stage
    }

    init(on terminal: Terminal, as format: Format) {
        self.terminal = terminal
        self.format = format
    }

    /// Shows what a reader saw, in one write.
    mutating func show(_ sightings: [StreamReader.Sighting]) {
        for sighting in sightings {
            switch sighting {
            case .event(let event, let id): show(event, id)
            case .unreadable(let why): note("medstream: an event was passed over: \(why)")
            case .interrupted:
                // Said once, however many attempts it takes; the last one's reason is told when all have failed.
                if !isInterrupted { note("medstream: the connection was lost; reconnecting") }
                isInterrupted = true
            case .resumed:
                note("medstream: reconnected")
                isInterrupted = false
            }
        }
        flush()
    }

    /// Ends the last line of text.
    mutating func finish() {
        endLine()
        flush()
    }

    /// What went wrong outside of the stream.
    mutating func fail(_ error: ClientError) {
        finish()
        guard format == .json else { return terminal.note("medstream: \(error)") }
        var metadata: [String: JSONValue] = ["retry_available": .bool(error.isTransient)]
        if case .refused(let problem) = error { metadata["error_code"] = .string(problem.code) }
        show([.event(StreamEvent(.error, content: "\(error)", metadata: metadata), nil)])
    }

    private mutating func show(_ event: StreamEvent, _ id: EventID?) {
        if event.type == .streamDone { outcome = event.outcome }
        guard case .text = format else { return append(json: event, id) }
        for change in transcript.apply(event) {
            switch change {
            case .append(let piece): append(piece)
            case .rewrite(let texts):
                note("medstream: the answer was revised; it stands again from its beginning")
                lastPlace = nil
                for text in texts { append(text) }
            }
        }
        switch event.type {
        case .error, .safety, .splice, .retract, .busy: note(event.content)
        case .streamDone: noteEnd(event)
        default: break
        }
    }

    private mutating func noteEnd(_ event: StreamEvent) {
        switch event.outcome {
        case .complete, nil: break
        case .truncated: note("(cut short) \(event.content)")
        case .blocked: note("(withheld) \(event.content)")
        case .cancelled: note("(stopped) \(event.content)")
        case .failed: note("(failed) \(event.content)")
        case .interrupted: note("(interrupted) \(event.content)")
        }
    }

    private mutating func append(json event: StreamEvent, _ id: EventID?) {
        var event = event
        if let id { event.extra["id"] = .string(id.description) }
        output += String(decoding: event.jsonBytes, as: UTF8.self) + "\n"
    }

    private mutating func append(_ piece: StreamEvent.PanelText) {
        guard case .text(let showsReasoning) = format, piece.panel == .chat || showsReasoning else { return }
        let place = Place(panel: piece.panel, stage: piece.stage)
        if place != lastPlace {
            if lastPlace != nil {
                endLine()
                output += "\n"
            }
            if showsReasoning, !terminal.hasStyles, piece.panel == .reasoning || lastPlace != nil {
                output += piece.panel == .reasoning ? "[reasoning]\n" : "[answer]\n"
            }
            lastPlace = place
        }
        output += terminal.styled(piece.text, piece.panel == .reasoning ? .dim : nil)
        endsLine = piece.text.utf8.last == UInt8(ascii: "\n")
    }

    private mutating func endLine() {
        if !endsLine { output += "\n" }
        endsLine = true
    }

    /// Notes go to standard error, after the text before them.
    private mutating func note(_ text: String) {
        if format != .json, terminal.isOutputInteractive { endLine() }
        flush()
        let text = text.trimmingSuffix(while: \.isWhitespace)
        if !text.isEmpty { terminal.note(String(text)) }
    }

    private mutating func flush() {
        terminal.write(output)
        output = ""
    }
}

extension String {
    fileprivate func trimmingSuffix(while isLeft: (Character) -> Bool) -> Substring {
        var text = self[...]
        while let last = text.last, isLeft(last) { text.removeLast() }
        return text
    }
}
