import Core
public import Persistence

/// A title and a summary made of what was said, without asking a model.
///
/// Extractive: every sentence in it stands in the conversation, so that nothing is in it that nobody said. The same
/// messages always give the same digest.
///
/// **Title.** The first sentence of the first question that asks something, or has three words and does not begin as a
/// greeting does; cut between words after ``titleLength`` characters.
///
/// **Summary.** That sentence; then, if the conversation went on, the first such sentence of the last question; then, of
/// the answers, the two sentences that weigh most, in the order they were said in. The weight of a sentence is the mean
/// number of times that its words occur in all that was said; a word counts when it has four letters or more and is not
/// among the most common ones of the language. The first sentence of an answer weighs a quarter more, since answers
/// tend to begin with what they come to. Sentences under 25 or over 300 characters are passed over, and of two that share
/// most of their words the later one. Code, headings and tables' lines are not read, nor is the reasoning.
public struct Digest: Sendable, Hashable {
    /// Empty when nothing was asked.
    public var title: String
    /// Empty when nothing was asked.
    public var summary: String

    /// Characters of the longest title.
    public static let titleLength = 80
    /// Characters of the longest question within a summary.
    static let questionLength = 200
    private static let answerSentences = 2
    private static let usualLength = 25...300

    /// - Parameter messages: in their order; those still being written, and answers that brought nothing, are passed over.
    public init(of messages: [Message]) {
        let questions = messages.filter { $0.role == .user }.compactMap { Self.gist(of: $0.text) }
        let answers = messages.filter { $0.role == .assistant && $0.state == .final }
            .map { PlainText.paragraphs(of: $0.text[...]).flatMap(Sentences.of) }
        guard let first = questions.first else {
            (title, summary) = ("", "")
            return
        }
        title = Self.cut(first, at: Self.titleLength)
        var parts = [Self.cut(first, at: Self.questionLength)]
        if let last = questions.last, last != first { parts.append(Self.cut(last, at: Self.questionLength)) }
        parts += Self.weightiest(of: answers, besides: questions)
        summary = parts.joined(separator: " ")
    }

    /// The sentence that says what a question is about: the first that is more than a greeting.
    private static func gist(of text: String) -> String? {
        let sentences = PlainText.paragraphs(of: text[...]).flatMap(Sentences.of)
        return sentences.first { sentence in
            let words = Words(of: sentence).all
            if sentence.hasSuffix("?") { return true }
            return words.count >= 3 && !greetings.contains(words[0])
        } ?? sentences.first
    }

    /// Words that a greeting or thanks begins with.
    private static let greetings: Set<String> = ["hi", "hello", "hey", "dear", "good", "thanks", "thank", "ok", "okay"]

    private static func weightiest(of answers: [[String]], besides questions: [String]) -> [String] {
        var counts: [String: Int] = [:]
        for sentence in answers.joined() + questions {
            for word in Words(of: sentence).telling { counts[word, default: 0] += 1 }
        }
        var candidates: [(sentence: String, words: Set<String>, weight: Double, place: Int)] = []
        for answer in answers {
            for (index, sentence) in answer.enumerated() where usualLength.contains(sentence.count) {
                let words = Words(of: sentence).telling
                guard !words.isEmpty, !sentence.hasSuffix("?"), !sentence.hasSuffix(":") else { continue }
                let mean = Double(words.reduce(0) { $0 + (counts[$1] ?? 0) }) / Double(words.count)
                candidates.append((sentence, words, index == 0 ? mean * 1.25 : mean, candidates.count))
            }
        }
        var chosen: [(sentence: String, words: Set<String>, weight: Double, place: Int)] = []
        for candidate in candidates.sorted(by: { ($1.weight, $0.place) < ($0.weight, $1.place) }) {
            let repeats = chosen.contains { other in
                candidate.words.intersection(other.words).count * 2 > min(candidate.words.count, other.words.count)
            }
            if !repeats { chosen.append(candidate) }
            if chosen.count == answerSentences { break }
        }
        return chosen.sorted { $0.place < $1.place }.map(\.sentence)
    }

    /// As much as fits, cut between words where there are any.
    private static func cut(_ text: String, at limit: Int) -> String {
        guard text.count > limit else { return text }
        let head = text.prefix(limit - 1)
        let words = head.lastIndex(where: \.isWhitespace).map { head[..<$0] } ?? head
        return words.trimmed + "…"
    }
}

/// The words of a sentence.
private struct Words {
    let all: [String]

    init(of sentence: String) {
        all = sentence.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "-" }.map(String.init)
    }

    /// Those that say what it is about.
    var telling: Set<String> { Set(all.filter { $0.count >= 4 && !Self.common.contains($0) }) }

    /// The most common English words of four letters and more; in other languages short words alone are passed over.
    private static let common: Set<String> = [
        "about", "after", "again", "also", "among", "because", "been", "before", "being", "both", "cannot", "could",
        "does", "doing", "done", "down", "each", "either", "even", "every", "from", "given", "have", "having", "here",
        "however", "into", "itself", "just", "like", "make", "makes", "many", "more", "most", "much", "must", "need",
        "needs", "often", "only", "other", "others", "over", "please", "same", "several", "shall", "should", "since",
        "some", "such", "than", "that", "their", "them", "then", "there", "these", "they", "this", "those", "through",
        "together", "under", "until", "upon", "used", "uses", "using", "usually", "very", "want", "well", "were",
        "what",
        "when", "where", "whether", "which", "while", "will", "with", "within", "without", "would", "your", "yours",
    ]
}
