internal import Core
public import Providers

/// The ways in which one body can come; by each it must mean the same.
extension WireBody {
    /// The head of the response that brought it.
    public var head: ResponseHead {
        let type = contentType.isEmpty ? [] : [(name: "Content-Type", value: contentType)]
        return ResponseHead(status: status, headers: type)
    }

    /// In what an answer is not as the manifest says; empty where it is.
    public func differences(in answer: DecodedAnswer) -> [String] {
        let code = answer.error?.code
        let isAsTold =
            switch outcome {
            case "truncated": code == .providerTruncated
            case "error" where errorKind == "protocol": code == .providerProtocol
            case "error": code != nil && code != .providerTruncated
            default: code == nil && answer.finishes.count == 1
            }
        let checks = [
            (isAsTold, "outcome: \(answer.error.map(String.init(reflecting:)) ?? "none") for \(outcome)"),
            (errorCode == nil || errorCode == code?.rawValue, "error: \(code?.rawValue ?? "none")"),
            (answer.text == text, "text: \(answer.text)"),
            (answer.reasoning == reasoning, "reasoning: \(answer.reasoning)"),
            (answer.usage == usage, "usage: \(String(describing: answer.usage))"),
            (flags == nil || flags == answer.flags, "flags: \(answer.flags)"),
            (answer.finishes == (finish.map { [$0] } ?? []), "finish: \(answer.finishes)"),
            (model == nil || answer.deltas.first == model.map(Delta.start), "model: \(answer.model ?? "none")"),
            (!answer.deltas.contains { $0 == .content("") || $0 == .reasoning("") }, "an empty text"),
        ]
        return checks.filter { !$0.0 }.map(\.1)
    }

    /// What it means, read in one piece.
    public func read(with dialect: any Dialect) -> DecodedAnswer { DecodedAnswer(dialect, head, [bytes[...]]) }

    /// What it means, read byte by byte.
    public func readByByte(with dialect: any Dialect) -> DecodedAnswer {
        DecodedAnswer(dialect, head, bytes.indices.map { bytes[$0...$0] })
    }

    /// What it means, read in pieces of 1 to 700 bytes.
    public func readInRandomPieces(with dialect: any Dialect, seed: UInt64) -> DecodedAnswer {
        var random = SplitMix(seed: seed)
        var pieces: [ArraySlice<UInt8>] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Int.random(in: 1...700, using: &random))
            pieces.append(bytes[start..<end])
            start = end
        }
        return DecodedAnswer(dialect, head, pieces)
    }

    /// Reads the body in two pieces, once for each place where it can be cut.
    ///
    /// Of a long body only the event that is cut and the next are read again each time: a reader is a value, so that
    /// reading goes on from a copy made before that event.
    ///
    /// - Returns: the first cut that changes what the body means; `nil` where none does.
    public func misleadingCut(with dialect: any Dialect) -> Int? {
        guard var before = try? AnswerReader(of: dialect, head) else { return nil }
        let bounds = eventBounds
        for event in bounds.indices.dropLast() {
            let start = bounds[event]
            let end = bounds[min(bounds.count - 1, event + 2)]
            let isEnd = end == bytes.count
            var reader = before
            let uncut = DecodedAnswer(&reader, [bytes[start..<end]], isEnd: isEnd)
            for cut in start...bounds[event + 1] {
                var reader = before
                let answer = DecodedAnswer(&reader, [bytes[start..<cut], bytes[cut..<end]], isEnd: isEnd)
                if answer.deltas != uncut.deltas || answer.error?.code != uncut.error?.code { return cut }
            }
            guard DecodedAnswer(&before, [bytes[start..<bounds[event + 1]]], isEnd: false).error == nil else {
                return nil
            }
        }
        return nil
    }

    /// Ends the body early, once at each byte, as a connection does that is closed in order.
    ///
    /// - Returns: the first end after which the answer claims to be whole, though the whole body has more of it, says
    ///   what the whole body does not, or has a reason to finish without being finished; `nil` where there is none.
    public func misleadingEnd(with dialect: any Dialect) -> Int? {
        guard var reader = try? AnswerReader(of: dialect, head) else { return nil }
        let whole = read(with: dialect)
        // What is withdrawn later is shown until then.
        let isWithdrawn = whole.deltas.contains(.retract)
        var answer = DecodedAnswer()
        for index in bytes.indices {
            var ended = reader
            let end = DecodedAnswer(&ended, [], isEnd: true)
            if end.error == nil || !end.deltas.isEmpty {
                var early = answer
                early.deltas += end.deltas
                let isAll = early.text == whole.text && early.reasoning == whole.reasoning
                let isPart = isWithdrawn || whole.text.utf8.starts(with: early.text.utf8)
                guard isPart, isAll || end.error != nil else { return index }
                switch end.error?.code {
                case nil where early.finishes.count != 1: return index
                case .providerTruncated where !early.finishes.isEmpty: return index
                default: break
                }
            }
            let piece = DecodedAnswer(&reader, [bytes[index...index]], isEnd: false)
            guard piece.error == nil else { return nil }
            answer.deltas += piece.deltas
        }
        return nil
    }

    /// Where events begin and end: behind two line ends in a row, and at both ends of the body.
    private var eventBounds: [Int] {
        var bounds = [0]
        for index in bytes.indices.dropFirst() where bytes[index] == 0x0A || bytes[index] == 0x0D {
            let isBlankLine = bytes[index] == bytes[index - 1] || (index > 1 && bytes[index] == bytes[index - 2])
            if isBlankLine { bounds.append(index + 1) }
        }
        return bounds.last == bytes.count ? bounds : bounds + [bytes.count]
    }
}
