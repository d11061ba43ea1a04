public import Core

extension StreamLog {
    /// Takes events apart that the log has handed to a reader, for one that speaks another language than ours.
    ///
    /// The text of a chunk is found by its place in the event, and stays as it is: it is JSON already, so that whoever
    /// writes JSON of another form copies it.
    ///
    /// - Parameters:
    ///   - events: as ``LogReader/take(_:)`` and ``Batch`` have them.
    ///   - text: called with the panel of a `content_chunk` and what stands between the quotes of its text.
    ///   - other: called with the JSON of every other event.
    public static func takeApart(
        _ events: Span<UInt8>, text: (Panel, Span<UInt8>) -> Void, other: (Span<UInt8>) -> Void
    ) {
        walk(events) { json in
            if let (panel, place) = ChunkPrefix.text(of: json) {
                text(panel, json.extracting(place))
            } else {
                other(json)
            }
        }
    }

    /// Hands over the JSON of each event.
    static func walk(_ events: Span<UInt8>, _ body: (Span<UInt8>) -> Void) {
        var start = 0
        while let data = firstData(events, from: start) {
            var end = data
            while end < events.count, events[end] != newline { end += 1 }
            body(events.extracting(data..<end))
            start = end
        }
    }

    private static var newline: UInt8 { 0x0A }

    /// Where the next event's JSON begins, which is one line: after the `data: ` that follows the line of its id.
    private static func firstData(_ events: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        while index < events.count {
            // Only `data: ` begins so: the other line of an event is its `id: `.
            if events[index] == 0x64, index == 0 || events[index - 1] == newline { return index + 6 }
            index += 1
        }
        return nil
    }
}

extension ChunkPrefix {
    /// Where the text of a `content_chunk` stands in its JSON; `nil` for another event.
    ///
    /// What ``append(_:_:to:)`` writes before the text, and ``StreamLog`` after it, is known to the byte; so the text need
    /// not be read. An event of another form is none of the log's own making, and left to a reader of JSON.
    static func text(of json: Span<UInt8>) -> (Panel, Range<Int>)? {
        guard starts(json, with: kind), json.count > kind.count else { return nil }
        let panel: Panel = json[kind.count] == reasoningLetter ? .reasoning : .chat
        // The first quote after `"content":` opens the text.
        var start = kind.count
        var quotes = 0
        while quotes < quotesBeforeText {
            guard start < json.count else { return nil }
            if json[start] == quote { quotes += 1 }
            start += 1
        }
        // From the end: `}}`, the index, and what stands before it.
        var end = json.count - 2
        while end > start, (0x30...0x39).contains(json[end - 1]) { end -= 1 }
        end -= ending.count
        guard end >= start, starts(json.extracting(end...), with: ending) else { return nil }
        return (panel, start..<end)
    }

    /// As ``text(of:)``, with the stage as well.
    static func chunk(of json: Span<UInt8>) -> (panel: Panel, stage: Stage, text: Range<Int>)? {
        guard let (panel, text) = text(of: json) else { return nil }
        let head = json.extracting(0..<text.lowerBound)
        guard let stage = Stage.allCases.first(where: { starts(head, with: heads[panel]?[$0] ?? []) }) else {
            return nil
        }
        return (panel, stage, text)
    }

    private static let heads: [Panel: [Stage: [UInt8]]] = Dictionary(
        uniqueKeysWithValues: Panel.allCases.map { panel in
            let heads = Stage.allCases.map { stage in
                (stage, kind + Array("\(panel.rawValue)\",\"stage\":\"\(stage.rawValue)\"".utf8))
            }
            return (panel, Dictionary(uniqueKeysWithValues: heads))
        })

    private static let kind = Array(#"{"type":"content_chunk","panel":""#.utf8)
    private static let ending = Array(#"","metadata":{"chunk_index":"#.utf8)
    /// Those of `chat","stage":"chat","content":"`.
    private static let quotesBeforeText = 8
    private static let reasoningLetter = UInt8(ascii: "r")
    private static let quote = UInt8(ascii: "\"")

    private static func starts(_ json: Span<UInt8>, with prefix: [UInt8]) -> Bool {
        guard json.count >= prefix.count else { return false }
        for index in prefix.indices where json[index] != prefix[index] { return false }
        return true
    }
}
