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
///
/// A class, and its steps functions of their own, because what the frames of a waiting task hold is held for each open
/// stream.
final class TurnRun: Sendable {
    /// `nil` where the answer is part of no conversation, and is not recorded.
    private let record: Record?
    private let prompt: Prompt
    private let route: ModelRoute
    private let stage: Stage
    /// The time for the whole answer; `nil` for as long as it takes.
    private let deadline: Duration?
    private let prices: PriceTable
    private let log: Log

    /// Where the answer is written down.
    struct Record: Sendable {
        /// The assistant's row as it was opened.
        let message: Message
        /// The turn, when it waits in the spool.
        let waiting: NewTurn?
        let recorder: TurnRecorder
        /// Between two records of the answer while it is written.
        let interval: Duration

        init(_ open: TurnRecorder.OpenTurn, by recorder: TurnRecorder, every interval: Duration) {
            message = open.begun.answer
            waiting = open.waiting
            self.recorder = recorder
            self.interval = interval
        }
    }

    init(
        _ record: Record?, _ prompt: Prompt, along route: ModelRoute, in stage: Stage, deadline: Duration?,
        prices: PriceTable, log: Log
    ) {
        self.record = record
        self.prompt = prompt
        self.route = route
        self.stage = stage
        self.deadline = deadline
        self.prices = prices
        self.log = log
    }

    /// Fills `stream` to its end and records the answer.
    @inline(never)
    func run(into stream: isolated StreamLog) async {
        begin(stream)
        // A key is known where the turn is stored, which may be away when it is sent again: no model is asked before this
        // machine's disk knows of it too, or a server after a crash could ask another.
        if record?.recorder.hasSpool == true { await stream.begunOnDisk() }
        let answer = Answer(from: route.first, in: stage)
        let run = begin(answer, into: stream)
        await run.run()
        settle(answer, after: run, stream)
        await conclude(answer, stream)
    }

    @inline(never)
    private func settle(_ answer: Answer, after run: RouteRun, _ stream: isolated StreamLog) {
        answer.deadline = nil
        answer.checkpoint = nil
        answer.error = run.failure
        stream.flush()
        // Reasons that came without an answer, or after its beginning: the panel's last `stage_complete` counts.
        if answer.error == nil, answer.isReasoning { stream.complete(.reasoning, of: stage) }
        // A stop that came too late to cut the answer is none.
        if answer.error != nil || stream.stopReason == .length { answer.stopReason = stream.stopReason }
        if let error = answer.error { answer.error = answer.reading(of: error) }
    }

    @inline(never)
    private func begin(_ stream: isolated StreamLog) {
        let first = route.first
        let facts: [String: JSONValue] = ["provider": .string(first.name), "model": .string(first.model)]
        guard let message = record?.message else {
            return stream.append(.start(stream: stream.id, stage: stage, metadata: facts))
        }
        stream.append(
            .start(
                stream: stream.id, conversation: message.conversation, message: message.id, stage: stage,
                metadata: facts))
    }

    /// Ends the panels, says what went wrong, records the answer and ends the stream.
    @inline(never)
    private func conclude(_ answer: Answer, _ stream: isolated StreamLog) async {
        let text = stream.text(.chat, stage)
        let reasoning = stream.text(.reasoning, stage)
        if answer.error == nil, answer.stopReason == nil {
            answer.error = answer.fault(in: text)
            if answer.error == nil { stream.complete(.chat, of: stage) }
        }
        if let error = answer.error {
            stream.append(error, stage: stage)
            report(error, stream)
        }
        let outcome = answer.outcome(hasText: !text.isEmpty || !reasoning.isEmpty)
        let spans = answer.counted(text, reasoning, prompt, prices)
        let (usage, cost) = (Usage.sum(of: spans.map(\.usage)), Cost.sum(of: spans.map(\.cost)))
        if let record {
            var row = record.message
            row.text = text
            row.reasoning = reasoning
            row.outcome = outcome
            row.state = .final
            row.version = Message.finalVersion
            row.provider = spans.last?.provider
            row.model = spans.last?.model
            row.spans = spans.count > 1 ? spans : []
            row.usage = usage
            row.cost = cost
            // `saved` and `stream_done` follow.
            row.lastOffset = stream.lastOffset + 2
            stream.isRecording = true
            await save(row, record, into: stream)
            stream.isRecording = false
        }
        stream.finish(
            .done(outcome, answer.sentence, usage: usage, cost: cost, metadata: answer.facts(of: spans)))
    }

    private func startDeadline(_ answer: Answer, _ stream: isolated StreamLog) {
        guard let deadline else { return }
        answer.deadline = LoopTimer(on: stream.loop) { [unowned stream] in
            stream.assumeIsolated { $0.stop(.deadline) }
        }
        answer.deadline?.start(after: deadline)
    }

    @inline(never)
    private func begin(_ answer: Answer, into stream: isolated StreamLog) -> RouteRun {
        startDeadline(answer, stream)
        return RouteRun(
            along: route, with: prompt, for: stream.owner.text, on: stream.loop, within: deadline,
            shown: { [self] in stream.text(.chat, stage) }
        ) { [self] event in
            switch event {
            case .gave(let delta): take(delta, answer, into: stream)
            case .asks(let provider): answer.spans = [Answer.Span(of: provider)]
            case .goesOn(let provider): splice(provider, answer, into: stream)
            case .restarts(let provider): restart(provider, answer, into: stream)
            }
        }
    }

    @inline(never)
    private func take(_ delta: Delta, _ answer: Answer, into stream: isolated StreamLog) {
        switch delta {
        case .content(let text):
            if !answer.hasBegun, answer.isReasoning {
                stream.complete(.reasoning, of: answer.stage)
                answer.isReasoning = false
            }
            if !answer.hasBegun {
                answer.hasBegun = true
                startCheckpoints(answer, of: stream)
            }
            stream.write(text, to: .chat, of: answer.stage)
        case .reasoning(let text):
            answer.isReasoning = true
            stream.write(text, to: .reasoning, of: answer.stage)
        case .start(let model): answer.last.model = model
        case .usage(let usage): answer.last.usage = usage
        case .finish(let reason): answer.finish = reason
        case .flag(let flag): answer.flags.append(flag)
        case .retract: withdraw("The provider's content filter withdrew this text.", answer, from: stream)
        }
    }

    // MARK: Checkpoints

    /// Records what there is of the answer now and then, for whoever looks for it after the process has died.
    ///
    /// Begun with the first text, since a stream that waits has nothing to record.
    @inline(never)
    private func startCheckpoints(_ answer: Answer, of stream: isolated StreamLog) {
        guard let record else { return }
        let timer = LoopTimer(on: stream.loop) { [self] in checkpoint(answer, record, stream) }
        timer.start(after: record.interval, repeating: true)
        answer.checkpoint = timer
    }

    private func checkpoint(_ answer: Answer, _ record: Record, _ stream: isolated StreamLog) {
        guard answer.recording.begin() else { return }
        var row = record.message
        row.text = stream.text(.chat, stage)
        row.reasoning = stream.text(.reasoning, stage)
        answer.checkpoints += 1
        row.version += answer.checkpoints
        Task(executorPreference: stream.loop) { [row, recording = answer.recording] in
            await record.recorder.checkpoint(row)
            recording.end()
        }
    }

    // MARK: Another provider

    private func splice(_ provider: any Provider, _ answer: Answer, into stream: isolated StreamLog) {
        // Half a word that waits was never shown: whoever goes on begins at the last whole one.
        stream.dropWaiting()
        let text = stream.text(.chat, stage)
        answer.spans.append(Answer.Span(of: provider, offset: text.utf8.count))
        stream.append(
            .splice(
                "The connection to the model was lost; another goes on from here.", provider: provider.name,
                model: provider.model, offset: text.utf8.count, panel: .chat, stage: stage))
    }

    private func restart(_ provider: any Provider, _ answer: Answer, into stream: isolated StreamLog) {
        withdraw("The connection to the model was lost; another answers anew.", answer, from: stream)
        answer.hasBegun = false
        answer.isReasoning = false
        answer.spans.append(Answer.Span(of: provider))
        stream.append(
            .splice(
                "Another model answers.", provider: provider.name, model: provider.model, offset: 0, panel: .chat,
                stage: stage))
    }

    private func withdraw(_ sentence: String, _ answer: Answer, from stream: isolated StreamLog) {
        // A panel that had its `stage_complete` gets another, for the text it has now.
        answer.isReasoning = !stream.text(.reasoning, stage).isEmpty
        for panel in [Panel.reasoning, .chat] { stream.retract(sentence, panel, of: stage) }
    }

    private func save(_ row: Message, _ record: Record, into stream: isolated StreamLog) async {
        do throws(StoreError) {
            // A turn that waits in the spool would be brought home as if nothing had happened.
            guard stream.stopReason != .deleted else { throw .notFound }
            let isStored = try await record.recorder.finish(row, waiting: record.waiting)
            stream.append(
                .saved(
                    message: row.id, length: row.text.utf8.count, sha256: SHA256.hex(of: row.text),
                    isPending: !isStored))
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

    private func report(_ error: PlatformError, _ stream: isolated StreamLog) {
        log.warning("turn_failed", [.id("stream", stream.id), .code("code", error.code)], detail: error.cause)
    }
}
