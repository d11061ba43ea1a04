internal import CSodium

/// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) as libsodium does it, with the tag behind the ciphertext.
enum AEAD {
    static let nonceBytes = 24
    static let tagBytes = 16

    /// Seals `plain` under a new random nonce.
    ///
    /// 2⁹⁶ nonces go by before two are likely to be the same, so that a key need not count them. The result begins with
    /// `head`; nonce, ciphertext and tag follow.
    static func seal(
        _ plain: Span<UInt8>, head: [UInt8], associated: [UInt8], key: SecretBytes
    ) -> [UInt8] {
        seal(plain, head: head, associated: associated, key: key) { randombytes_buf($0, nonceBytes) }
    }

    /// Seals `plain` under the nonce that `makeNonce` writes.
    static func seal(
        _ plain: Span<UInt8>, head: [UInt8], associated: [UInt8], key: SecretBytes,
        makeNonce: (UnsafeMutablePointer<UInt8>) -> Void
    ) -> [UInt8] {
        let length = head.count + nonceBytes + plain.count + tagBytes
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            for (index, byte) in head.enumerated() { (start + index).initialize(to: byte) }
            let nonce = start + head.count
            makeNonce(nonce)
            plain.withUnsafeBufferPointer { plain in
                key.withPointer { key in
                    _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
                        nonce + nonceBytes, nil, plain.baseAddress, UInt64(plain.count),
                        associated, UInt64(associated.count), nil, nonce,
                        key)
                }
            }
            count = length
        }
    }

    /// Opens nonce, ciphertext and tag.
    ///
    /// - Returns: `nil` when a bit of it, or of `associated`, is not as it was, or the key is another.
    static func open(_ sealed: Span<UInt8>, associated: [UInt8], key: SecretBytes) -> [UInt8]? {
        let length = sealed.count - nonceBytes - tagBytes
        guard length >= 0 else { return nil }
        var isGenuine = false
        let plain = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            sealed.withUnsafeBufferPointer { sealed in
                key.withPointer { key in
                    guard let nonce = sealed.baseAddress else { return }
                    isGenuine =
                        crypto_aead_xchacha20poly1305_ietf_decrypt(
                            buffer.baseAddress, nil, nil, nonce + nonceBytes, UInt64(length + tagBytes),
                            associated, UInt64(associated.count), nonce,
                            key) == 0
                }
            }
            count = isGenuine ? length : 0
        }
        return isGenuine ? plain : nil
    }
}

/// BLAKE2b (RFC 7693) under a key, as libsodium does it.
enum KeyedHash {
    static let bytes = 32

    /// The hash of `message` under a key: 32 bytes.
    static func hash(_ message: [UInt8], key: SecretBytes) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: bytes) { buffer, count in
            guard let target = buffer.baseAddress else { return }
            key.withPointer { key in
                _ = crypto_generichash(target, bytes, message, UInt64(message.count), key, SecretBytes.count)
            }
            count = bytes
        }
    }
}
