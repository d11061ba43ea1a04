import Core

/// The texts of a stream so far, one for each panel of each stage, and how much of them is shown.
struct PanelTexts: Sendable {
    /// One panel of one stage.
    struct Record: Sendable {
        let panel: Panel
        let stage: Stage
        fileprivate(set) var text = ""
        /// How many chunks it had.
        fileprivate(set) var chunks = 0
        /// Bytes that were handed to the journal.
        fileprivate var collected = 0
        /// Bytes that the journal has on disk.
        fileprivate var written = 0
        /// Offset of the event that withdrew it, while that is not on disk.
        fileprivate var withdrawn: Int?
    }

    private(set) var records: [Record] = []
    /// Bytes of UTF-8 in all texts that count.
    private(set) var byteCount = 0

    var isEmpty: Bool { records.isEmpty }

    /// Where a panel's text stands in ``records``; it is made at need.
    mutating func place(of panel: Panel, _ stage: Stage) -> Int {
        // The newest is nearly always the one: panels come one after the other.
        let newest = records.count - 1
        if newest >= 0, records[newest].panel == panel, records[newest].stage == stage { return newest }
        if let place = find(panel, stage) { return place }
        records.append(Record(panel: panel, stage: stage))
        return records.count - 1
    }

    private func find(_ panel: Panel, _ stage: Stage) -> Int? {
        records.lastIndex { $0.panel == panel && $0.stage == stage && $0.withdrawn == nil }
    }

    func text(_ panel: Panel, _ stage: Stage) -> String { find(panel, stage).map { records[$0].text } ?? "" }

    /// Adds a chunk.
    ///
    /// - Returns: its place among the chunks of its panel.
    mutating func append(_ chunk: String, to place: Int) -> Int {
        records[place].text += chunk
        byteCount += chunk.utf8.count
        defer { records[place].chunks += 1 }
        return records[place].chunks
    }

    /// Forgets a panel's text, which the event at `offset` withdraws.
    ///
    /// `isShownLater`: whether viewers go on seeing the text until that event is on disk.
    mutating func withdraw(_ panel: Panel, _ stage: Stage, at offset: Int, isShownLater: Bool) {
        guard let place = find(panel, stage) else { return }
        byteCount -= records[place].text.utf8.count
        guard isShownLater else { return records[place].text = "" }
        records[place].withdrawn = offset
        var next = Record(panel: panel, stage: stage)
        next.chunks = records[place].chunks
        records.append(next)
    }

    // MARK: What is shown

    /// All there is.
    var whole: [StreamEvent.PanelText] {
        records.filter { $0.withdrawn == nil }.map { .init(panel: $0.panel, stage: $0.stage, text: $0.text) }
    }

    /// As much as is on disk.
    var written: [StreamEvent.PanelText] {
        records.filter { $0.written > 0 }.map {
            .init(panel: $0.panel, stage: $0.stage, text: String($0.text.utf8.prefix($0.written)) ?? $0.text)
        }
    }

    /// The texts as they are now were handed to the journal.
    mutating func collect() {
        for place in records.indices { records[place].collected = records[place].text.utf8.count }
    }

    /// What was handed to the journal is on disk, up to the event at `offset`.
    mutating func settle(upTo offset: Int) {
        for place in records.indices { records[place].written = records[place].collected }
        records.removeAll { $0.withdrawn.map { $0 <= offset } ?? false }
    }

    /// Forgets what is not on disk.
    mutating func cut() {
        records.removeAll { $0.written == 0 }
        for place in records.indices {
            records[place].text = String(records[place].text.utf8.prefix(records[place].written)) ?? ""
            records[place].withdrawn = nil
        }
        byteCount = records.reduce(0) { $0 + $1.text.utf8.count }
    }

    // MARK: Rebuilding

    /// Puts the texts of a `resync` in place of all there are.
    mutating func replace(with texts: [StreamEvent.PanelText]) {
        records = texts.map { text in
            var record = Record(panel: text.panel, stage: text.stage)
            record.text = text.text
            return record
        }
        byteCount = records.reduce(0) { $0 + $1.text.utf8.count }
    }
}
