import Configuration
import Core
import Foundation
import ProviderDemo
import Providers
import Reactor
import Synchronization
import TestSupport

/// What came of one answer, in no time at all.
struct Rehearsal: Sendable {
    /// What was said between two pauses.
    var pieces: [[Delta]] = []
    var pauses: [Duration] = []
    var error: PlatformError?

    var deltas: [Delta] { pieces.flatMap { $0 } }
    var content: String {
        deltas.reduce("") { text, delta in if case .content(let word) = delta { text + word } else { text } }
    }
    var reasoning: String {
        deltas.reduce("") { text, delta in if case .reasoning(let word) = delta { text + word } else { text } }
    }
    var words: Int {
        deltas.count { delta in
            switch delta {
            case .content, .reasoning: true
            default: false
            }
        }
    }

    /// Reads an answer to its end on an event loop whose pauses pass at once; a stall is ended by cancelling.
    init(_ prompt: Prompt, settings: String = "", within patience: Patience = Patience()) async throws {
        let pauses = Mutex<[Duration]>([])
        let provider = try demo(settings) { delay, _ throws(CancellationError) in
            pauses.withLock { $0.append(delay) }
            if delay >= .seconds(3_600) { throw CancellationError() }
        }
        self = await onLoop { actor in
            var result = Rehearsal()
            do throws(PlatformError) {
                var seen = 0
                try await provider.answer(prompt, on: actor.loop, within: patience) { delta in
                    let count = pauses.withLock { $0.count }
                    if count != seen || result.pieces.isEmpty { result.pieces.append([]) }
                    seen = count
                    result.pieces[result.pieces.count - 1].append(delta)
                }
            } catch {
                result.error = error
            }
            return result
        }
        self.pauses = pauses.withLock { $0 }
    }

    init(_ message: String, stage: Stage = .chat, streams: Bool = true, settings: String = "") async throws {
        try await self.init(Prompt([.init(.user, message)], stage: stage, streams: streams), settings: settings)
    }

    private init() {}
}

/// The demo provider with the shipped scripts and some settings more, each on a line of its own.
func demo(_ settings: String = "", pause: Pause? = nil) throws -> DemoProvider {
    let folder = Reference.packageRoot.appending(path: "config/demo").path
    let text = """
        kind: demo
        scripts: { chat: \(folder)/chat.yaml, onboarding: \(folder)/onboarding.yaml, workflow: \(folder)/workflow.yaml }
        \(settings)
        """
    let configuration = try Configuration.parse(text.utf8)
    _ = configuration.root.string("kind")
    let provider = pause.map { DemoProvider(configuration.root, pause: $0) } ?? DemoProvider(configuration.root)
    try configuration.finish()
    return provider
}
