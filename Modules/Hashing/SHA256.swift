internal import CCrypto

/// SHA-256 (FIPS 180-4) of bytes that come piece by piece, by OpenSSL.
public struct SHA256: ~Copyable {
    private let context: OpaquePointer?

    public init() {
        context = EVP_MD_CTX_new()
        precondition(EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1, "OpenSSL has no SHA-256")
    }

    deinit { EVP_MD_CTX_free(context) }

    public mutating func update(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { _ = EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    }

    /// Ends the hash.
    ///
    /// - Returns: 64 hexadecimal digits in lower case.
    public consuming func hexDigest() -> String {
        var digest = [UInt8](repeating: 0, count: Int(SHA256_DIGEST_LENGTH))
        EVP_DigestFinal_ex(context, &digest, nil)
        return digest.hexadecimal
    }

    /// The hash of a text's UTF-8, as 64 hexadecimal digits in lower case.
    public static func hex(of text: String) -> String {
        hex(of: text.utf8Span.span)
    }

    /// The hash of some bytes, as 64 hexadecimal digits in lower case.
    public static func hex(of bytes: Span<UInt8>) -> String {
        var hash = SHA256()
        hash.update(bytes)
        return hash.hexDigest()
    }
}
