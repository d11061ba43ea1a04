import Glibc

/// A growable queue of bytes: appended at its end, consumed at its front.
public struct ByteBuffer: ~Copyable {
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var head = 0
    private var tail = 0

    /// Empty; takes memory with the first append.
    public init() {}

    deinit { free(base) }

    /// Bytes in the queue.
    public var count: Int { tail - head }
    /// Whether there are none.
    public var isEmpty: Bool { head == tail }

    /// Calls `body` with what is in the queue; the span is valid in the call alone.
    public func withSpan<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = UnsafeRawBufferPointer(start: base.map { UnsafeRawPointer($0 + head) }, count: count)
        return try body(Span(_unsafeBytes: bytes))
    }

    /// Appends a copy of the bytes.
    public mutating func append(_ source: Span<UInt8>) {
        source.withUnsafeBytes { append($0) }
    }

    /// Appends a copy of the bytes.
    public mutating func append(_ source: [UInt8]) {
        source.withUnsafeBytes { append($0) }
    }

    /// Appends the text in UTF-8.
    public mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends the text in UTF-8.
    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Appends one byte.
    public mutating func append(byte: UInt8) {
        reserve(1)
        base?.storeBytes(of: byte, toByteOffset: tail, as: UInt8.self)
        tail += 1
    }

    /// Appends a number of at least 0 in hexadecimal, as the size of an HTTP chunk is written.
    public mutating func append(hexadecimal value: Int) {
        var shift = (max(Int.bitWidth - value.leadingZeroBitCount, 1) + 3) / 4 * 4
        while shift > 0 {
            shift -= 4
            let digit = UInt8(truncatingIfNeeded: value >> shift & 15)
            append(byte: digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
    }

    /// Takes the first `count` bytes away.
    public mutating func consume(_ count: Int) {
        head += min(count, self.count)
        if head == tail { clear() }
    }

    /// Takes all bytes away; the memory stays.
    public mutating func clear() {
        head = 0
        tail = 0
    }

    /// Gives memory back when the queue is empty and holds more than `limit` bytes of it.
    public mutating func trim(above limit: Int) {
        guard isEmpty, capacity > limit else { return }
        free(base)
        base = nil
        capacity = 0
    }

    private mutating func append(_ source: UnsafeRawBufferPointer) {
        guard let from = source.baseAddress, source.count > 0 else { return }
        reserve(source.count)
        guard let base else { return }
        memcpy(base + tail, from, source.count)
        tail += source.count
    }

    private mutating func reserve(_ more: Int) {
        if tail + more <= capacity { return }
        if head > 0, let base {
            memmove(base, base + head, count)
            tail -= head
            head = 0
            if tail + more <= capacity { return }
        }
        var wanted = max(capacity * 2, 512)
        while wanted < tail + more { wanted *= 2 }
        guard let moved = realloc(base, wanted) else { fatalError("out of memory") }
        base = moved
        capacity = wanted
    }
}
