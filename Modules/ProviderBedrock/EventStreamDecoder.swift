package import Core
internal import Hashing
internal import Providers

/// Reads messages of `application/vnd.amazon.eventstream` out of bytes that arrive in any pieces.
///
/// A message is a prelude (its length, its headers' length, a checksum of both), headers, a payload, and a checksum of
/// all before it; numbers are big endian (Smithy, "Amazon Event Stream Specification"). A length is believed only once
/// its checksum is right, and a payload only once that of the message is. A message that lies whole within one piece
/// is not copied.
///
/// After an error, whether its own or the callback's, the decoder is of no further use.
package struct EventStreamDecoder: Sendable {
    /// The most bytes of one message, as of one server-sent event; Amazon's own client takes up to 24 MiB.
    package static let maximumMessageBytes = 16 << 20
    /// The most bytes of a message's headers, as in Amazon's own client.
    package static let maximumHeaderBytes = 128 << 10

    private static let preludeBytes = 12
    private static let checksumBytes = 4
    /// More than this is given back once a message has been read.
    private static let keptBytes = 64 << 10

    /// The beginning of a message whose end has not come.
    private var pending: [UInt8] = []
    /// Bytes of that message; `nil` until its prelude is there.
    private var pendingLength: Int?

    package init() {}

    /// Reads the next piece and hands over each message that it completes.
    ///
    /// - Parameters:
    ///   - bytes: of any number.
    ///   - message: gets a message's headers and its payload.
    /// - Throws: ``Core/PlatformError`` with code `providerProtocol` for bytes that are no such messages, and whatever
    ///   the callback throws.
    package mutating func decode(
        _ bytes: Span<UInt8>, _ message: (EventStreamHead, Span<UInt8>) throws(PlatformError) -> Void
    ) throws(PlatformError) {
        var next = 0
        while next < bytes.count {
            let rest = bytes.extracting(next..<bytes.count)
            if let length = try wholeMessage(in: rest) {
                try Self.read(rest.extracting(0..<length), message)
                next += length
                continue
            }
            let wanted = (pendingLength ?? Self.preludeBytes) - pending.count
            next += keep(rest.extracting(0..<min(wanted, rest.count)))
            if pendingLength == nil, pending.count == Self.preludeBytes {
                pendingLength = try Self.length(pending.span)
            }
            if pending.count == pendingLength {
                try Self.read(pending.span, message)
                pending.removeAll(keepingCapacity: pending.count <= Self.keptBytes)
                pendingLength = nil
            }
        }
    }

    /// The length of the message that these bytes begin with, if it is all there and nothing waits for them.
    private func wholeMessage(in bytes: Span<UInt8>) throws(PlatformError) -> Int? {
        guard pending.isEmpty, bytes.count >= Self.preludeBytes else { return nil }
        let length = try Self.length(bytes)
        return length <= bytes.count ? length : nil
    }

    private mutating func keep(_ bytes: Span<UInt8>) -> Int {
        pending.append(copying: bytes)
        return bytes.count
    }

    /// The length of the message that begins with this prelude.
    private static func length(_ bytes: Span<UInt8>) throws(PlatformError) -> Int {
        guard CRC32.checksum(of: bytes.extracting(0..<8)) == bytes.number(at: 8) else {
            throw EventStreamFault.preludeChecksum.platformError
        }
        let (length, headers) = (Int(bytes.number(at: 0)), Int(bytes.number(at: 4)))
        let frame = preludeBytes + checksumBytes
        guard length >= frame, headers <= length - frame else { throw EventStreamFault.lengths.platformError }
        guard length <= maximumMessageBytes, headers <= maximumHeaderBytes else {
            throw EventStreamFault.tooLarge.platformError
        }
        return length
    }

    /// Reads one message, whose prelude was checked.
    private static func read(
        _ bytes: Span<UInt8>, _ message: (EventStreamHead, Span<UInt8>) throws(PlatformError) -> Void
    ) throws(PlatformError) {
        let end = bytes.count - checksumBytes
        guard CRC32.checksum(of: bytes.extracting(0..<end)) == bytes.number(at: end) else {
            throw EventStreamFault.messageChecksum.platformError
        }
        let payload = preludeBytes + Int(bytes.number(at: 4))
        let head = try EventStreamHead(bytes.extracting(preludeBytes..<payload))
        try message(head, bytes.extracting(payload..<end))
    }
}

/// What is wrong with bytes that should be an event stream.
enum EventStreamFault: Error {
    case preludeChecksum, messageChecksum, lengths, tooLarge, headers

    var platformError: PlatformError { .provider(.providerProtocol, cause: self) }
}

extension Span<UInt8> {
    /// Four bytes as a number, the highest first.
    func number(at index: Int) -> UInt32 {
        (index..<index + 4).reduce(0) { $0 << 8 | UInt32(self[$1]) }
    }
}
