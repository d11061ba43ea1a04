internal import Core

/// How fast the demo provider speaks.
struct Pace: Sendable, Hashable {
    /// 0 is as fast as the words are taken.
    var wordsPerSecond: Double
    var firstWordAfter: Duration

    /// Words said together: one at a human pace; more where a timer of a millisecond could not keep up.
    var wordsPerStep: Int { wordsPerSecond == 0 ? 64 : max(1, Int(wordsPerSecond / 50)) }

    var stepTime: Duration { wordsPerSecond == 0 ? .zero : .seconds(Double(wordsPerStep) / wordsPerSecond) }

    static let slow = Pace(wordsPerSecond: 1, firstWordAfter: .zero)
}

/// An answer as a sequence of waits and words: no clock, no loop.
struct Performance {
    struct Step: Hashable {
        /// Before the act.
        var delay: Duration
        var act: Act
    }

    enum Act: Hashable {
        case say([Delta])
        /// Nothing more, and no end either.
        case stall
        case fail(PlatformError.Code)
    }

    private var words: ArraySlice<Delta>
    private let start: Delta
    private let ending: [Delta]
    private let pace: Pace
    private let direction: Direction
    private var said = 0
    private var hasEnded = false
    private var whole: Step?

    init(_ answer: Answer, of prompt: Prompt, as model: String, at pace: Pace, _ direction: Direction) {
        let reasoning = answer.reasoning.demoWords
        words = (reasoning.map(Delta.reasoning) + answer.content.demoWords.map(Delta.content))[...]
        start = .start(model: model)
        ending = [.usage(Self.usage(answer, prompt)), .finish(.stop)]
        self.pace = pace
        self.direction = direction
    }

    /// The next step; `nil` once the answer has ended, well or badly.
    mutating func next() -> Step? {
        guard !hasEnded else { return nil }
        if let whole {
            end()
            return whole
        }
        let isFirst = said == 0
        let isSlow = direction.misbehaviour == .slow && said >= direction.after
        let pace = isSlow ? Pace.slow : self.pace
        let delay = isFirst ? self.pace.firstWordAfter : pace.stepTime
        if said >= direction.after, let act = direction.misbehaviour.act {
            end()
            return Step(delay: delay, act: act)
        }
        guard !words.isEmpty else {
            end()
            return Step(delay: .zero, act: .say((isFirst ? [start] : []) + ending))
        }
        // A step ends where the misbehaviour begins.
        let limit = said < direction.after ? direction.after - said : .max
        let step = words.prefix(min(pace.wordsPerStep, limit))
        words = words.dropFirst(step.count)
        said += step.count
        return Step(delay: delay, act: .say((isFirst ? [start] : []) + step))
    }

    mutating func end() {
        hasEnded = true
        words = []
    }

    /// The same in one step: it takes as long, and what goes wrong on the way leaves nothing.
    func atOnce() -> Performance {
        var (result, rest) = (self, self)
        var delay = Duration.zero
        var (reasoning, content) = ("", "")
        var others: [Delta] = []
        while let step = rest.next() {
            delay += step.delay
            guard case .say(let deltas) = step.act else {
                result.whole = Step(delay: delay, act: step.act)
                return result
            }
            for delta in deltas {
                switch delta {
                case .reasoning(let text): reasoning += text
                case .content(let text): content += text
                default: others.append(delta)
                }
            }
        }
        let texts =
            (reasoning.isEmpty ? [] : [Delta.reasoning(reasoning)]) + (content.isEmpty ? [] : [.content(content)])
        result.whole = Step(delay: delay, act: .say(others.prefix(1) + texts + others.dropFirst()))
        return result
    }

    /// Estimated at 4 characters a token, as nothing counts them.
    private static func usage(_ answer: Answer, _ prompt: Prompt) -> Usage {
        func tokens(_ characters: Int) -> Int { (characters + 3) / 4 }
        let input = tokens(prompt.messages.reduce(0) { $0 + $1.text.count })
        let reasoning = tokens(answer.reasoning.count)
        let output = reasoning + tokens(answer.content.count)
        return Usage(input: input, output: output, total: input + output, reasoning: reasoning)
    }
}

extension String {
    /// The text in words, each with the white space that follows it.
    var demoWords: [String] {
        var words: [String] = []
        var start = startIndex
        var wasSpace = false
        for index in indices {
            let isSpace = self[index].isWhitespace
            if wasSpace, !isSpace {
                words.append(String(self[start..<index]))
                start = index
            }
            wasSpace = isSpace
        }
        if start < endIndex { words.append(String(self[start...])) }
        return words
    }
}
