import Foundation
import Synchronization

/// A run of the built executable, with pipes at its ends.
final class Execution: Sendable {
    private struct State {
        var output = ""
        var errors = ""
        var open = 2
        var code: Int32?
        var waiters: [(isReady: @Sendable (String) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())
    private let process = Mutex(Process())
    private let input = Pipe()

    /// The executable that stands beside the tests.
    static let executable = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "medstream")
    static let packageRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    struct Result: Sendable, Equatable {
        var output: String
        var errors: String
        var code: Int32
    }

    /// Starts at once, in the package's folder and with hardly any environment.
    init(_ arguments: [String], of executable: URL = executable, environment: [String: String] = [:]) throws {
        let (output, errors) = (Pipe(), Pipe())
        let base = ["PATH": "/usr/bin:/bin", "TERM": "xterm", "no_proxy": "*", "LANG": "C.UTF-8"]
        try process.withLock { process in
            process.executableURL = executable
            process.arguments = arguments
            process.environment = base.merging(environment) { $1 }
            process.currentDirectoryURL = Self.packageRoot
            process.standardInput = input
            process.standardOutput = output
            process.standardError = errors
            process.terminationHandler = { [self] process in
                // Signals as a shell tells them.
                let status = process.terminationStatus
                update { $0.code = process.terminationReason == .exit ? status : 128 + status }
            }
            collect(output, into: \.output)
            collect(errors, into: \.errors)
            try process.run()
        }
    }

    private func collect(_ pipe: Pipe, into text: any WritableKeyPath<State, String> & Sendable) {
        pipe.fileHandleForReading.readabilityHandler = { [self] handle in
            let data = handle.availableData
            if data.isEmpty { handle.readabilityHandler = nil }
            update { state in
                if data.isEmpty { state.open -= 1 }
                state[keyPath: text] += String(decoding: data, as: UTF8.self)
            }
        }
    }

    private func update(_ change: (inout State) -> Void) {
        let ready = state.withLock { state in
            change(&state)
            let isOver = state.open == 0 && state.code != nil
            let text = state.output + state.errors
            let ready = state.waiters.filter { isOver || $0.isReady(text) }
            state.waiters.removeAll { isOver || $0.isReady(text) }
            return ready
        }
        for waiter in ready { waiter.continuation.resume() }
    }

    private func wait(until isReady: @escaping @Sendable (String) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                let isOver = state.open == 0 && state.code != nil
                if isOver || isReady(state.output + state.errors) { return true }
                state.waiters.append((isReady, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Waits until `text` has been written `count` times, or the process has ended.
    func shows(_ text: String, times count: Int = 1) async {
        await wait { $0.ranges(of: text).count >= count }
    }

    func type(_ text: String) { try? input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    func endInput() { try? input.fileHandleForWriting.close() }

    /// Sends SIGINT, as Ctrl-C does.
    func interrupt() { process.withLock { $0.interrupt() } }

    var output: String { state.withLock { $0.output } }
    var errors: String { state.withLock { $0.errors } }

    /// Waits for the end.
    func result() async -> Result {
        await wait { _ in false }
        return state.withLock { Result(output: $0.output, errors: $0.errors, code: $0.code ?? -1) }
    }

    /// Runs medstream to its end.
    static func medstream(
        _ arguments: String..., input: String = "", environment: [String: String] = [:]
    ) async throws -> Result {
        let run = try Execution(arguments, environment: environment)
        run.type(input)
        run.endInput()
        return await run.result()
    }
}
