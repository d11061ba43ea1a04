/// Cuts streamed text into short chunks that end where a reader's eye rests.
///
/// Joined, the chunks are the text. A chunk has ``minimum`` to ``maximum`` characters (grapheme clusters) where the
/// text lets it, and leaves as soon as it may. The rules, strongest first:
///
/// 1. No cut inside a grapheme, a word, or words that belong together: a number and its unit (`500 mg`), a label and
///    its value (`SpO2 94%`, `BP 120/80 mmHg`). White space belongs to the word before it. Such
///    an atom goes whole however long it is.
/// 2. No chunk has more than `maximum` characters unless it is one atom.
/// 3. No chunk has fewer than `minimum` unless the next atom would take it past `maximum`, or the text ends there.
///
/// A cut falls at the first place that meets the rules. Words end at white space that breaks lines (a no-break space
/// does not), and between the characters of scripts written without spaces. More white space in a row than `maximum`
/// characters is cut, as are words of more than ``longestAtom`` bytes, so that what waits is bounded whatever comes.
///
/// Text waits while its word may go on, while a number may get its unit or a label its value, both on the same line,
/// and after CR, which LF may follow. What ends with other white space after a plain word does not wait for the next
/// piece; what that piece begins with, more white space or a combining mark, then begins a chunk.
public struct Chunker: Sendable {
    /// The fewest characters a chunk should have.
    public let minimum: Int
    /// The most characters a chunk of several words may have.
    public let maximum: Int
    /// Bytes of text without a place to cut at which a cut is made all the same, between two graphemes.
    public static let longestAtom = 4096

    /// What came and was not handed on yet: the chunk being gathered, then the atom being read.
    private var text: [UInt8] = []
    private var scanner = CharacterScanner()
    private var start = 0
    /// Characters between `start` and `atomStart`, always fewer than `minimum` between calls.
    private var gathered = 0
    private var atomStart = 0
    private var atomCharacters = 0
    private var wordStart = 0
    /// What the word now being read may turn out to be for the one before it.
    private var wanted = ClinicalWords.Wanted.nothing
    /// Characters of the atom before that word, while it is open whether the word belongs to the atom.
    private var settledCharacters: Int?
    private var last = CharacterScanner.Kind.space
    private var spaces = 0

    /// - Parameters:
    ///   - minimum: at least 1; less counts as 1.
    ///   - maximum: at least `minimum`; less counts as that.
    public init(minimum: Int = 5, maximum: Int = 10) {
        self.minimum = max(1, minimum)
        self.maximum = max(self.minimum, maximum)
    }

    /// Whether text waits for more, or for ``flush(_:)``.
    public var isWaiting: Bool { !text.isEmpty }

    /// Takes the next piece of the text and hands on the chunks that are complete.
    ///
    /// - Throws: what `emit` throws; the chunk it was given counts as handed on, and the next call goes on behind it.
    public mutating func push<E: Error>(_ piece: String, _ emit: (String) throws(E) -> Void) throws(E) {
        text.append(contentsOf: piece.utf8)
        defer { dropEmitted() }
        while scanner.position < text.count {
            if last == .word {
                let bound = min(text.count, atomStart + Self.longestAtom)
                atomCharacters += scanner.skipPlainCharacters(of: text, upTo: bound)
                if scanner.position == text.count { break }
            }
            let place = scanner.position
            let kind = scanner.next(in: text)
            // A grapheme without end is the one thing a chunk may cut, and only past any use.
            if kind == .continuation, place - atomStart < 4 * Self.longestAtom { continue }
            try take(kind, at: place, emit)
        }
        try settle(emit)
    }

    /// Hands on what waits, be it the middle of a word: at the text's end, or when it has waited long enough.
    ///
    /// - Throws: what `emit` throws; the chunk it was given counts as handed on.
    public mutating func flush<E: Error>(_ emit: (String) throws(E) -> Void) throws(E) {
        defer { dropEmitted() }
        if last != .space { try endWord(at: text.count, emit) }
        try closeAtom(at: text.count, emit)
        try cut(at: text.count, emit)
    }
}

extension Chunker {
    /// A character of `kind` begins at `place`.
    private mutating func take<E: Error>(
        _ kind: CharacterScanner.Kind, at place: Int, _ emit: (String) throws(E) -> Void
    ) throws(E) {
        if place - atomStart >= Self.longestAtom {
            if last != .space { try endWord(at: place, emit) }
            wordStart = place
            try closeAtom(at: place, emit)
            try cut(at: place, emit)
        }
        switch kind {
        case .space, .lineBreak:
            if last != .space {
                try endWord(at: place, emit)
                spaces = 0
            }
            last = .space
            spaces += 1
            if kind == .lineBreak { wanted = .nothing }
            if spaces > maximum {
                spaces = 1
                try closeAtom(at: place, emit)
            }
        case .ideograph, .opening:
            if last == .space {
                try beginWord(at: place, emit)
            } else if last == .ideograph {
                try endWord(at: place, emit)
                wordStart = place
                try closeAtom(at: place, emit)
            }
            last = kind == .opening ? .word : .ideograph
        case .closing, .word, .continuation:
            if last == .space { try beginWord(at: place, emit) }
            last = kind == .closing ? .ideograph : .word
        }
        atomCharacters += 1
    }

    private mutating func beginWord<E: Error>(at place: Int, _ emit: (String) throws(E) -> Void) throws(E) {
        wordStart = place
        if wanted == .nothing {
            try closeAtom(at: place, emit)
        } else {
            settledCharacters = atomCharacters
        }
    }

    /// Decides whether the word that ends here belongs to the atom, and what it wants itself.
    private mutating func endWord<E: Error>(at place: Int, _ emit: (String) throws(E) -> Void) throws(E) {
        if settledCharacters != nil {
            if let next = ClinicalWords.next(wanted, text, wordStart..<place) {
                settledCharacters = nil
                wanted = next
                return
            }
            try disown(emit)
        }
        wanted = ClinicalWords.wanted(after: text, wordStart..<place)
    }

    /// The word now being read does not belong to the atom before it: that one is closed.
    private mutating func disown<E: Error>(_ emit: (String) throws(E) -> Void) throws(E) {
        guard let settled = settledCharacters else { return }
        settledCharacters = nil
        wanted = .nothing
        let ofWord = atomCharacters - settled
        atomCharacters = settled
        try closeAtom(at: wordStart, emit)
        atomCharacters = ofWord
    }

    /// Adds the atom that ends here to the chunk, or begins another chunk with it when it has no room.
    private mutating func closeAtom<E: Error>(at place: Int, _ emit: (String) throws(E) -> Void) throws(E) {
        if gathered > 0, gathered + atomCharacters > maximum { try cut(at: atomStart, emit) }
        gathered += atomCharacters
        atomCharacters = 0
        atomStart = place
        wanted = .nothing
        if gathered >= minimum { try cut(at: place, emit) }
    }

    /// Hands on the chunk from `start` to here.
    private mutating func cut<E: Error>(at place: Int, _ emit: (String) throws(E) -> Void) throws(E) {
        guard place > start else { return }
        let chunk = String(decoding: text[start..<place], as: UTF8.self)
        start = place
        gathered = 0
        // Nothing before it is left to combine with: what comes next begins a character, whatever it is.
        if place == scanner.position, place == text.count { scanner.forget() }
        try emit(chunk)
    }

    /// Hands on what need not wait for the next piece.
    private mutating func settle<E: Error>(_ emit: (String) throws(E) -> Void) throws(E) {
        if wanted == .value, settledCharacters != nil, !ClinicalWords.canBeValue(text, from: wordStart) {
            try disown(emit)
        }
        if gathered > 0, gathered + (settledCharacters ?? atomCharacters) > maximum { try cut(at: atomStart, emit) }
        guard last == .space, wanted == .nothing, !scanner.isAfterCarriageReturn else { return }
        if gathered + atomCharacters >= minimum { try closeAtom(at: text.count, emit) }
    }

    private mutating func dropEmitted() {
        guard start > 0 else { return }
        if start == text.count {
            text.removeAll(keepingCapacity: start <= Self.longestAtom)
            last = .space
            spaces = 0
            wanted = .nothing
            settledCharacters = nil
        } else {
            text.removeSubrange(..<start)
            if text.capacity > 4 * Self.longestAtom { text = text.map { $0 } }
        }
        scanner.position -= start
        atomStart -= start
        wordStart = max(0, wordStart - start)
        start = 0
    }
}
