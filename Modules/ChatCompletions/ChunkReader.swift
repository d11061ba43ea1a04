internal import Core
internal import JSON
internal import Providers

/// Reads the JSON objects of an answer: the chunks of a stream, ended by `[DONE]`, or the one that is a whole answer.
///
/// On the token path: it looks up what it needs and builds nothing else, so that a chunk with a short text costs no
/// allocation.
struct ChunkReader: AnswerEventReader, WholeAnswerReader {
    private let provider: String
    private let reasoningFields: [String]
    private var thinkTags: ThinkTags?
    private var hasStarted = false
    private var hasRefused = false
    /// What a filter has said; `nil` where it is not listened to.
    private var filter: FilterVerdict?
    /// Whether the server ran out of means in mid-answer, which DeepSeek tells as a reason to finish.
    private var hasGivenUp = false
    /// Held back until nothing can follow it: text comes after it at some servers, and so does a filter's verdict.
    private var finish: FinishReason?
    /// Whether `[DONE]` has come, which ends the answer whatever follows.
    private(set) var isOver = false

    var isComplete: Bool { isOver || finish != nil }

    init(provider: String, profile: ChatCompletions.Profile) {
        self.provider = provider
        reasoningFields = profile.reasoningFields
        thinkTags = profile.splitsThinkTags ? ThinkTags() : nil
        filter = profile.readsFilterVerdicts ? FilterVerdict() : nil
    }

    mutating func read(
        _ event: borrowing JSONDocument, named name: String, into deltas: inout [Delta]
    ) throws(PlatformError) {
        guard name == "json" else { return try read(event, isError: name == "error", into: &deltas) }
        // An object that stands in the stream as it is: an error, or a whole answer without its content type.
        try read(event, isError: !event.exists(at: "/choices"), into: &deltas)
        complete()
    }

    mutating func readDone(into deltas: inout [Delta]) {
        isOver = true
        complete()
        end(into: &deltas)
    }

    mutating func readWhole(_ answer: borrowing JSONDocument, into deltas: inout [Delta]) throws(PlatformError) {
        try read(answer, isError: false, into: &deltas)
        guard answer.exists(at: "/choices/0") else { throw .provider(.providerProtocol) }
        complete()
        end(into: &deltas)
    }

    /// Appends what one object says.
    ///
    /// `isError` says that the stream called it one, whatever stands in it.
    /// - Throws: the error that stands in it.
    private mutating func read(
        _ object: borrowing JSONDocument, isError: Bool, into deltas: inout [Delta]
    ) throws(PlatformError) {
        if isError || tellsError(object) {
            end(into: &deltas)
            throw ErrorAnswer(from: provider, inAnswer: object.value()).platformError
        }
        if !hasStarted, let model = object.string(at: "/model"), !model.isEmpty {
            hasStarted = true
            deltas.append(.start(model: model))
        }
        // We ask for one answer; a server that is made to give several shows the first.
        if let choice = object.place(at: "/choices/0"), object.int(at: "/index", in: choice) ?? 0 == 0 {
            if filter?.isWithdrawn != true { read(choice, of: object, into: &deltas) }
            filter?.read(choice, of: object, into: &deltas)
            if filter?.isWithdrawn == true { finish = .contentFilter }
        }
        if let usage = object.place(at: "/usage"), object.isObject(usage) {
            deltas.append(.usage(Usage(usage, of: object)))
        }
        if hasGivenUp {
            end(into: &deltas)
            throw .provider(.providerOverloaded)
        }
    }

    mutating func end(into deltas: inout [Delta]) {
        if filter?.isWithdrawn != true { thinkTags?.end(into: &deltas) }
        if let finish { deltas.append(.finish(finish)) }
        finish = nil
    }

    /// Notes that the answer is finished, though it gave no reason.
    private mutating func complete() { finish = finish ?? .other }

    private func tellsError(_ object: borrowing JSONDocument) -> Bool {
        if object.exists(at: "/error"), !object.isNull(at: "/error") { return true }
        // Older servers send the error as the event itself.
        return !object.exists(at: "/choices") && object.string(at: "/object") == "error"
    }

    private mutating func read(
        _ choice: JSONDocument.Place, of object: borrowing JSONDocument, into deltas: inout [Delta]
    ) {
        if let part = object.place(at: "/delta", in: choice) ?? object.place(at: "/message", in: choice) {
            if let text = reasoning(in: part, of: object), !text.isEmpty { deltas.append(.reasoning(text)) }
            if let text = object.string(at: "/content", in: part), !text.isEmpty {
                if thinkTags == nil {
                    deltas.append(.content(text))
                } else {
                    thinkTags?.split(text, into: &deltas)
                }
            }
            if let text = object.string(at: "/refusal", in: part), !text.isEmpty { refuse(text, into: &deltas) }
        }
        if let reason = object.string(at: "/finish_reason", in: choice), !reason.isEmpty {
            finish = FinishReason(chatCompletions: reason)
            hasGivenUp = reason == "insufficient_system_resource"
        }
    }

    /// Some servers send the same text in two fields, so only the first that has one is read.
    private func reasoning(in part: JSONDocument.Place, of object: borrowing JSONDocument) -> String? {
        for field in reasoningFields {
            if let place = object.place(named: field, in: part), let text = object.string(place) { return text }
        }
        return nil
    }

    /// A refusal is said to the user, and noted once.
    private mutating func refuse(_ text: String, into deltas: inout [Delta]) {
        if !hasRefused { deltas.append(.flag(.init(kind: "refusal", detail: ""))) }
        hasRefused = true
        deltas.append(.content(text))
    }
}

extension FinishReason {
    /// - Parameter reason: as OpenAI, Azure, DeepSeek and compatible servers say it.
    fileprivate init(chatCompletions reason: String) {
        switch reason {
        case "stop": self = .stop
        case "length": self = .length
        case "content_filter": self = .contentFilter
        case "tool_calls", "function_call": self = .toolCalls
        case "error", "insufficient_system_resource": self = .error
        default: self = .other
        }
    }
}

extension Usage {
    fileprivate init(_ usage: JSONDocument.Place, of object: borrowing JSONDocument) {
        self.init(
            input: object.int(at: "/prompt_tokens", in: usage),
            output: object.int(at: "/completion_tokens", in: usage),
            total: object.int(at: "/total_tokens", in: usage),
            reasoning: object.int(at: "/completion_tokens_details/reasoning_tokens", in: usage),
            cachedInput: object.int(at: "/prompt_tokens_details/cached_tokens", in: usage)
                ?? object.int(at: "/prompt_cache_hit_tokens", in: usage))
    }
}
