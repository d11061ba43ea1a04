internal import CCrypto

/// HMAC with SHA-256 (RFC 2104), by OpenSSL.
public enum HMACSHA256 {
    /// The code of a message under a key: 32 bytes.
    public static func code(of message: Span<UInt8>, key: Span<UInt8>) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        let isMade = key.withUnsafeBytes { key in
            message.withUnsafeBufferPointer { message in
                HMAC(
                    EVP_sha256(), key.baseAddress, Int32(key.count), message.baseAddress, message.count, &code, nil)
                    != nil
            }
        }
        precondition(isMade, "OpenSSL has no HMAC with SHA-256")
        return code
    }
}
