import Foundation
import TestSupport
import Testing

@testable import Encryption

@Suite("The ciphers")
struct AEADTests {
    @Test("XChaCha20-Poly1305 gives the answer of draft-irtf-cfrg-xchacha-03, section A.3.1")
    func draft() {
        let plain =
            "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
        let associated = Known.bytes("50515253c0c1c2c3c4c5c6c7")
        let key = Known.secret(Array(0x80...0x9F))
        let nonce = Array(0x40...0x57) as [UInt8]
        let sealed = AEAD.seal(plain.utf8Span.span, head: [], associated: associated, key: key) { start in
            for (index, byte) in nonce.enumerated() { start[index] = byte }
        }
        let expected = Known.bytes(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216"
                + "cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e"
                + "c0875924c1c7987947deafd8780acf49")
        #expect(sealed == nonce + expected)
        #expect(AEAD.open(sealed.span, associated: associated, key: key) == Array(plain.utf8))
    }

    @Test("Keyed BLAKE2b gives the known answer")
    func hash() {
        let key = Known.secret(Array(0...31))
        let expected = Known.bytes("f60f5c4a575c43db6c93608515866ea998e04b35792f5a92b27aa5880cd6721e")
        #expect(KeyedHash.hash(Array(0...254), key: key) == expected)
    }

    /// The Wycheproof file, as far as it is used.
    private struct Vectors: Decodable {
        var testGroups: [Group]

        struct Group: Decodable {
            var ivSize: Int
            var tests: [Case]
        }

        struct Case: Decodable {
            var tcId: Int
            var key, iv, aad, msg, ct, tag, result: String
        }
    }

    @Test("Every vector of Wycheproof is judged as it says")
    func wycheproof() throws {
        guard let url = Reference.url("vectors/wycheproof/xchacha20_poly1305_test.json") else { return }
        let groups = try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: url)).testGroups
        // Nonces of other lengths cannot be given here at all.
        let cases = groups.filter { $0.ivSize == 192 }.flatMap(\.tests)
        #expect(cases.count > 250)
        for vector in cases {
            let (nonce, plain) = (Known.bytes(vector.iv), Known.bytes(vector.msg))
            let (key, associated) = (Known.secret(Known.bytes(vector.key)), Known.bytes(vector.aad))
            let sealed = nonce + Known.bytes(vector.ct) + Known.bytes(vector.tag)
            let opened = AEAD.open(sealed.span, associated: associated, key: key)
            #expect(opened == (vector.result == "valid" ? plain : nil), "vector \(vector.tcId)")
            guard vector.result == "valid" else { continue }
            let again = AEAD.seal(plain.span, head: [], associated: associated, key: key) { start in
                for (index, byte) in nonce.enumerated() { start[index] = byte }
            }
            #expect(again == sealed, "vector \(vector.tcId)")
        }
    }
}
