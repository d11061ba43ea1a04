extension Section {
    // MARK: - Text

    /// Any single value, as it is written.
    public func string(_ key: String, default value: String) -> String {
        string(key, fallback: value) ?? value
    }

    /// Any single value, as it is written; `nil` when absent.
    public func string(_ key: String) -> String? { string(key, fallback: nil) }

    /// A text that must be there and not be empty; an empty one stands in for it once that has been reported.
    public func requiredString(_ key: String) -> String {
        require(key, "text")
        guard let text = string(key, fallback: nil) else { return "" }
        if text.isEmpty { fail(key, "expected text, found none") }
        return text
    }

    private func string(_ key: String, fallback: String?) -> String? {
        scalar(key, expected: "text", default: fallback, effective: { .text($0) }, { $0.text })
    }

    // MARK: - Numbers and truth

    /// A whole number.
    public func int(_ key: String, in range: ClosedRange<Int>, default value: Int) -> Int {
        int(key, in: range, fallback: value) ?? value
    }

    /// A whole number; `nil` when absent.
    public func int(_ key: String, in range: ClosedRange<Int>) -> Int? { int(key, in: range, fallback: nil) }

    private func int(_ key: String, in range: ClosedRange<Int>, fallback: Int?) -> Int? {
        scalar(
            key, expected: "a whole number \(Self.words(range))", default: fallback, effective: { .plain("\($0)") },
            { $0.int(in: range) })
    }

    /// A whole number, or `auto`, which is also the default; `nil` for `auto`.
    public func intOrAuto(_ key: String, in range: ClosedRange<Int>) -> Int? {
        let value: Int?? = scalar(
            key, expected: "auto or a whole number \(Self.words(range))", default: .some(nil), choices: ["auto"],
            effective: { .plain($0.map(String.init) ?? "auto") },
            { $0.text == "auto" ? .some(nil) : $0.int(in: range).map(Optional.some) })
        return value ?? nil
    }

    /// A number with or without decimals.
    public func double(_ key: String, in range: ClosedRange<Double>, default value: Double) -> Double {
        double(key, in: range, fallback: value) ?? value
    }

    /// A number with or without decimals; `nil` when absent.
    public func double(_ key: String, in range: ClosedRange<Double>) -> Double? {
        double(key, in: range, fallback: nil)
    }

    private func double(_ key: String, in range: ClosedRange<Double>, fallback: Double?) -> Double? {
        scalar(
            key, expected: "a number from \(range.lowerBound) to \(range.upperBound)", default: fallback,
            effective: { .plain("\($0)") },
            { scalar in scalar.isBare ? scalar.double.flatMap { range.contains($0) ? $0 : nil } : nil })
    }

    /// `true` or `false`; nothing else, so that `no` stays the word it is.
    public func bool(_ key: String, default value: Bool) -> Bool { bool(key, fallback: value) ?? value }

    /// `true` or `false`; `nil` when absent.
    public func bool(_ key: String) -> Bool? { bool(key, fallback: nil) }

    private func bool(_ key: String, fallback: Bool?) -> Bool? {
        scalar(
            key, expected: "true or false", default: fallback, choices: ["true", "false"],
            effective: { .plain("\($0)") }, { $0.isBare ? Bool($0.text) : nil })
    }

    static func words(_ range: ClosedRange<Int>) -> String {
        range.upperBound == .max ? "of at least \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
    }

    // MARK: - Choices

    /// One case of an enum whose raw values are the words of the file.
    public func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, default value: Choice
    ) -> Choice {
        let words = Choice.allCases.map(\.rawValue)
        return scalar(
            key, expected: Self.words(words), default: value, choices: words, effective: { .text($0.rawValue) },
            { Choice(rawValue: $0.text) }) ?? value
    }

    /// One of some words that are known only when the process runs, such as the kinds of providers.
    ///
    /// - Returns: `nil` when the key is absent, which is reported, or holds another word.
    public func requiredChoice(_ key: String, among words: [String]) -> String? {
        require(key, Self.words(words))
        return scalar(
            key, expected: Self.words(words), default: nil, choices: words, effective: { .text($0) },
            { words.contains($0.text) ? $0.text : nil })
    }

    static func words(_ words: [String]) -> String {
        words.count == 1 ? words[0] : "one of \(words.joined(separator: ", "))"
    }
}

extension YAMLNode.Scalar {
    /// Whether the text may be a number or a truth value: it has no quotes, or comes from a variable.
    var isBare: Bool { isPlain || template != nil }

    func int(in range: ClosedRange<Int>) -> Int? {
        guard isBare, let value = Int(text), range.contains(value) else { return nil }
        return value
    }

    var double: Double? {
        guard text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }) else { return nil }
        return Double(text).flatMap { $0.isFinite ? $0 : nil }
    }
}
