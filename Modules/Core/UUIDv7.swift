#if canImport(Glibc)
import Glibc
#endif

/// Time-ordered UUIDs in lower case (RFC 9562, section 5.7), so that rows written together lie together.
public enum UUIDv7 {
    /// - Parameter milliseconds: Unix time; the wall clock by default.
    /// - Returns: 36 characters: 48 bits of time, then version, variant and 74 random bits.
    public static func make(milliseconds: UInt64? = nil) -> String {
        var random = SystemRandomNumberGenerator()
        let time = (milliseconds ?? now()) & 0xFFFF_FFFF_FFFF
        let high = time << 16 | 0x7000 | random.next() & 0x0FFF
        let low = random.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let digits = hex(high) + hex(low)
        return [digits[0..<8], digits[8..<12], digits[12..<16], digits[16..<20], digits[20..<32]]
            .map { String(decoding: $0, as: UTF8.self) }.joined(separator: "-")
    }

    /// Whether `text` is a UUID in lower case with hyphens, of any version.
    public static func isValid(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return false }
        return bytes.enumerated().allSatisfy { index, byte in
            switch index {
            case 8, 13, 18, 23: byte == 0x2D
            default: (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
            }
        }
    }

    private static func hex(_ value: UInt64) -> [UInt8] {
        (0..<16).map { place in
            let digit = UInt8(value >> UInt64(60 - 4 * place) & 15)
            return digit < 10 ? 0x30 + digit : 0x57 + digit
        }
    }

    private static func now() -> UInt64 {
        var time = timespec()
        unsafe _ = clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
