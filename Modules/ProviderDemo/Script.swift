internal import Configuration
internal import Core

/// What the demo provider knows to say.
struct Script: Sendable {
    private var lines: [Line] = []
    private static let files: [(key: String, stages: [Stage])] = [
        ("chat", [.chat]),
        ("onboarding", [.onboarding]),
        ("workflow", [.initial, .extraction, .causalAnalysis, .validation, .diagnosis, .treatmentPlanning]),
    ]

    /// Reads the files that a section names; what is wrong in them is reported to it.
    init(_ section: Section) {
        for (key, stages) in Self.files {
            let file = section.path(key, defaultBesideFile: "demo/\(key).yaml")
            do throws(ConfigurationReport) {
                let configuration = try Configuration.load(file: file, environment: [:])
                lines += Self.lines(configuration.root, stages)
                try configuration.finish()
            } catch {
                section.fail(error)
            }
        }
    }

    /// One scripted answer and when it is given.
    private struct Line {
        var stages: Set<Stage>
        var keywords: [Keyword]
        /// The user's how-manieth message it answers; `nil` for any.
        var turn: Int?
        var answer: Answer

        /// Whether it fits every message of its stages.
        var isGeneral: Bool { keywords.isEmpty && turn == nil }
    }

    private static func lines(_ root: Section, _ served: [Stage]) -> [Line] {
        let notice = root.requiredString("notice")
        let lines = root.sections("answers").map { section in
            let names = section.strings("stages", default: served.map(\.rawValue))
            section.reference("stages", to: served.map(\.rawValue), of: "stage of this file")
            return Line(
                stages: Set(names.compactMap(Stage.init)), keywords: section.strings("keywords").map(Keyword.init),
                turn: section.int("turn", in: 1...1_000),
                answer: Answer(
                    reasoning: section.requiredString("reasoning").trimmed,
                    content: "\(notice)\n\n\(section.requiredString("content").trimmed)"))
        }
        for stage in served where !lines.contains(where: { $0.isGeneral && $0.stages.contains(stage) }) {
            root.fail("answers", "expected an answer without keywords and turn for the stage \(stage.rawValue)")
        }
        return lines
    }

    /// The first answer that fits.
    ///
    /// - Parameters:
    ///   - message: the last of the user.
    ///   - prompt: for its stage and the number of the user's messages.
    /// - Returns: an empty answer when the script has none, with which a process does not start.
    func answer(to message: String, _ prompt: Prompt) -> Answer {
        let text = Keyword.folded(message)
        let turn = prompt.messages.count { $0.role == .user }
        let line = lines.first { line in
            line.stages.contains(prompt.stage) && (line.turn ?? turn) == turn
                && (line.keywords.isEmpty || line.keywords.contains { $0.fits(text) })
        }
        return line?.answer ?? Answer(reasoning: "", content: "")
    }
}

/// The two panels of an answer.
struct Answer: Sendable, Hashable {
    var reasoning: String
    var content: String

    /// What is left to say after a beginning.
    ///
    /// - Parameter beginning: what was said, by this answer or by another.
    /// - Returns: the rest of this answer, without thinking again; after another's beginning, all of it as a new
    ///   paragraph.
    func continuing(_ beginning: String) -> Answer {
        if beginning.isEmpty { return self }
        guard content.utf8.starts(with: beginning.utf8) else { return Answer(reasoning: "", content: "\n\n" + content) }
        return Answer(
            reasoning: "", content: String(decoding: content.utf8.dropFirst(beginning.utf8.count), as: UTF8.self))
    }

    /// An answer of so many words in numbered paragraphs, in which a gap or a repetition is seen.
    static func long(_ words: Int) -> Answer {
        let prose = """
            this paragraph only fills the screen so that one can see the text arrive in order and complete while the line
            is cut and comes back again
            """.split { $0.isWhitespace }
        var text = ""
        for index in 0..<words {
            let (paragraph, place) = index.quotientAndRemainder(dividingBy: prose.count + 1)
            if place == 0 {
                text += "\(paragraph == 0 ? "" : "\n\n")[\(paragraph + 1)]"
            } else {
                text += " " + prose[place - 1]
            }
        }
        return Answer(reasoning: "", content: text)
    }
}

/// Words that choose an answer: `drug interaction*`, or `warfarin & ibuprofen` for both.
struct Keyword: Sendable, Hashable {
    /// Each between spaces; the last one without where any ending will do.
    private let parts: [String]

    init(_ text: String) {
        parts = text.split(separator: "&").map { part in
            let word = Self.folded(String(part))
            return part.last { !$0.isWhitespace } == "*" ? String(word.dropLast()) : word
        }
    }

    /// - Parameter text: as ``folded(_:)`` gives it.
    /// - Returns: whether every part stands in it.
    func fits(_ text: String) -> Bool { parts.allSatisfy { text.contains($0) } }

    /// Lower-case words with one space before, between and after them.
    static func folded(_ text: String) -> String {
        let words = text.lowercased().split { !$0.isLetter && !$0.isNumber }
        return " \(words.joined(separator: " ")) "
    }
}

extension String {
    var trimmed: String {
        guard let end = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[...end])
    }
}
