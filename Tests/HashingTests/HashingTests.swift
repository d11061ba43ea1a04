import Hashing
import Testing

@Suite("Hashes and checksums")
struct HashingTests {
    /// The message of each test is its UTF-8, the key so many bytes of one kind or a text's.
    struct Code: Sendable, CustomStringConvertible {
        var key: [UInt8]
        var message: [UInt8]
        var code: String

        var description: String { code }
    }

    // RFC 4231, sections 4.2, 4.3, 4.4, 4.7 and 4.8.
    static let codes = [
        Code(
            key: .init(repeating: 0x0B, count: 20), message: Array("Hi There".utf8),
            code: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        Code(
            key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8),
            code: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        Code(
            key: .init(repeating: 0xAA, count: 20), message: .init(repeating: 0xDD, count: 50),
            code: "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
        Code(
            key: .init(repeating: 0xAA, count: 131),
            message: Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            code: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ]

    @Test("HMAC gives the codes of RFC 4231", arguments: codes)
    func code(_ code: Code) {
        #expect(HMACSHA256.code(of: code.message.span, key: code.key.span).hexadecimal == code.code)
    }

    @Test("HMAC takes an empty key and an empty message")
    func emptyCode() {
        let none: [UInt8] = []
        let code = "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"
        #expect(HMACSHA256.code(of: none.span, key: none.span).hexadecimal == code)
    }

    @Test(
        "CRC-32 gives the known checksums",
        arguments: [
            ("", 0), ("a", 0xE8B7_BE43), ("123456789", 0xCBF4_3926),
            ("The quick brown fox jumps over the lazy dog", 0x414F_A339),
        ] as [(String, UInt32)])
    func checksum(text: String, checksum: UInt32) {
        #expect(CRC32.checksum(of: Array(text.utf8).span) == checksum)
    }

    @Test("SHA-256 gives the known hashes, of a text and of its bytes")
    func hash() {
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(SHA256.hex(of: "abc") == known)
        #expect(SHA256.hex(of: Array("abc".utf8).span) == known)
    }

    @Test("Bytes are written as two digits each")
    func hexadecimal() {
        #expect([UInt8]([0, 9, 10, 0x9F, 0xFF]).hexadecimal == "00090a9fff")
    }
}
