internal import CZlib

/// CRC-32 (ISO/IEC 8802-3, the one of Ethernet and gzip), by zlib: against accidents, not against people.
public enum CRC32 {
    /// The checksum of some bytes; 0 for none.
    public static func checksum(of bytes: Span<UInt8>) -> UInt32 {
        bytes.withUnsafeBufferPointer { buffer in
            // zlib takes a null pointer for the wish to have the first value, which is the same 0.
            UInt32(truncatingIfNeeded: crc32_z(0, buffer.baseAddress, buffer.count))
        }
    }
}
