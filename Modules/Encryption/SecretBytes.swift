internal import CSodium

/// 32 bytes that must not be seen, in memory of libsodium's.
///
/// The memory is locked where the system allows it, stands between guard pages, is left out of core dumps, cannot be
/// written to any more, and is overwritten when the last owner lets go.
///
/// `@unchecked Sendable`: the bytes are written in the initialiser alone, which makes them read-only before it returns.
final class SecretBytes: @unchecked Sendable {
    static let count = 32
    private let memory: UnsafeMutablePointer<UInt8>

    /// Bytes that `fill` writes, all 32 of them.
    ///
    /// - Throws: what `fill` throws.
    init<Failure: Error>(_ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        precondition(Self.isReady, "libsodium cannot be used on this machine")
        guard let memory = sodium_malloc(Self.count) else { fatalError("No memory is left for a key.") }
        self.memory = memory.bindMemory(to: UInt8.self, capacity: Self.count)
        try fill(UnsafeMutableRawBufferPointer(start: memory, count: Self.count))
        sodium_mprotect_readonly(memory)
    }

    deinit { sodium_free(memory) }

    /// New bytes that nobody can guess.
    static func random() -> SecretBytes {
        SecretBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            randombytes_buf(start, bytes.count)
        }
    }

    /// The bytes, for the length of a call.
    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(UnsafeRawBufferPointer(start: memory, count: Self.count))
    }

    /// The first of the bytes, for the length of a call.
    func withPointer<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result { body(memory) }

    /// Another secret made of this one, from which this one cannot be found.
    ///
    /// By `crypto_kdf` of libsodium, that is BLAKE2b with the number as salt and the purpose, of eight ASCII
    /// characters, as personalisation.
    func derived(_ number: UInt64 = 1, for purpose: StaticString) -> SecretBytes {
        precondition(purpose.utf8CodeUnitCount == Int(crypto_kdf_CONTEXTBYTES))
        return SecretBytes { target in
            guard let target = target.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
            purpose.utf8Start.withMemoryRebound(to: CChar.self, capacity: purpose.utf8CodeUnitCount) { purpose in
                _ = crypto_kdf_derive_from_key(target, Self.count, number, purpose, memory)
            }
        }
    }

    /// Whether libsodium has found its source of randomness; asked once.
    private static let isReady = sodium_init() >= 0
}

extension SecretBytes: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "<secret>" }
    var debugDescription: String { "<secret>" }
    var customMirror: Mirror { Mirror(self, children: []) }
}

extension [UInt8] {
    /// Overwrites the bytes and forgets them; what other copies hold is theirs.
    mutating func wipe() {
        withUnsafeMutableBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            sodium_memzero(start, bytes.count)
        }
        self = []
    }
}
