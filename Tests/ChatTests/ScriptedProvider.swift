import Configuration
import Core
import Providers
import Reactor
import Synchronization

/// A provider that does what a test says, and remembers what it was asked.
final class ScriptedProvider: Provider {
    static let kind = "scripted"

    let name: String
    let model = "scripted-1"
    private let script: Mutex<@Sendable (Prompt) -> [Act]>
    private let asked = Mutex<[Prompt]>([])

    enum Act: Sendable {
        case say(String)
        case think(String)
        case give([Delta])
        /// Nothing more until the test opens the door.
        case hold(Door)
        /// Nothing more, ever.
        case hang
        case fail(PlatformError.Code)
    }

    init(_ name: String = "scripted", _ script: @escaping @Sendable (Prompt) -> [Act]) {
        self.name = name
        self.script = Mutex(script)
    }

    convenience init(_ settings: Section) { self.init(settings.name) { _ in [] } }

    /// The prompts so far.
    var prompts: [Prompt] { asked.withLock { $0 } }

    /// Replaces what it does from now on.
    func perform(_ script: @escaping @Sendable (Prompt) -> [Act]) { self.script.withLock { $0 = script } }

    func answer(
        _ prompt: Prompt, on loop: EventLoop, within patience: Patience, receive: @escaping (Delta) -> Void
    ) async throws(PlatformError) {
        asked.withLock { $0.append(prompt) }
        for act in script.withLock({ $0 })(prompt) {
            loop.preconditionOnLoop()
            switch act {
            case .say(let text): receive(.content(text))
            case .think(let text): receive(.reasoning(text))
            case .give(let deltas): deltas.forEach(receive)
            case .hold(let door): await door.pass()
            case .hang:
                try? await loop.sleep(for: patience.silence ?? .seconds(3_600))
                if !Task.isCancelled { throw .provider(.timedOut) }
            case .fail(let code): throw .provider(code)
            }
            loop.preconditionOnLoop()
            guard !Task.isCancelled else { throw .provider(.cancelled) }
        }
    }
}

/// Holds one task until it is opened, or until the task is cancelled.
struct Door: Sendable {
    private let opened: AsyncStream<Void>
    private let opening: AsyncStream<Void>.Continuation

    init() { (opened, opening) = AsyncStream.makeStream(of: Void.self) }

    func open() { opening.finish() }

    func pass() async { for await _ in opened {} }
}

extension ScriptedProvider.Act {
    static func finish(_ reason: FinishReason = .stop) -> Self { .give([.finish(reason)]) }
}
