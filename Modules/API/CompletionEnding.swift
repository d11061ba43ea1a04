import Core
import JSON
import Streaming

/// How an answer ended, as the last event of its stream tells it.
struct CompletionEnding {
    let done: StreamEvent

    /// What OpenAI's API makes of it.
    enum Reading {
        /// `finish_reason`.
        case finished(String)
        case failed(PlatformError)
    }

    /// - Parameters:
    ///   - failure: what the stream's `error` said, if there was one.
    ///   - hasText: whether any text was shown.
    /// - Returns: the reason to finish with, or the error in its place.
    func reading(failure: PlatformError?, hasText: Bool) -> Reading {
        switch done.outcome {
        case .complete: return .finished("stop")
        case .blocked where hasText: return .finished("content_filter")
        // The limit is one that the caller may have set, and knows what to do about, whether text came or not.
        case .truncated where failure == nil: return .finished("length")
        case .truncated, .failed, .interrupted:
            if done.metadata["finish"]?.string == FinishReason.length.rawValue { return .finished("length") }
        case .blocked, .cancelled, nil: break
        }
        if let failure { return .failed(failure) }
        return .failed(
            done.outcome == .cancelled
                ? PlatformError(.cancelled, "The answer was stopped.")
                : PlatformError(.providerFailed, "The model gave no answer. Try again."))
    }

    /// Counts in OpenAI's words; what is not known is `null`.
    var usage: JSONValue {
        guard let usage = done.usage else { return .null }
        // Some providers count reasoning beside the output; the total has both.
        var output = usage.output
        if let total = usage.total, let input = usage.input, input >= 0, total >= input {
            output = total - input
        }
        var members: [String: JSONValue] = [
            "prompt_tokens": .count(usage.input), "completion_tokens": .count(output),
            "total_tokens": .count(usage.total),
        ]
        if let cached = usage.cachedInput { members["prompt_tokens_details"] = ["cached_tokens": .count(cached)] }
        if let reasoning = usage.reasoning {
            members["completion_tokens_details"] = ["reasoning_tokens": .count(reasoning)]
        }
        if usage.isEstimated { members["estimated"] = true }
        return .object(members)
    }

    /// What OpenAI's API has no place for: who answered, and at what cost.
    var facts: JSONValue {
        var facts: [String: JSONValue] = ["outcome": .text(done.outcome?.rawValue)]
        for name in ["provider", "model", "spans", "cost"] { facts[name] = done.metadata[name] }
        return .object(facts)
    }
}

extension JSONValue {
    fileprivate static func count(_ value: Int?) -> JSONValue { value.map { .int(Int64($0)) } ?? .null }
}

extension StreamEvent {
    /// The event whose JSON this is; `nil` when it is none.
    init?(bytes: Span<UInt8>) {
        guard let json = try? JSONValue(parsing: bytes), let event = try? StreamEvent(json: json) else { return nil }
        self = event
    }

    /// What an `error` says.
    var failure: PlatformError {
        PlatformError(errorCode.flatMap(PlatformError.Code.init) ?? .internalError, content)
    }
}
