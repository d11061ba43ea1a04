internal import Core
public import Providers

/// One body read by one dialect, whole and cut in many ways: it must mean the same however it comes.
public struct BodyCuts {
    private let body: WireBody
    private let dialect: any Dialect
    private let head: ResponseHead
    public let whole: DecodedAnswer

    public init(of body: WireBody, by dialect: any Dialect) {
        self.body = body
        self.dialect = dialect
        let type = body.contentType.isEmpty ? [] : [(name: "Content-Type", value: body.contentType)]
        head = ResponseHead(status: body.status, headers: type)
        whole = DecodedAnswer(dialect, head, [body.bytes[...]])
    }

    /// In what the answer differs from what the manifest says of it; empty where it does not.
    public var differences: [String] {
        var found: [String] = []
        func compare(_ what: String, _ isAlike: Bool) { if !isAlike { found.append(what) } }
        compare("text", whole.text == body.text)
        compare("reasoning", whole.reasoning == body.reasoning)
        compare("usage", whole.usage == body.usage)
        compare("finish", whole.finishes == (body.finish.map { [$0] } ?? []))
        switch body.outcome {
        case "truncated": compare("outcome", whole.error?.code == .providerTruncated)
        case "error": compare("outcome", whole.error != nil && whole.error?.code != .providerTruncated)
        default: compare("outcome", whole.error == nil && whole.finishes.count == 1)
        }
        if let model = body.model { compare("model", whole.deltas.first == .start(model: model)) }
        compare("empty texts", !whole.deltas.contains { $0 == .content("") || $0 == .reasoning("") })
        return found
    }

    /// Whether one byte at a time it means the same.
    public var isSameByteByByte: Bool { isSame(body.bytes.indices.map { body.bytes[$0...$0] }) }

    /// Whether it means the same in pieces of 1 to 700 bytes.
    public func isSameInPieces(seed: UInt64) -> Bool {
        var random = SplitMix(seed: seed)
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        while start < body.bytes.count {
            let end = min(body.bytes.count, start + Int.random(in: 1...700, using: &random))
            pieces.append(body.bytes[start..<end])
            start = end
        }
        return isSame(pieces)
    }

    /// The first byte at which a cut changes the meaning; `nil` where none does.
    ///
    /// Of a long body only the events around the cut are read again each time: the reader is a value, so that reading
    /// goes on from a copy made one whole event before the cut, and stops one whole event behind it.
    public func firstBadCut() -> Int? {
        let (bytes, bounds) = (body.bytes, Self.eventBounds(body.bytes))
        guard var before = try? AnswerReader(of: dialect, head) else { return nil }
        for event in bounds.indices.dropLast() {
            let start = bounds[max(0, event - 1)]
            let end = bounds[min(bounds.count - 1, event + 2)]
            let isEnd = end == bytes.count
            if event > 1 {
                let passed = bytes[bounds[event - 2]..<start]
                guard DecodedAnswer(&before, [passed], isEnd: false).error == nil else { return nil }
            }
            var reader = before
            let uncut = DecodedAnswer(&reader, [bytes[start..<end]], isEnd: isEnd)
            for cut in bounds[event]...bounds[event + 1] {
                var reader = before
                let answer = DecodedAnswer(&reader, [bytes[start..<cut], bytes[cut..<end]], isEnd: isEnd)
                guard answer.deltas == uncut.deltas, answer.error?.code == uncut.error?.code else { return cut }
            }
        }
        return nil
    }

    /// What is left of the answer when the body ends before `count` bytes.
    public func prefix(_ count: Int) -> DecodedAnswer { DecodedAnswer(dialect, head, [body.bytes.prefix(count)]) }

    private func isSame(_ pieces: [ArraySlice<UInt8>]) -> Bool {
        let answer = DecodedAnswer(dialect, head, pieces)
        return answer.deltas == whole.deltas && answer.error?.code == whole.error?.code
    }

    /// Where events begin and end: behind two line ends in a row, and at both ends of the body.
    private static func eventBounds(_ bytes: [UInt8]) -> [Int] {
        var bounds = [0]
        for index in bytes.indices.dropFirst() where bytes[index] == 0x0A || bytes[index] == 0x0D {
            let isBlankLine = bytes[index] == bytes[index - 1] || (index > 1 && bytes[index] == bytes[index - 2])
            if isBlankLine { bounds.append(index + 1) }
        }
        return bounds.last == bytes.count ? bounds : bounds + [bytes.count]
    }
}
