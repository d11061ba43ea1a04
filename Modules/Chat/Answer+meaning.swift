import Core
import Streaming

/// What the end of an answer means to those who read it.
extension Answer {
    /// Why it ended early, as the user should read it.
    @inline(never)
    func reading(of error: PlatformError) -> PlatformError? {
        switch stopReason {
        case nil: error
        // Asked for by the user, or seen by nobody.
        case .user, .detached, .length, .deleted: nil
        case .deadline: PlatformError(.timedOut, "The answer took too long. What came so far is kept; try again.")
        case .shutdown:
            PlatformError(.shuttingDown, "The server is restarting. What came so far is kept; try again in a moment.")
        case .storage: PlatformError(.storageFailed, StreamLog.storageSentence)
        }
    }

    /// What is wrong with it though it came to its end with this text.
    func fault(in text: String) -> PlatformError? {
        if finish == .error {
            return PlatformError(
                .providerFailed, "The model's provider broke the answer off. What came so far is kept; try again.")
        }
        guard text.isEmpty else { return nil }
        return switch finish {
        case .length:
            PlatformError(
                .providerTruncated, "The model reached its output limit before it answered. Ask for less, or try again."
            )
        case .contentFilter:
            PlatformError(.contentBlocked, "The provider's content filter withheld the answer. Rephrase the question.")
        default: PlatformError(.providerFailed, "The model gave no answer. Try again.")
        }
    }

    func outcome(hasText: Bool) -> Outcome {
        switch stopReason {
        case .user, .detached, .deleted: return .cancelled
        case .length: return .truncated
        case .deadline, .shutdown, .storage, nil: break
        }
        if finish == .contentFilter || error?.code == .contentBlocked { return .blocked }
        if error != nil || finish == .error { return hasText ? .truncated : .failed }
        return finish == .length ? .truncated : .complete
    }

    /// How it ended, in words; nothing where all is well.
    var sentence: String {
        if let error { return error.message }
        switch stopReason {
        case .user: return "Stopped."
        case .detached: return "Stopped, because nobody was reading."
        case .length: return "The answer reached the longest length that is kept."
        case .deleted: return "Stopped, because it was deleted."
        case .deadline, .shutdown, .storage, nil: break
        }
        switch finish {
        case .length: return "The model reached its output limit."
        case .contentFilter: return "The provider's content filter ended the answer."
        default: return ""
        }
    }

    /// What programs are told of it with its end.
    func facts(of spans: [AnswerSpan]) -> [String: JSONValue] {
        var facts: [String: JSONValue] = [:]
        facts["provider"] = (spans.last?.provider).map(JSONValue.string)
        facts["model"] = (spans.last?.model).map(JSONValue.string)
        if spans.count > 1 { facts["spans"] = .array(spans.map(\.json)) }
        if let finish { facts["finish"] = .string(finish.rawValue) }
        if !flags.isEmpty { facts["flags"] = .array(flags.map { .string($0.kind) }) }
        return facts
    }
}
