internal import Core
internal import JSON
internal import Providers

/// Reads the JSON objects of an answer: the chunks of a stream, which no marker ends but the finish reason, or the one that
/// is a whole answer.
///
/// On the token path, where it looks up what it needs and builds little else.
struct GeminiReader: AnswerEventReader, WholeAnswerReader {
    private let provider: String
    private var hasStarted = false
    private var callsFunction = false
    /// Held back until nothing can follow it.
    private var finish: FinishReason?
    private var block: Delta.Flag?

    init(provider: String) { self.provider = provider }

    var isComplete: Bool { finish != nil }
    /// Older models finish with every chunk.
    var isOver: Bool { false }

    mutating func read(
        _ event: borrowing JSONDocument, named name: String, into deltas: inout [Delta]
    ) throws(PlatformError) {
        // An object that stands in the stream as it is, without `data:`, is how Google tells of an error there.
        let isBare = name == "json" ? !Self.isAnswer(event, event.root) : false
        try read(event, at: event.root, isError: isBare || name == "error", into: &deltas)
    }

    /// Also the array of chunks that a stream is without `alt=sse`.
    mutating func readWhole(_ answer: borrowing JSONDocument, into deltas: inout [Delta]) throws(PlatformError) {
        let chunks = answer.elements(of: answer.root)
        for chunk in chunks.isEmpty ? [answer.root] : chunks {
            try read(answer, at: chunk, into: &deltas)
            guard Self.isAnswer(answer, chunk) else { throw .provider(.providerProtocol) }
        }
        let isComplete = isComplete
        end(into: &deltas)
        if !isComplete { throw .provider(.providerTruncated) }
    }

    /// Whether an object is an answer or a part of one.
    private static func isAnswer(_ object: borrowing JSONDocument, _ place: JSONDocument.Place) -> Bool {
        object.exists(at: "/candidates", in: place) || object.exists(at: "/promptFeedback", in: place)
            || object.exists(at: "/usageMetadata", in: place)
    }

    /// Appends what one object says.
    ///
    /// `isError` says that the stream called it one, whatever stands in it.
    /// - Throws: the error that stands in it.
    private mutating func read(
        _ object: borrowing JSONDocument, at place: JSONDocument.Place, isError: Bool = false,
        into deltas: inout [Delta]
    ) throws(PlatformError) {
        if isError || tellsError(object, place) {
            end(into: &deltas)
            throw ErrorAnswer(from: provider, inAnswer: object.value(place)).platformError
        }
        if !hasStarted, let model = object.string(at: "/modelVersion", in: place), !model.isEmpty {
            hasStarted = true
            deltas.append(.start(model: model))
        }
        if let reason = object.string(at: "/promptFeedback/blockReason", in: place), !Self.isUnsaid(reason) {
            finish = .contentFilter
            block = Delta.Flag(kind: "prompt_blocked", detail: Self.name(reason))
        }
        // We ask for one candidate; should there be several, the first is shown.
        if let candidate = object.place(at: "/candidates/0", in: place),
            object.int(at: "/index", in: candidate) ?? 0 == 0
        {
            read(candidate, of: object, into: &deltas)
        }
        if let usage = object.place(at: "/usageMetadata", in: place), object.isObject(usage) {
            deltas.append(.usage(Usage(usage, of: object)))
        }
    }

    mutating func end(into deltas: inout [Delta]) {
        if let block { deltas.append(.flag(block)) }
        block = nil
        if let finish { deltas.append(.finish(finish == .stop && callsFunction ? .toolCalls : finish)) }
        finish = nil
    }

    private func tellsError(_ object: borrowing JSONDocument, _ place: JSONDocument.Place) -> Bool {
        object.exists(at: "/error", in: place) && !object.isNull(at: "/error", in: place)
    }

    private mutating func read(
        _ candidate: JSONDocument.Place, of object: borrowing JSONDocument, into deltas: inout [Delta]
    ) {
        if let parts = object.place(at: "/content/parts", in: candidate) {
            for part in object.elements(of: parts) {
                if object.exists(at: "/functionCall", in: part) { callsFunction = true }
                // Pictures, code that was run and signatures of thoughts have no text, or are none of ours to show.
                guard let text = object.string(at: "/text", in: part), !text.isEmpty else { continue }
                deltas.append(object.isTrue(at: "/thought", in: part) ? .reasoning(text) : .content(text))
            }
        }
        guard let reason = object.string(at: "/finishReason", in: candidate), !Self.isUnsaid(reason) else { return }
        let finish = FinishReason(gemini: reason)
        self.finish = finish
        block = finish == .contentFilter ? Delta.Flag(kind: "content_filter", detail: Self.name(reason)) : nil
    }

    /// Protocol buffers have a word for a value that was not given.
    private static func isUnsaid(_ reason: String) -> Bool { reason.isEmpty || reason.hasSuffix("_UNSPECIFIED") }

    private static func name(_ reason: String) -> String { String(reason.prefix(40)).lowercased() }
}

extension FinishReason {
    /// - Parameter reason: as the Gemini API says it.
    fileprivate init(gemini reason: String) {
        switch reason {
        case "STOP": self = .stop
        case "MAX_TOKENS": self = .length
        case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII": self = .contentFilter
        case "MALFORMED_RESPONSE", "MALFORMED_FUNCTION_CALL", "OTHER": self = .error
        default: self = .other
        }
    }
}

extension Usage {
    fileprivate init(_ usage: JSONDocument.Place, of object: borrowing JSONDocument) {
        self.init(
            input: object.int(at: "/promptTokenCount", in: usage),
            output: object.int(at: "/candidatesTokenCount", in: usage),
            total: object.int(at: "/totalTokenCount", in: usage),
            reasoning: object.int(at: "/thoughtsTokenCount", in: usage),
            cachedInput: object.int(at: "/cachedContentTokenCount", in: usage))
    }
}
