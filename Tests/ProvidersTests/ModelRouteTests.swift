import Configuration
import Core
import Providers
import Reactor
import Synchronization
import TestSupport
import Testing

/// A provider that does one thing after the other: each request takes the next of its acts.
private final class Actor: Provider {
    static let kind = "actor"
    let name: String
    let model = "m"
    let capabilities: Capabilities
    private let acts: Mutex<[[Act]]>
    private let asked = Mutex<[Prompt]>([])
    private let patiences = Mutex<[Patience]>([])
    /// Lets time pass on the clock of the journey.
    private let passing = Mutex<@Sendable (Duration) -> Void>({ _ in })

    enum Act: Sendable {
        case give(Delta)
        /// Gives nothing for as long as the caller has patience.
        case keepWaiting
        case fail(PlatformError)
    }

    init(_ name: String, prefills: Bool = false, _ acts: [Act]...) {
        self.name = name
        capabilities = Capabilities(assistantPrefill: prefills)
        self.acts = Mutex(acts)
    }

    init(_ settings: Section) {
        name = settings.name
        capabilities = Capabilities()
        acts = Mutex([])
    }

    var prompts: [Prompt] { asked.withLock { $0 } }
    /// How long each request might take to its first text.
    var limits: [Duration?] { patiences.withLock { $0.map(\.firstToken) } }

    private func wait(_ time: Duration) { passing.withLock { $0 }(time) }

    func keepTime(_ wait: @escaping @Sendable (Duration) -> Void) { passing.withLock { $0 = wait } }

    func answer(
        _ prompt: Prompt, on loop: EventLoop, within patience: Patience, receive: @escaping (Delta) -> Void
    ) async throws(PlatformError) {
        asked.withLock { $0.append(prompt) }
        patiences.withLock { $0.append(patience) }
        // The last one is done again and again.
        let acts = acts.withLock { $0.count > 1 ? $0.removeFirst() : $0.first ?? [] }
        for act in acts {
            switch act {
            case .give(let delta): receive(delta)
            case .keepWaiting:
                guard let limit = patience.firstToken else { throw .provider(.cancelled) }
                wait(limit)
                throw .provider(.timedOut)
            case .fail(let error): throw error
            }
        }
    }
}

/// What came of one answer along a route.
private struct Journey {
    var text = ""
    var events: [String] = []
    var waits: [Duration] = []
    var error: PlatformError.Code?

    /// Waits of providers and of ours count as passed at once.
    init(_ route: ModelRoute, streams: Bool = true, within limit: Duration? = nil) async {
        let waits = Mutex<[Duration]>([])
        for case let actor as Actor in route.targets.map(\.provider) {
            actor.keepTime { time in waits.withLock { $0.append(time) } }
        }
        let start = ContinuousClock.now
        let clock = RouteClock(
            now: { start + waits.withLock { $0.reduce(.zero, +) } },
            sleep: { delay, _ throws(CancellationError) in waits.withLock { $0.append(delay) } }, chance: { 0.5 })
        let (text, events, error) = await onLoop { actor in
            var text = ""
            var events: [String] = []
            let run = RouteRun(
                along: route, with: Prompt([.init(.user, "Why?")], streams: streams), for: "u", on: actor.loop,
                within: limit, clock: clock, shown: { text }
            ) { event in
                switch event {
                case .asks(let provider): events.append("asks \(provider.name)")
                case .goesOn(let provider): events.append("\(provider.name) goes on")
                case .restarts(let provider):
                    events.append("\(provider.name) restarts")
                    text = ""
                case .gave(.content(let piece)): text += piece
                case .gave(.finish(let reason)): events.append(reason.rawValue)
                case .gave(.reasoning(let piece)): events.append("thinks \(piece)")
                case .gave: break
                }
            }
            await run.run()
            return (text, events, run.failure?.code)
        }
        (self.text, self.events, self.error) = (text, events, error)
        self.waits = waits.withLock { $0 }
    }
}

extension Actor.Act {
    fileprivate static func say(_ text: String) -> Self { .give(.content(text)) }
    fileprivate static let finish = Self.give(.finish(.stop))
    fileprivate static func fail(_ code: PlatformError.Code, wait: Duration? = nil) -> Self {
        .fail(.provider(code, retryAfter: wait))
    }
}

@Suite("A route", .timeLimit(.minutes(1)))
struct ModelRouteTests {
    private func route(_ providers: Actor..., rescue: ModelRoute.Rescue = .continue) -> ModelRoute {
        ModelRoute("chat", to: providers.map { ModelRoute.Target($0) }, rescue: rescue)
    }

    @Test("tries again while nothing was shown, and says nothing of it")
    func retries() async {
        let only = Actor(
            "only", [.fail(.providerOverloaded)], [.fail(.rateLimited, wait: .seconds(3))], [.say("Yes."), .finish])
        let journey = await Journey(route(only))
        #expect(journey.text == "Yes.")
        #expect(journey.events == ["stop"])
        #expect(journey.waits == [.milliseconds(250), .seconds(3)])
    }

    @Test("asks the next when the tries are used up, or would be in vain, or the wait is long")
    func failsOver() async {
        for (failure, isTriedAgain) in [
            (Actor.Act.fail(.providerFailed), true), (.fail(.providerAuthentication), false),
            (.fail(.rateLimited, wait: .seconds(20)), false),
        ] {
            let (first, second) = (Actor("a", [failure]), Actor("b", [.say("Yes."), .finish]))
            let journey = await Journey(route(first, second))
            #expect(journey.waits.isEmpty != isTriedAgain)
            #expect(journey.text == "Yes.")
            #expect(journey.events == ["asks b", "stop"])
            #expect(journey.error == nil)
        }
    }

    @Test("offers to no other provider what a content filter forbids")
    func blocked() async {
        let second = Actor("b", [.say("Yes."), .finish])
        let journey = await Journey(route(Actor("a", [.fail(.contentBlocked)]), second))
        #expect(journey.error == .contentBlocked)
        #expect(second.prompts.isEmpty)
    }

    @Test("has nobody go on from a text that its provider withdrew")
    func withdrawn() async {
        let first = Actor("a", [.say("Take two "), .give(.retract), .fail(.providerTruncated)])
        let second = Actor("b", [.say("tablets."), .finish])
        let journey = await Journey(route(first, second))
        #expect(journey.error == .providerTruncated)
        #expect(second.prompts.isEmpty)
    }

    @Test("has the next go on from what was shown, in the way it can", arguments: [true, false])
    func rescues(prefills: Bool) async throws {
        let first = Actor("a", [.say("Take two "), .fail(.providerTruncated)])
        let second = Actor("b", prefills: prefills, [.say("two tablets."), .finish])
        let journey = await Journey(route(first, second))
        #expect(journey.text == (prefills ? "Take two two tablets." : "Take two tablets."))
        #expect(journey.events == ["b goes on", "stop"])
        #expect(journey.error == nil)
        let asked = try #require(second.prompts.first)
        #expect(asked.answerSoFar == (prefills ? "Take two " : ""))
        #expect(asked.messages.map(\.role) == (prefills ? [.user] : [.user, .assistant, .user]))
        #expect(prefills || asked.messages[1].text == "Take two ")
    }

    @Test(
        "asks for a word again that may have been cut, and joins it", arguments: ["paracetamol", "par", " paracetamol"])
    func cutWord(begin: String) async throws {
        let first = Actor("a", [.say("Rest and par"), .fail(.timedOut)])
        let second = Actor("b", [.say("\(begin) helps."), .finish])
        let journey = await Journey(route(first, second))
        #expect(journey.text == (begin == "par" ? "Rest and par helps." : "Rest and paracetamol helps."))
        let told = try #require(second.prompts.first?.messages.last?.text)
        #expect(told.contains("\"par\" again in whole"))
        let whole = Actor("a", [.say("Rest and sleep. "), .fail(.timedOut)])
        _ = await Journey(route(whole, second))
        #expect(second.prompts.last?.messages.last?.text.contains("again") == false)
    }

    @Test(
        "shows words that could have become a repetition when the answer ends with them, or breaks off",
        arguments: [true, false])
    func heldToTheEnd(finishes: Bool) async {
        let first = Actor("a", [.say("Rest, drink, rest, "), .fail(.providerTruncated)])
        let second = Actor("b", [.say("drink"), finishes ? .finish : .fail(.timedOut)])
        let journey = await Journey(route(first, second))
        #expect(journey.text == "Rest, drink, rest, drink")
    }

    @Test("tells in words a provider that refuses to take the text as its own")
    func refusedPrefill() async {
        let first = Actor("a", [.say("Take two "), .fail(.providerTruncated)])
        let second = Actor("b", prefills: true, [.fail(.providerRejected)], [.say("tablets."), .finish])
        let journey = await Journey(route(first, second))
        #expect(journey.text == "Take two tablets.")
        #expect(second.prompts.map(\.answerSoFar) == ["Take two ", ""])
        #expect(second.prompts.last?.messages.count == 3)
    }

    @Test("keeps the text and the first error when nobody can go on")
    func truncated() async {
        let first = Actor("a", [.say("Take two "), .fail(.providerTruncated)])
        let journey = await Journey(route(first, Actor("b", [.fail(.providerAuthentication)])))
        #expect(journey.text == "Take two ")
        #expect(journey.error == .providerTruncated)
        let alone = await Journey(route(Actor("a", [.say("Take two "), .fail(.timedOut)])))
        #expect(alone.text == "Take two ")
        #expect(alone.error == .timedOut)
    }

    @Test("withdraws the text and answers anew where that is wanted, and leaves it where nothing is")
    func otherRescues() async {
        func journey(_ rescue: ModelRoute.Rescue) async -> Journey {
            let first = Actor("a", [.give(.reasoning("hm")), .say("Take two "), .fail(.providerTruncated)])
            return await Journey(
                route(first, Actor("b", [.give(.reasoning("ah")), .say("Anew."), .finish]), rescue: rescue))
        }
        let restarted = await journey(.restart)
        #expect(restarted.text == "Anew.")
        #expect(restarted.events == ["thinks hm", "b restarts", "thinks ah", "stop"])
        let off = await journey(.off)
        #expect(off.text == "Take two ")
        #expect(off.error == .providerTruncated)
        let continued = await journey(.continue)
        #expect(continued.text == "Take two Anew.")
        #expect(continued.events == ["thinks hm", "b goes on", "stop"])
    }

    @Test("answers anew where thoughts alone were shown")
    func thoughts() async {
        let first = Actor("a", [.give(.reasoning("hm")), .fail(.providerTruncated)])
        let journey = await Journey(route(first, Actor("b", [.say("Yes."), .finish])))
        #expect(journey.events == ["thinks hm", "b restarts", "stop"])
    }

    @Test("goes on more than once")
    func twice() async {
        let journey = await Journey(
            route(
                Actor("a", [.say("One "), .fail(.providerTruncated)]),
                Actor("b", [.say("two "), .fail(.timedOut)]), Actor("c", [.say("two three."), .finish])))
        #expect(journey.text == "One two three.")
        #expect(journey.events == ["b goes on", "c goes on", "stop"])
    }

    @Test(
        "tries no provider again whose share of the time leaves less than 100 ms", arguments: [(900, 2), (901, 1)])
    func leastTry(wait: Int, tries: Int) async {
        let first = Actor("first", [.fail(.rateLimited, wait: .milliseconds(wait))])
        let last = Actor("last", [.say("Yes."), .finish])
        let journey = await Journey(route(first, last), streams: false, within: .seconds(2))
        #expect(journey.text == "Yes.")
        #expect(first.prompts.count == tries)
    }

    @Test("keeps time for the others when a provider is silent that was asked for a whole answer")
    func wholeAnswer() async {
        let silent = (Actor("a", [.keepWaiting]), Actor("b", [.fail(.providerOverloaded)], [.keepWaiting]))
        let last = Actor("c", [.say("Yes."), .finish])
        let journey = await Journey(route(silent.0, silent.1, last), streams: false, within: .seconds(60))
        #expect(journey.text == "Yes.")
        #expect(journey.events == ["asks b", "asks c", "stop"])
        // A third of a minute, then half of what is left, less the wait before another try; the last takes what remains.
        #expect(silent.0.limits == [.seconds(20)])
        #expect(silent.1.limits == [.seconds(20), .milliseconds(19_750)])
        #expect(last.limits == [nil])
        #expect(journey.waits.reduce(.zero, +) == .seconds(40))
    }

    @Test("leaves an only provider, and one that streams, the time they have anyway")
    func noShare() async {
        let only = Actor("a", [.say("Yes."), .finish])
        #expect(await Journey(route(only), streams: false, within: .seconds(60)).text == "Yes.")
        #expect(only.limits == [nil])
        let streaming = ModelRoute.Target(only, patience: Patience(firstToken: .seconds(7)))
        _ = await Journey(ModelRoute("chat", to: [streaming, streaming]), within: .seconds(60))
        #expect(only.limits == [nil, .seconds(7)])
    }

    @Test("leaves a provider alone that was found down, and asks the next at once")
    func breaker() async {
        var limits = ProviderGate.Limits()
        limits.breaker.failures = 3
        let gate = ProviderGate(limits)
        let down = Actor("a", [.fail(.providerUnreachable)])
        let second = Actor("b", [.say("Yes."), .finish])
        let route = ModelRoute("chat", to: [ModelRoute.Target(down, gate: gate), ModelRoute.Target(second)])
        for _ in 0..<3 { #expect(await Journey(route).text == "Yes.") }
        #expect(down.prompts.count == 3)
        let alone = await Journey(ModelRoute("chat", to: [ModelRoute.Target(down, gate: gate)]))
        #expect(alone.error == .providerOverloaded)
        #expect(alone.waits.isEmpty)
    }
}
