public import Configuration
public import Core
public import Providers
public import Reactor

/// A clinician who reads from a script, for trying the product without a model and for testing what surrounds one.
///
/// Deterministic: the same prompt gets the same answer, at a pace of its own. Answers, and how to make them misbehave,
/// are told in `config/demo/README.md`.
public struct DemoProvider: Provider {
    public static let kind = "demo"
    /// Its failures are asked for, and tell nothing of its health.
    public static var usualLimits: ProviderGate.Limits {
        var limits = ProviderGate.Limits()
        limits.breaker.failures = 0
        return limits
    }
    public let name: String
    public let model: String
    private let script: Script
    private let pace: Pace
    private let direction: Direction
    private let pause: Pause

    /// Reads `model`, `words_per_second`, `first_word_after`, `misbehave` and `scripts`.
    public init(_ settings: Section) {
        self.init(settings, pause: { delay, loop throws(CancellationError) in try await loop.sleep(for: delay) })
    }

    /// Reads the settings; `pause` passes the time between two words, so that a test need not wait.
    package init(_ settings: Section, pause: @escaping Pause) {
        name = settings.name
        model = settings.string("model", default: "demo-clinician")
        pace = Pace(
            wordsPerSecond: settings.double("words_per_second", in: 0...100_000, default: 14),
            firstWordAfter: settings.duration(
                "first_word_after", in: .zero ... .seconds(600), default: .milliseconds(600)))
        direction = Direction(settings.choice("misbehave", default: Misbehaviour.none))
        script = Script(settings.section("scripts"))
        self.pause = pause
    }

    /// It takes any beginning for its own.
    public var capabilities: Capabilities { Capabilities(assistantPrefill: true) }

    public func answer(
        _ prompt: Prompt, on loop: EventLoop, within patience: Patience, receive: @escaping (Delta) -> Void
    ) async throws(PlatformError) {
        let last = prompt.messages.last { $0.role == .user }?.text ?? ""
        let (direction, message) = Direction.read(last, otherwise: direction)
        let answer = direction.length.map(Answer.long) ?? script.answer(to: message, prompt)
        let rest = answer.continuing(prompt.answerSoFar)
        var performance = Performance(rest, of: prompt, as: model, at: pace, direction)
        if !prompt.streams { performance = performance.atOnce() }
        var isSilent = true
        while let step = performance.next() {
            try await wait(for: step, on: loop, within: patience, isSilent)
            switch step.act {
            case .say(let words):
                isSilent = false
                words.forEach(receive)
            case .fail(let code): throw .provider(code)
            case .stall: throw .provider(.timedOut)
            }
        }
    }

    private func wait(
        for step: Performance.Step, on loop: EventLoop, within patience: Patience, _ isSilent: Bool
    ) async throws(PlatformError) {
        let limit = isSilent ? patience.firstToken : nil
        let isLate = limit.map { $0 < step.delay } ?? false
        do throws(CancellationError) {
            try await pause(min(step.delay, limit ?? step.delay), loop)
            if step.act == .stall, !isLate {
                // As with a connection that stays open and silent.
                let silence = [patience.silence, limit.map { $0 - step.delay }].compactMap { $0 }.min()
                if let silence { return try await pause(silence, loop) }
                while true { try await pause(.seconds(3_600), loop) }
            }
        } catch {
            throw .provider(.cancelled, cause: error)
        }
        if isLate { throw .provider(.timedOut) }
    }
}

/// Lets a time pass on a loop; throws as soon as the task is cancelled.
package typealias Pause =
    nonisolated(nonsending) @Sendable (Duration, EventLoop) async throws(CancellationError) -> Void
