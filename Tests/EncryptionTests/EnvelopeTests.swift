import TestSupport
import Testing

@testable import Encryption

@Suite("Envelopes")
struct EnvelopeTests {
    private let keyring: Keyring

    init() throws { keyring = try Keyring(environment: Known.file) }

    @Test("An envelope of an independent implementation opens")
    func known() throws {
        #expect(try keyring.openText(Known.envelope, at: Known.place) == Known.text)
        #expect(keyring.fingerprint("ada@example.org", purpose: "email") == Known.fingerprint)
        #expect(keyring.identity == Known.identity)
    }

    @Test("What is sealed opens at its place, and shows nothing of itself", arguments: 1...200 as ClosedRange<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let plain = (0..<Int.random(in: 0...3_000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
        }
        let place = SealedPlace(table: "t\(seed % 7)", column: "c", row: "\(random.next())")
        let sealed = keyring.seal(plain, at: place)
        #expect(sealed.count == plain.count + Keyring.overhead)
        #expect(Keyring.keyID(of: sealed) == keyring.currentKey)
        #expect(try keyring.open(sealed, at: place) == plain)
        #expect(sealed != keyring.seal(plain, at: place), "a nonce is never used twice")
        if plain.count >= 8 { #expect(sealed.firstRange(of: plain[..<8]) == nil) }
        // A cut anywhere, a changed bit anywhere, and another place.
        let cut = Int.random(in: 0..<sealed.count, using: &random)
        #expect(throws: SealError.damaged) { try keyring.open(Array(sealed[..<cut]), at: place) }
        var changed = sealed
        changed[Int.random(in: 5..<sealed.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
        #expect(throws: SealError.damaged) { try keyring.open(changed, at: place) }
        #expect(throws: SealError.damaged) {
            try keyring.open(sealed, at: SealedPlace(table: place.table, column: "d", row: place.row))
        }
    }

    @Test("A changed bit is found wherever it is")
    func tampering() throws {
        for index in Known.envelope.indices {
            for bit in 0..<8 as Range<UInt8> {
                var changed = Known.envelope
                changed[index] ^= 1 << bit
                #expect(throws: SealError.self, "byte \(index), bit \(bit)") {
                    try keyring.open(changed, at: Known.place)
                }
            }
        }
        #expect(throws: SealError.damaged) { try keyring.open(Known.envelope + [0], at: Known.place) }
    }

    @Test("A cut is found wherever it is")
    func cuts() {
        for count in Known.envelope.indices {
            #expect(throws: SealError.damaged) { try keyring.open(Array(Known.envelope[..<count]), at: Known.place) }
        }
    }

    @Test(
        "A value does not open at another place, even where the names run together alike",
        arguments: [
            SealedPlace(table: "message", column: "body", row: "row-2"),
            SealedPlace(table: "message", column: "title", row: "row-1"),
            SealedPlace(table: "case", column: "body", row: "row-1"),
            SealedPlace(table: "messageb", column: "ody", row: "row-1"),
            SealedPlace(table: "message", column: "bodyrow", row: "-1"),
            SealedPlace(table: "", column: "", row: ""),
        ])
    func places(place: SealedPlace) {
        #expect(throws: SealError.damaged) { try keyring.open(Known.envelope, at: place) }
    }

    @Test("A key that is not there is named; another key under the same name does not open")
    func keys() throws {
        let other = try Keyring(environment: "\(Known.fingerprintLine);\(Known.secondLine)")
        let first = try #require(KeyID("c81ea2c1"))
        #expect(throws: SealError.unknownKey(first)) { try other.open(Known.envelope, at: Known.place) }
        // The head is part of what is sealed: the number of a key that is there does not help.
        let renamed = Envelope.head(other.currentKey) + Known.envelope.dropFirst(Envelope.headBytes)
        #expect(throws: SealError.damaged) { try other.open(renamed, at: Known.place) }
    }

    @Test("A text that is no UTF-8 is damage, not a text with holes")
    func notText() throws {
        let sealed = keyring.seal([0x61, 0xFF, 0x62], at: Known.place)
        #expect(throws: SealError.damaged) { try keyring.openText(sealed, at: Known.place) }
        #expect(try keyring.openText(keyring.seal("", at: Known.place), at: Known.place).isEmpty)
    }

    @Test("What is no envelope has no key", arguments: [0, 1, 5, 44, 45])
    func noEnvelope(count: Int) {
        let zeros = [UInt8](repeating: 0, count: count)
        #expect(Keyring.keyID(of: zeros) == nil)
        #expect(throws: SealError.damaged) { try keyring.open(zeros, at: Known.place) }
    }

    @Test("Fingerprints are equal for equal bytes of one purpose alone")
    func fingerprints() throws {
        let one = keyring.fingerprint("ada@example.org", purpose: "email")
        #expect(one.count == 32)
        #expect(one == keyring.fingerprint(Array("ada@example.org".utf8), purpose: "email"))
        #expect(one != keyring.fingerprint("ada@example.orh", purpose: "email"))
        #expect(one != keyring.fingerprint("ada@example.org", purpose: "name"))
        #expect(
            keyring.fingerprint("b", purpose: "a") != keyring.fingerprint("", purpose: "ab"), "purpose and text part")
        let rotated = try Keyring(environment: Known.rotatedFile)
        #expect(one == rotated.fingerprint("ada@example.org", purpose: "email"), "a rotation does not change them")
    }
}
