public import Foundation
internal import Glibc
internal import Synchronization

/// A run of another program, with pipes at its ends.
///
/// It is started by `posix_spawn` and read by threads of its own: Foundation's `Process` and its sources of events are
/// not safe where many programs come and go at once. Letting go of it kills what still runs.
public final class Execution: Sendable {
    /// How a run ended.
    public struct Result: Sendable, Hashable {
        public var output: String
        public var errors: String
        /// As a shell tells it: 128 and the signal's number when a signal ended it.
        public var code: Int32

        public init(output: String, errors: String, code: Int32) {
            self.output = output
            self.errors = errors
            self.code = code
        }
    }

    private let run: Run
    private let input: Mutex<Int32?>

    /// Starts at once.
    ///
    /// - Parameters:
    ///   - program: a path, or a name to be found in the `PATH` of the environment.
    ///   - arguments: without the program's own name.
    ///   - environment: all of it.
    ///   - folder: where it runs.
    /// - Throws: `POSIXError` when it cannot be started.
    public init(_ program: String, _ arguments: [String], environment: [String: String], in folder: URL) throws {
        // Whoever does not read its input any more is told by an error.
        signal(SIGPIPE, SIG_IGN)
        let (process, input, output, errors) = try Spawn.turn.withLock { _ in
            let (input, output, errors) = try (Pipe(), Pipe(), Pipe())
            // `env` changes the folder, which `posix_spawn` cannot, and becomes the program.
            let process = try Spawn.start(
                "/usr/bin/env", ["--chdir", folder.path, program] + arguments, environment.map { "\($0)=\($1)" },
                [input.readEnd, output.writeEnd, errors.writeEnd])
            for end in [input.readEnd, output.writeEnd, errors.writeEnd] { close(end) }
            return (process, input, output, errors)
        }
        self.input = Mutex(input.writeEnd)
        run = Run(process, output: output.readEnd, errors: errors.readEnd)
    }

    // A test that fails midway leaves nothing behind that runs.
    deinit {
        run.send(SIGKILL)
        endInput()
    }

    /// Waits until `text` has been written `count` times, or the run is over.
    public func shows(_ text: String, times count: Int = 1) async {
        await run.wait { $0.ranges(of: text).count >= count }
    }

    /// The number of the process.
    public var id: Int32 { run.process }

    /// Writes to the program's standard input.
    public func type(_ text: String) {
        input.withLock { end in
            if let end { Spawn.write(Array(text.utf8), to: end) }
        }
    }

    /// Ends the program's standard input.
    public func endInput() {
        input.withLock { end in
            if let open = end { close(open) }
            end = nil
        }
    }

    /// Sends a signal, such as `SIGINT`, unless the run is over.
    public func send(_ signal: Int32) { run.send(signal) }

    /// What standard output has brought so far.
    public var output: String { run.result.output }

    /// Waits for the end.
    public func result() async -> Result {
        await run.wait { _ in false }
        return run.result
    }

    /// Runs a program to its end, with nothing on its standard input or with `text`.
    public static func run(
        _ program: String, _ arguments: [String], input text: String = "", environment: [String: String],
        in folder: URL
    ) async throws -> Result {
        let run = try Execution(program, arguments, environment: environment, in: folder)
        run.type(text)
        run.endInput()
        return await run.result()
    }
}

/// What the threads that read a program's output and wait for its end share with the one who started it.
private final class Run: Sendable {
    private struct State {
        /// Bytes, as a character may come in two pieces.
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var openPipes = 2
        var code: Int32?
        var waiters: [(isReady: @Sendable (String) -> Bool, continuation: CheckedContinuation<Void, Never>)] = []

        var text: String { String(decoding: output + errors, as: UTF8.self) }
        var isOver: Bool { openPipes == 0 && code != nil }
    }

    let process: pid_t
    private let state = Mutex(State())

    init(_ process: pid_t, output: Int32, errors: Int32) {
        self.process = process
        collect(output) { $0.output += $1 }
        collect(errors) { $0.errors += $1 }
        Thread.detachNewThread { [self] in
            let code = Spawn.end(of: process)
            update { $0.code = code }
        }
    }

    private func collect(_ end: Int32, _ take: @escaping @Sendable (inout State, [UInt8]) -> Void) {
        Thread.detachNewThread { [self] in
            while case let bytes = Spawn.read(end), !bytes.isEmpty { update { take(&$0, bytes) } }
            close(end)
            update { $0.openPipes -= 1 }
        }
    }

    private func update(_ change: (inout State) -> Void) {
        let ready = state.withLock { state in
            change(&state)
            let (text, isOver) = (state.text, state.isOver)
            let ready = state.waiters.filter { isOver || $0.isReady(text) }
            state.waiters.removeAll { isOver || $0.isReady(text) }
            return ready.map(\.continuation)
        }
        for continuation in ready { continuation.resume() }
    }

    /// Waits until all that was written pleases, or the run is over.
    func wait(until isReady: @escaping @Sendable (String) -> Bool) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.isOver || isReady(state.text) { return true }
                state.waiters.append((isReady, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    func send(_ signal: Int32) {
        state.withLock { state in
            if state.code == nil { _ = kill(process, signal) }
        }
    }

    /// As far as it has come.
    var result: Execution.Result {
        state.withLock { state in
            Execution.Result(
                output: String(decoding: state.output, as: UTF8.self),
                errors: String(decoding: state.errors, as: UTF8.self), code: state.code ?? -1)
        }
    }
}

/// Two ends that no other child process inherits, as long as pipes are made in ``Spawn/turn``.
private struct Pipe {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw POSIXError.last(errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        readEnd = ends[0]
        writeEnd = ends[1]
    }
}

extension POSIXError {
    fileprivate static func last(_ number: Int32) -> POSIXError {
        POSIXError(POSIXErrorCode(rawValue: number) ?? .EIO)
    }
}

/// The system's calls, in Swift's terms.
private enum Spawn {
    /// Held from the making of pipes to the start of the process that gets their other ends.
    static let turn = Mutex(())

    /// - Parameters:
    ///   - program: a path.
    ///   - arguments: without the program's own name.
    ///   - environment: as `NAME=value`.
    ///   - standard: what becomes the descriptors 0, 1 and 2.
    /// - Returns: the number of the process.
    /// - Throws: `POSIXError`.
    static func start(
        _ program: String, _ arguments: [String], _ environment: [String], _ standard: [Int32]
    ) throws -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (number, descriptor) in standard.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
        }

        // What this process ignores or blocks is its own business.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var (defaults, blocked) = (sigset_t(), sigset_t())
        unsafe sigemptyset(&defaults)
        unsafe sigemptyset(&blocked)
        for number in [SIGPIPE, SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&defaults, number) }
        unsafe posix_spawnattr_setsigdefault(&attributes, &defaults)
        unsafe posix_spawnattr_setsigmask(&attributes, &blocked)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF) | Int16(POSIX_SPAWN_SETSIGMASK))

        let words = unsafe ([program] + arguments).map { unsafe strdup($0) } + [nil]
        let variables = unsafe environment.map { unsafe strdup($0) } + [nil]
        defer { unsafe (words + variables).forEach { text in unsafe free(text) } }
        var process = pid_t()
        let failure = unsafe posix_spawn(&process, program, &actions, &attributes, words, variables)
        guard failure == 0 else { throw POSIXError.last(failure) }
        return process
    }

    /// Waits for a child to end.
    static func end(of process: pid_t) -> Int32 {
        var status: Int32 = 0
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? status >> 8 & 0xFF : 128 + signal
    }

    /// - Returns: nothing at the end.
    static func read(_ descriptor: Int32) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: 16_384) { buffer, count in
            unsafe count = max(0, Glibc.read(descriptor, buffer.baseAddress, buffer.count))
        }
    }

    static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(descriptor, $0.baseAddress?.advanced(by: written), bytes.count - written)
            }
            guard count > 0 else { return }
            written += count
        }
    }
}
