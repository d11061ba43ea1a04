@testable import Encryption

/// A keyring that is the same in every run, and what an independent implementation made of it.
///
/// The known answers are from Python's `hashlib.blake2b` (for `crypto_kdf` too, which is BLAKE2b with salt and
/// personalisation), HChaCha20 written from draft-irtf-cfrg-xchacha-03, section 2.2, and OpenSSL's ChaCha20-Poly1305.
enum Known {
    static let fingerprintLine =
        "fingerprint 464ef10e 2026-01-02T03:04:05Z 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    static let firstLine =
        "key c81ea2c1 2026-01-02T03:04:05Z 808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
    static let secondLine =
        "key 6decd65f 2026-02-02T03:04:05Z 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
    static let file = "\(fingerprintLine)\n\(firstLine)\n"
    static let rotatedFile = "\(file)\(secondLine)\n"

    static let place = SealedPlace(table: "message", column: "body", row: "row-1")
    static let text = "Chest pain since 4 a.m., 38 °C."
    static let envelope = bytes(
        "01c81ea2c1404142434445464748494a4b4c4d4e4f5051525354555657d1fb8102862e2644f9038ab1076ebff726bb1cdb97238f52b11b8"
            + "510940c40036b729a0f8f11b9c6434942af88e34561")
    static let identity = "d8da720efa83b466f63511085e082873"
    /// Of `ada@example.org`, for the purpose `email`.
    static let fingerprint = bytes("34f40cc19b37aedeb5d063a44db8b9204ec5d2a9e6aa60895e05739999015ecc")

    /// The bytes that pairs of digits stand for; anything else is none.
    static func bytes(_ digits: String) -> [UInt8] {
        let values = digits.utf8.compactMap(Hexadecimal.value)
        return stride(from: 0, to: values.count - 1, by: 2).map { values[$0] << 4 | values[$0 + 1] }
    }

    static func secret(_ bytes: [UInt8]) -> SecretBytes {
        SecretBytes { $0.copyBytes(from: bytes) }
    }
}
