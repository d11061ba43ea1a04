import Core
import Hashing
import Persistence
import Providers
import Reactor
import Streaming
import Telemetry

/// One turn from the prompt to the record: asks the provider, puts its answer on the panels, saves it and ends the log.
///
/// Isolated to the log, and so to its loop: nothing here hops while text flows.
struct TurnRun: Sendable {
    let prompt: Prompt
    let provider: any Provider
    let stage: Stage
    let store: any ConversationStore
    let settings: StreamingSettings
    let log: Log
    /// The time for the whole answer; `nil` for as long as it takes.
    let deadline: Duration?
    let prices: PriceTable

    /// How the model's part of a turn went.
    private struct Answer {
        var model: String
        var usage: Usage?
        var finish: FinishReason?
        var error: PlatformError?
        var flags: [Delta.Flag] = []
    }

    /// Fills `stream` to its end and records `message`, the assistant's row that was opened for it.
    ///
    /// The steps are functions of their own so that a run's task holds no more memory than its longest step needs.
    func run(_ message: Message, into stream: isolated StreamLog) async {
        begin(message, stream)
        var answer = Answer(model: provider.model)
        // Why the answer was cut; a stop that came too late to cut it is none.
        var reason: StreamLog.StopReason?
        do throws(PlatformError) {
            try await generate(into: stream, &answer)
            stream.flush()
            if stream.stopReason == .length { reason = .length }
        } catch {
            stream.flush()
            reason = stream.stopReason
            answer.error = reading(of: error, reason)
        }
        await conclude(message, answer, reason, stream)
    }

    private func begin(_ message: Message, _ stream: isolated StreamLog) {
        stream.append(
            .start(
                stream: stream.id, conversation: message.conversation, message: message.id, stage: stage,
                metadata: ["provider": .string(provider.name), "model": .string(provider.model)]))
    }

    /// Ends the panels, says what went wrong, records the answer and ends the stream.
    @inline(never)
    private func conclude(
        _ message: Message, _ given: Answer, _ reason: StreamLog.StopReason?, _ stream: isolated StreamLog
    ) async {
        var answer = given
        let text = stream.text(.chat, stage)
        let reasoning = stream.text(.reasoning, stage)
        if answer.error == nil, reason == nil {
            answer.error = fault(of: answer, text)
            if answer.error == nil { stream.complete(.chat, of: stage) }
        }
        if let error = answer.error {
            stream.append(error, stage: stage)
            report(error, stream)
        }
        let outcome = outcome(of: answer, reason, hasText: !text.isEmpty || !reasoning.isEmpty)
        var row = message
        row.text = text
        row.reasoning = reasoning
        row.outcome = outcome
        row.state = .final
        row.version += 1
        row.provider = provider.name
        row.model = answer.model
        row.usage = usage(of: answer, text, reasoning)
        row.cost = row.usage.flatMap { cost($0, answer) }
        // `saved` and `stream_done` follow.
        row.lastOffset = stream.lastOffset + 2
        await save(row, into: stream)
        stream.finish(
            .done(outcome, sentence(answer, reason), usage: row.usage, cost: row.cost, metadata: facts(answer)))
    }

    @inline(never)
    private func generate(into stream: isolated StreamLog, _ answer: inout Answer) async throws(PlatformError) {
        let source = provider.open(prompt, on: stream.loop)
        // The provider's silence is a reason to stop like any other: it cancels this task. An answer that is wanted at
        // once is silence to its end; that has its deadline.
        let silence =
            deadline == nil
            ? IdleTimer(on: stream.loop, limit: settings.idleTimeout) { [weak stream] in
                stream?.assumeIsolated { $0.stop(.silence) }
            } : nil
        let deadline = deadline.map { deadline in
            let timer = LoopTimer(on: stream.loop) { [weak stream] in
                stream?.assumeIsolated { $0.stop(.deadline) }
            }
            timer.start(after: deadline)
            return timer
        }
        defer { deadline?.stop() }
        var deltas: [Delta] = []
        var isReasoning = false
        var hasAnswered = false
        while try await source.next(into: &deltas) {
            silence?.touch()
            for delta in deltas {
                switch delta {
                case .content(let text):
                    if !hasAnswered, isReasoning {
                        stream.complete(.reasoning, of: stage)
                        isReasoning = false
                    }
                    hasAnswered = true
                    stream.write(text, to: .chat, of: stage)
                case .reasoning(let text):
                    isReasoning = true
                    stream.write(text, to: .reasoning, of: stage)
                case .start(let model): answer.model = model
                case .usage(let usage): answer.usage = usage
                case .finish(let reason): answer.finish = reason
                case .flag(let flag): answer.flags.append(flag)
                }
            }
        }
        // Reasons that came without an answer, or after its beginning: the panel's last `stage_complete` counts.
        if isReasoning { stream.complete(.reasoning, of: stage) }
    }

    private func save(_ row: Message, into stream: isolated StreamLog) async {
        do throws(StoreError) {
            try await store.save(row)
            stream.append(
                .saved(message: row.id, length: row.text.utf8.count, sha256: SHA256.hex(of: row.text)))
        } catch .notFound {
            stream.append(PlatformError(.notFound, "The conversation was deleted meanwhile."), stage: stage)
        } catch {
            // The place of `saved` is kept, so that the recorded offset holds.
            let failure = PlatformError(
                .storageFailed, "The answer could not be saved. Copy what you need before leaving.", cause: error)
            stream.append(failure, stage: stage)
            report(failure, stream)
        }
    }

    // MARK: What it means

    /// Why the answer ended early, as the user should read it.
    private func reading(of error: PlatformError, _ reason: StreamLog.StopReason?) -> PlatformError? {
        switch reason {
        case nil: error
        // Asked for by the user, or seen by nobody.
        case .user, .detached, .length: nil
        case .silence:
            PlatformError(
                .timedOut, "The model has said nothing for too long. What it said so far is kept; try again.")
        case .deadline: PlatformError(.timedOut, "The answer took too long. What came so far is kept; try again.")
        case .shutdown:
            PlatformError(.shuttingDown, "The server is restarting. What came so far is kept; try again in a moment.")
        }
    }

    /// What is wrong with an answer that came to its end.
    private func fault(of answer: Answer, _ text: String) -> PlatformError? {
        if answer.finish == .error {
            return PlatformError(
                .providerFailed, "The model's provider broke the answer off. What came so far is kept; try again.")
        }
        guard text.isEmpty else { return nil }
        return switch answer.finish {
        case .length:
            PlatformError(
                .providerTruncated, "The model reached its output limit before it answered. Ask for less, or try again."
            )
        case .contentFilter:
            PlatformError(.contentBlocked, "The provider's content filter withheld the answer. Rephrase the question.")
        default: PlatformError(.providerFailed, "The model gave no answer. Try again.")
        }
    }

    private func outcome(of answer: Answer, _ reason: StreamLog.StopReason?, hasText: Bool) -> Outcome {
        switch reason {
        case .user, .detached: return .cancelled
        case .length: return .truncated
        case .silence, .deadline, .shutdown, nil: break
        }
        if answer.finish == .contentFilter || answer.error?.code == .contentBlocked { return .blocked }
        if answer.error != nil || answer.finish == .error { return hasText ? .truncated : .failed }
        return answer.finish == .length ? .truncated : .complete
    }

    private func sentence(_ answer: Answer, _ reason: StreamLog.StopReason?) -> String {
        if let error = answer.error { return error.message }
        switch reason {
        case .user: return "Stopped."
        case .detached: return "Stopped, because nobody was reading."
        case .length: return "The answer reached the longest length that is kept."
        case .silence, .deadline, .shutdown, nil: break
        }
        switch answer.finish {
        case .length: return "The model reached its output limit."
        case .contentFilter: return "The provider's content filter ended the answer."
        default: return ""
        }
    }

    private func facts(_ answer: Answer) -> [String: JSONValue] {
        var facts: [String: JSONValue] = ["provider": .string(provider.name), "model": .string(answer.model)]
        if let finish = answer.finish { facts["finish"] = .string(finish.rawValue) }
        if !answer.flags.isEmpty { facts["flags"] = .array(answer.flags.map { .string($0.kind) }) }
        return facts
    }

    /// What the provider counted; an estimate where it said nothing and yet began to answer, since that is billed.
    private func usage(of answer: Answer, _ text: String, _ reasoning: String) -> Usage? {
        let output = text.utf8.count + reasoning.utf8.count
        guard answer.usage == nil, output > 0 else { return answer.usage }
        let input = prompt.messages.reduce(0) { $0 + $1.text.utf8.count }
        return Usage(estimatedFromInput: input, output: output)
    }

    private func cost(_ usage: Usage, _ answer: Answer) -> Cost? {
        let kind = type(of: provider).kind
        let answerer = PriceTable.Answerer(
            provider: provider.name, kind: kind, models: [answer.model, provider.model])
        return prices.cost(of: usage, by: answerer)
    }

    private func report(_ error: PlatformError, _ stream: isolated StreamLog) {
        log.warning("turn_failed", [.id("stream", stream.id), .code("code", error.code)], detail: error.cause)
    }
}
