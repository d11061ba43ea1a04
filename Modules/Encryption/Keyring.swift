import Synchronization

/// The keys that text at rest is sealed with: it seals with the newest and opens with any.
///
/// A keyring from a file takes up a changed file by itself: when it meets a key that it does not know, and when it is
/// asked to seal and ``refreshInterval`` has gone by. So one object serves a process for its life, and a rotation
/// needs no restart. All functions may be called from any thread; sealing takes about a microsecond, and one for each
/// kilobyte.
public final class Keyring: Sendable {
    /// How old the knowledge of the file may be when something is sealed, in milliseconds.
    public static let refreshInterval = 2_000

    private let file: KeyFile?
    private let refreshInterval: Int
    private let state: Mutex<State>

    private struct State {
        var keys: KeySet
        var stamp: KeyFile.Stamp?
        /// When the file was last looked at, in milliseconds.
        var looked: Int
    }

    /// Reads a key file.
    ///
    /// - Throws: ``KeyringError`` when it is missing, open to others than its owner, or not understood.
    public convenience init(file path: String) throws(KeyringError) {
        try self.init(file: path, refreshInterval: Self.refreshInterval)
    }

    init(file path: String, refreshInterval: Int) throws(KeyringError) {
        let file = KeyFile(path: path)
        let (keys, stamp) = try Self.load(file)
        self.file = file
        self.refreshInterval = refreshInterval
        state = Mutex(State(keys: keys, stamp: stamp, looked: System.milliseconds))
    }

    /// Reads the lines of a key file out of a text, such as an environment variable's.
    ///
    /// - Parameters:
    ///   - text: the lines; where none has a newline, semicolons part them, so that they fit into one line.
    ///   - name: what it is called in errors.
    /// - Throws: ``KeyringError/malformed(source:line:reason:)``.
    public init(environment text: String, named name: String = "The keyring of the environment") throws(KeyringError) {
        var bytes = Array(text.utf8)
        defer { bytes.wipe() }
        if !bytes.contains(0x0A) {
            for index in bytes.indices where bytes[index] == 0x3B { bytes[index] = 0x0A }
        }
        file = nil
        refreshInterval = .max
        state = Mutex(
            State(keys: try KeySet(KeyringText(bytes, source: name), source: name), stamp: nil, looked: 0))
    }

    private static func load(_ file: KeyFile) throws(KeyringError) -> (KeySet, KeyFile.Stamp) {
        var (bytes, stamp) = try file.read()
        defer { bytes.wipe() }
        let source = "The key file '\(file.path)'"
        return (try KeySet(KeyringText(bytes, source: source), source: source), stamp)
    }
}

// MARK: - What is in it

extension Keyring {
    /// One key, without its secret.
    public struct KeyInfo: Sendable, Hashable {
        public var id: KeyID
        /// When it was made, as the file says: `2026-11-21T10:06:04Z`.
        public var made: String
        /// Whether it seals what is written now.
        public var isCurrent: Bool

        /// The seconds since it was made; `nil` when the file does not say so in a form that is known.
        public var age: Int? { System.seconds(of: made).map { max(0, System.secondsNow - $0) } }
    }

    /// The path of the file; `nil` when the keys came from a text.
    public var path: String? { file?.path }

    /// The key that seals what is written now; takes up a changed file as sealing does.
    public var currentKey: KeyID { upToDate(within: refreshInterval).current.id }

    /// All keys, oldest first; the last is the current one.
    public var keys: [KeyInfo] {
        let keys = state.withLock { $0.keys }
        return keys.keys.map { KeyInfo(id: $0.id, made: $0.made, isCurrent: $0.id == keys.current.id) }
    }

    /// 32 hexadecimal digits that stay the same through all rotations of one keyring, and tell nothing of its keys.
    ///
    /// A store keeps them, to refuse a keyring that has nothing to do with its rows.
    public var identity: String { state.withLock { $0.keys.identity } }

    /// Takes up the file as it is now; does nothing when the keys came from a text.
    ///
    /// - Throws: ``KeyringError`` when it cannot be used, or holds another keyring; the keys in use stay in use then.
    public func reload() throws(KeyringError) {
        guard let file else { return }
        let (keys, stamp) = try Self.load(file)
        let isSame = state.withLock { state in
            state.looked = System.milliseconds
            guard keys.identity == state.keys.identity else { return false }
            (state.keys, state.stamp) = (keys, stamp)
            return true
        }
        guard isSame else { throw .otherKeyring(path: file.path) }
    }

    /// The keys, once the file was looked at, if the knowledge of it is older than so many milliseconds.
    private func upToDate(within interval: Int) -> KeySet {
        guard let file else { return state.withLock { $0.keys } }
        let now = System.milliseconds
        let (keys, stamp, isDue) = state.withLock { state in
            let isDue = now - state.looked >= interval
            if isDue { state.looked = now }
            return (state.keys, state.stamp, isDue)
        }
        // Outside the lock, so that a slow disk holds up this caller alone.
        guard isDue, let new = file.stamp, new != stamp else { return keys }
        // A file that cannot be used is no reason to stop: the keys in use go on being right.
        try? reload()
        return state.withLock { $0.keys }
    }
}

// MARK: - Sealing

extension Keyring {
    /// Seals bytes for one place with the current key.
    ///
    /// - Returns: an envelope, ``overhead`` bytes longer than `plain`.
    public func seal(_ plain: Span<UInt8>, at place: SealedPlace) -> [UInt8] {
        let key = upToDate(within: refreshInterval).current
        let head = Envelope.head(key.id)
        return AEAD.seal(plain, head: head, associated: Envelope.associated(place, head), key: key.secret)
    }

    /// Seals bytes for one place with the current key; see ``seal(_:at:)-(Span<UInt8>,_)``.
    public func seal(_ plain: [UInt8], at place: SealedPlace) -> [UInt8] { seal(plain.span, at: place) }

    /// Seals a text's UTF-8 for one place with the current key; see ``seal(_:at:)-(Span<UInt8>,_)``.
    public func seal(_ plain: String, at place: SealedPlace) -> [UInt8] { seal(plain.utf8Span.span, at: place) }

    /// Opens an envelope at the place it was sealed for.
    ///
    /// - Throws: ``SealError``; never wrong or partial bytes.
    public func open(_ sealed: Span<UInt8>, at place: SealedPlace) throws(SealError) -> [UInt8] {
        guard let id = Envelope.keyID(of: sealed) else { throw .damaged }
        let keys = state.withLock { $0.keys }
        // A key that another process has just made; the file is not looked at for each of many rows.
        guard let key = keys.secret(id) ?? upToDate(within: min(refreshInterval, 100)).secret(id) else {
            throw .unknownKey(id)
        }
        let associated = Envelope.associated(place, Envelope.head(id))
        guard
            let plain = AEAD.open(
                sealed.extracting(droppingFirst: Envelope.headBytes), associated: associated, key: key)
        else { throw .damaged }
        return plain
    }

    /// Opens an envelope at the place it was sealed for; see ``open(_:at:)-(Span<UInt8>,_)``.
    public func open(_ sealed: [UInt8], at place: SealedPlace) throws(SealError) -> [UInt8] {
        try open(sealed.span, at: place)
    }

    /// Opens an envelope that holds a text.
    ///
    /// - Throws: ``SealError``, with ``SealError/damaged`` also for bytes that are no UTF-8.
    public func openText(_ sealed: [UInt8], at place: SealedPlace) throws(SealError) -> String {
        guard let text = String(validating: try open(sealed, at: place), as: UTF8.self) else { throw .damaged }
        return text
    }

    /// The first bytes of every envelope that a key sealed.
    public static func head(of id: KeyID) -> [UInt8] { Envelope.head(id) }

    /// The key that an envelope was sealed with; `nil` when the bytes are no envelope.
    public static func keyID(of sealed: [UInt8]) -> KeyID? { Envelope.keyID(of: sealed.span) }

    /// How many bytes an envelope is longer than what is in it.
    public static let overhead = Envelope.overhead
}

// MARK: - Fingerprints

extension Keyring {
    /// A value by which equal bytes are found again without being kept: 32 bytes of keyed BLAKE2b.
    ///
    /// The key never rotates. Without it nobody can try values, not even ones that are easily guessed. Fingerprints of
    /// one purpose say nothing about those of another.
    public func fingerprint(_ bytes: [UInt8], purpose: String) -> [UInt8] {
        var message: [UInt8] = []
        message.reserveCapacity(4 + purpose.utf8.count + bytes.count)
        Envelope.append(purpose, to: &message)
        message += bytes
        return KeyedHash.hash(message, key: state.withLock { $0.keys.fingerprintKey })
    }

    /// The fingerprint of a text's UTF-8; see ``fingerprint(_:purpose:)-([UInt8],_)``.
    public func fingerprint(_ text: String, purpose: String) -> [UInt8] {
        fingerprint(Array(text.utf8), purpose: purpose)
    }
}

extension Keyring: CustomStringConvertible, CustomReflectable {
    /// Ids alone.
    public var description: String { "keyring \(identity) with \(keys.map { "\($0.id)" }.joined(separator: ", "))" }
    /// Nothing to look into.
    public var customMirror: Mirror { Mirror(self, children: []) }
}
