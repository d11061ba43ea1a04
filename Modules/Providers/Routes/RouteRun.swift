public import Core
public import Reactor

/// One answer along a route, from the first provider on that can; loop-confined, used once.
///
/// ```text
///  ask ──error──▶ nothing shown: try again · ask the next · give up
///                 text shown:    the next goes on · restarts · give up
/// ```
///
/// Its steps are functions of their own: what their frames hold is not held while an answer is waited for.
public final class RouteRun {
    // First what each piece of the answer needs, so that it shares a line of the cache.
    private let receive: (RouteEvent) -> Void
    /// How the answer was asked for.
    private var form = Form.anew
    /// Whether the request that is under way has brought anything.
    private var hasBrought = false
    /// What was handed over since the beginning.
    private var hasText = false
    private var hasReasoned = false
    /// Of an answer that is continued: the joint.
    private var seam: Seam?
    private let route: ModelRoute
    private var prompt: Prompt
    private let user: String
    private let loop: EventLoop
    private let clock: RouteClock
    private let shown: () -> String

    /// Why the answer did not come to its end; it is the last provider's error, or, of an answer that broke off, the first's.
    ///
    /// What was handed over stays.
    public private(set) var failure: PlatformError?
    /// Which target is asked.
    private var place = 0
    /// Requests to it so far.
    private var tries = 0
    /// Whether one of them was lost on a connection that had been kept.
    private var hasMetStale = false
    private let start: ContinuousClock.Instant
    /// When an answer that is wanted at once must be there.
    private let deadline: ContinuousClock.Instant?
    /// Until when the target is asked, so that there is time for those after it; `nil` for as long as it takes.
    private var shareEnd: ContinuousClock.Instant?
    private var isWithdrawn = false
    /// Whether the gate did not let it through.
    private var wasTurnedAway = false
    /// The error that broke the answer off; later ones only say that nobody could mend it.
    private var breach: PlatformError?

    private enum Form {
        case anew
        /// The provider takes the text as its own.
        case prefilled
        /// It is told in words to go on.
        case instructed
    }

    /// - Parameters:
    ///   - route: whom to ask.
    ///   - prompt: what is asked; with `streams` false silence is no failure, for all comes at once.
    ///   - user: whose turn it is at a provider that is busy.
    ///   - loop: where the answer is read, which is the caller's.
    ///   - limit: after which an answer that is wanted at once comes too late. Each target has an even part of what is left
    ///     of it for all its tries; the last may take the rest, which ends when the caller cancels.
    ///   - clock: what waits are measured on.
    ///   - shown: the text of the chat panel, exactly as it was shown; asked for after ``RouteEvent/goesOn(with:)``.
    ///   - receive: called on the loop with what comes and with what is done about failures.
    public init(
        along route: ModelRoute, with prompt: Prompt, for user: String, on loop: EventLoop,
        within limit: Duration? = nil, clock: RouteClock = .continuous, shown: @escaping () -> String,
        receive: @escaping (RouteEvent) -> Void
    ) {
        self.route = route
        self.prompt = prompt
        self.user = user
        self.loop = loop
        self.clock = clock
        self.shown = shown
        self.receive = receive
        start = clock.now()
        deadline = limit.map { [start] in start + $0 }
        share()
    }

    /// Asks until there is an answer, or no hope of one; ``failure`` tells which.
    public func run() async {
        repeat {
            await enter()
            if failure == nil { await ask() }
            leave()
        } while await isAgain()
    }

    /// Waits for the provider's gate.
    @inline(never)
    private func enter() async {
        tries += 1
        (hasBrought, wasTurnedAway) = (false, false)
        do throws(PlatformError) {
            try await target.gate.enter(for: user, on: loop)
        } catch {
            wasTurnedAway = true
            failure = error
        }
    }

    /// Asks the provider once.
    @inline(never)
    private func ask() async {
        do throws(PlatformError) {
            try await provider.answer(prompt, on: loop, within: patience) { [self] in take($0) }
        } catch {
            failure = error
        }
    }

    @inline(never)
    private func leave() {
        finishSeam()
        guard !wasTurnedAway else { return }
        let result: CircuitBreaker.Result =
            switch failure.map(ProviderFailure.init) {
            case nil: .alive
            case let failure? where failure.speaksOfHealth: .failed
            case let failure?: failure.isSilent ? .unknown : .alive
            }
        target.gate.leave(result, for: user)
    }

    /// Whether another attempt is set up, for which it waits.
    @inline(never)
    private func isAgain() async -> Bool {
        guard let error = failure, let delay = next(after: error) else { return false }
        failure = nil
        guard delay > .zero else { return true }
        do throws(CancellationError) {
            try await clock.sleep(delay, loop)
            return true
        } catch {
            failure = .provider(.cancelled)
            return false
        }
    }

    private var target: ModelRoute.Target { route.targets[place] }
    private var provider: any Provider { target.provider }
    private var patience: Patience {
        guard !prompt.streams else { return target.patience }
        return Patience(firstToken: shareEnd.map { max(clock.now().duration(to: $0), .milliseconds(1)) })
    }

    // MARK: What comes

    private func take(_ delta: Delta) {
        switch delta {
        case .content(let text):
            hasBrought = true
            let text = seam?.push(text) ?? text
            if !text.isEmpty { show(text) }
        case .reasoning:
            hasBrought = true
            // A model that continues a text has no part in the thoughts that led to it.
            guard form == .anew else { return }
            hasReasoned = true
            receive(.gave(delta))
        case .retract:
            isWithdrawn = true
            receive(.gave(delta))
        case .finish:
            finishSeam()
            receive(.gave(delta))
        case .start, .flag, .usage: receive(.gave(delta))
        }
    }

    private func show(_ text: String) {
        hasText = true
        receive(.gave(.content(text)))
    }

    /// Shows what the joint held back.
    private func finishSeam() {
        let rest = seam?.finish() ?? ""
        seam = nil
        if !rest.isEmpty { show(rest) }
    }

    // MARK: What is done about a failure

    /// - Returns: how long to wait before the next attempt, which is set up; `nil` when there is none.
    @inline(never)
    private func next(after error: PlatformError) -> Duration? {
        let failure = ProviderFailure(error)
        guard !Task.isCancelled, failure.kind != .cancelled, failure.kind != .local, !isWithdrawn else { return nil }
        if let again = again(after: failure) { return again }
        // What one filter forbids is not offered to the next until one lets it pass.
        guard failure.canFailOver, failure.kind != .contentBlocked, place + 1 < route.targets.count else {
            return giveUp()
        }
        guard hasText || hasReasoned else {
            advance()
            receive(.asks(target.provider))
            return .zero
        }
        if breach == nil { breach = error }
        switch route.rescue {
        case .off: return giveUp()
        // Thoughts without an answer are no beginning to go on from.
        case .continue where hasText: goOn()
        case .continue, .restart: restart()
        }
        return .zero
    }

    private func giveUp() -> Duration? {
        if let breach { failure = breach }
        return nil
    }

    /// The same target once more.
    private func again(after failure: ProviderFailure) -> Duration? {
        // A gate that is shut stays so for longer than anybody should wait.
        guard !hasBrought, !wasTurnedAway else { return nil }
        if form == .prefilled, failure.kind == .rejected {
            ask(.instructed)
            return .zero
        }
        // Ours to bear: the provider ended a connection that was idle, as it may, while the request was on its way.
        if failure.kind == .staleConnection, !hasMetStale {
            hasMetStale = true
            tries -= 1
            return .zero
        }
        let wait = target.policy.wait(
            after: failure, tries: tries, elapsed: start.duration(to: clock.now()), share: clock.chance())
        // Sooner another provider than a long wait for this one.
        guard let wait, wait <= target.policy.cap || place + 1 == route.targets.count else { return nil }
        if let shareEnd, clock.now() + wait + Self.leastTry > shareEnd { return nil }
        return wait
    }

    private func advance() {
        place += 1
        tries = 0
        hasMetStale = false
        share()
    }

    /// A try that has less time than this comes to nothing; a timer that ends a share may be early by a little of it.
    private static let leastTry = Duration.milliseconds(100)

    /// Gives the target its part of the time that is left for a whole answer.
    private func share() {
        let left = route.targets.count - place
        guard let deadline, !prompt.streams, left > 1 else { return shareEnd = nil }
        let now = clock.now()
        shareEnd = now + now.duration(to: deadline) / left
    }

    private func goOn() {
        advance()
        receive(.goesOn(with: target.provider))
        beginning = shown()
        ask(target.provider.capabilities.assistantPrefill ? .prefilled : .instructed)
    }

    private func restart() {
        advance()
        hasText = false
        hasReasoned = false
        receive(.restarts(with: target.provider))
        ask(.anew)
    }

    /// The text to go on from.
    private var beginning = ""
    /// The messages as they were before anybody was told to go on.
    private lazy var question = prompt.messages

    private func ask(_ form: Form) {
        self.form = form
        prompt.messages = question
        prompt.answerSoFar = form == .prefilled ? beginning : ""
        if form == .instructed {
            prompt.messages.append(Prompt.Message(.assistant, beginning))
            prompt.messages.append(Prompt.Message(.user, Self.instruction(after: beginning)))
        }
        seam = form == .anew ? nil : Seam(after: beginning, isExact: form == .prefilled)
    }

    private static func instruction(after shown: String) -> String {
        var start = "Write only what follows"
        if let word = WordGap.lastWord(of: shown) {
            // Whether a word is whole cannot be told from its beginning: said again, it shows.
            start = "Begin with its last word, which may be cut: write \"\(word)\" again in whole, then what follows"
        }
        return """
            Your answer was interrupted. Continue it from exactly where it stops, in the same language and form. \(start): \
            no greeting, no apology, nothing else that was said already. Its last words are: \(shown.suffix(120))
            """
    }
}
