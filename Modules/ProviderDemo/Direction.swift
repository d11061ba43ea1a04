internal import Core

/// What the demo provider can be told to do wrong.
enum Misbehaviour: String, Sendable, CaseIterable {
    case none, stall, cut, slow, error

    /// What ends the answer; `nil` where it goes on.
    var act: Performance.Act? {
        switch self {
        case .none, .slow: nil
        case .stall: .stall
        case .cut: .fail(.providerTruncated)
        case .error: .fail(.providerOverloaded)
        }
    }

    /// Words before it begins, unless a number is given.
    var usualStart: Int {
        switch self {
        case .none, .slow, .error: 0
        case .stall, .cut: 12
        }
    }
}

/// How one answer is to be given: by the settings, or by a phrase such as `[demo:cut 40]` in the message.
struct Direction: Sendable, Hashable {
    var misbehaviour: Misbehaviour
    /// Words said before the misbehaviour.
    var after: Int
    /// Words of an answer made to measure, in place of a scripted one.
    var length: Int?

    static let maximumWords = 100_000

    init(_ misbehaviour: Misbehaviour, after: Int? = nil) {
        self.misbehaviour = misbehaviour
        self.after = after ?? misbehaviour.usualStart
    }

    /// Takes the phrases out of a message.
    ///
    /// - Parameters:
    ///   - message: of the user.
    ///   - fallback: what holds without a phrase.
    /// - Returns: what the first phrase says, and the message without any.
    static func read(_ message: String, otherwise fallback: Direction) -> (Direction, message: String) {
        var direction: Direction?
        var kept = ""
        var rest = message[...]
        while let open = rest.firstRange(of: "[demo:"), let close = rest[open.upperBound...].firstIndex(of: "]") {
            if let phrase = Direction(phrase: rest[open.upperBound..<close]) {
                kept += rest[..<open.lowerBound]
                direction = direction ?? phrase
                rest = rest[rest.index(after: close)...]
            } else {
                kept += rest[..<open.upperBound]
                rest = rest[open.upperBound...]
            }
        }
        return (direction ?? fallback, kept + rest)
    }

    private init?(phrase: Substring) {
        let words = phrase.split(separator: " ")
        guard let first = words.first, words.count <= 2 else { return nil }
        let number = words.dropFirst().first.flatMap { Int($0) }.map { min(max(0, $0), Self.maximumWords) }
        guard number != nil || words.count == 1 else { return nil }
        if first == "long" {
            self.init(.none)
            length = number ?? 500
            return
        }
        guard let misbehaviour = Misbehaviour(rawValue: String(first)) else { return nil }
        self.init(misbehaviour, after: number)
    }
}
