import Foundation
import TestSupport
import Testing

@testable import Encryption

@Suite("Keyrings", .timeLimit(.minutes(1)))
struct KeyringTests {
    private let folder: Folder
    private var path: String { "\(folder.path)/keys" }

    init() throws { folder = try Folder() }

    private func write(_ text: String, mode: Int = 0o600) throws {
        try folder.write("keys", text)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func text() throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path) }

    @Test("A new file has one key, is its owner's alone, and leaves nothing beside it")
    func create() throws {
        let keyring = try Keyring.create(file: path)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try names() == ["keys"])
        #expect(keyring.keys.map(\.isCurrent) == [true])
        #expect(keyring.path == path)
        let again = try Keyring(file: path)
        #expect(again.identity == keyring.identity)
        #expect(try again.openText(keyring.seal("x", at: Known.place), at: Known.place) == "x")
        #expect(try text().hasPrefix("# Medstream"))
    }

    @Test("A key file is never overwritten")
    func noOverwrite() throws {
        try write("precious")
        #expect(throws: KeyringError.exists(path: path)) { try Keyring.create(file: path) }
        #expect(try text() == "precious")
        #expect(try names() == ["keys"])
    }

    @Test("A key tells how old it is, unless nobody knows")
    func age() throws {
        let keyring = try Keyring(
            environment:
                "\(Known.fingerprintLine);\(Known.firstLine);key 6decd65f yesterday \(Known.secondLine.suffix(64))")
        #expect(keyring.keys[0].age == System.secondsNow - 1_767_323_045)
        #expect(keyring.keys[1].age == nil)
        let age = try #require(try Keyring.create(file: path).keys[0].age)
        #expect((0...30).contains(age))
    }

    @Test("Two new keyrings have nothing in common")
    func distinct() throws {
        let (one, other) = (
            try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self)),
            try Keyring(environment: String(decoding: Keyring.newText(), as: UTF8.self))
        )
        #expect(one.identity != other.identity)
        #expect(one.currentKey != other.currentKey)
        #expect(one.fingerprint("a", purpose: "b") != other.fingerprint("a", purpose: "b"))
    }

    @Test("A rotation keeps the old keys for reading, and people's notes")
    func rotate() throws {
        try write("# Kept in the safe, too.\n\(Known.file)")
        let before = try Keyring(file: path)
        let sealed = before.seal("old", at: Known.place)
        let id = try Keyring.rotate(file: path)
        let after = try Keyring(file: path)
        #expect(after.currentKey == id)
        #expect(after.keys.map(\.id) == [before.currentKey, id])
        #expect(try after.openText(sealed, at: Known.place) == "old")
        #expect(Keyring.keyID(of: after.seal("new", at: Known.place)) == id)
        #expect(try text().hasPrefix("# Kept in the safe, too.\n\(Known.file)key \(id) "))
        #expect(after.identity == before.identity)
    }

    @Test("A line without its newline is not run together with the new key")
    func noNewline() throws {
        try write("\(Known.fingerprintLine)\n\(Known.firstLine)")
        try Keyring.rotate(file: path)
        #expect(try Keyring(file: path).keys.count == 2)
    }

    @Test("A retired key is gone from the file; the current one and unknown ones stay")
    func retire() throws {
        try write("\(Known.rotatedFile)# end")
        let (first, second) = (try #require(KeyID("c81ea2c1")), try #require(KeyID("6decd65f")))
        #expect(throws: KeyringError.currentKey(second)) { try Keyring.retire(second, file: path) }
        let unknown = KeyID(number: 7)
        #expect(throws: KeyringError.unknownKey(unknown)) { try Keyring.retire(unknown, file: path) }
        try Keyring.retire(first, file: path)
        #expect(try text() == "\(Known.fingerprintLine)\n\(Known.secondLine)\n# end")
        let keyring = try Keyring(file: path)
        #expect(keyring.keys.map(\.id) == [second])
        #expect(throws: SealError.unknownKey(first)) { try keyring.open(Known.envelope, at: Known.place) }
    }

    @Test("Rotations at the same time all take effect")
    func concurrentRotations() async throws {
        try write(Known.file)
        let path = path
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { _ = try? Keyring.rotate(file: path) } }
        }
        #expect(try Keyring(file: path).keys.count == 9)
        #expect(try names() == ["keys"])
    }

    @Test(
        "A file that others may use is refused, and the sentence says what to do",
        arguments: [0o640, 0o604, 0o660, 0o666, 0o620])
    func exposed(mode: Int) throws {
        try write(Known.file, mode: mode)
        let error = try #require(throws: KeyringError.self) { try Keyring(file: path) }
        #expect(error == .exposed(path: path, mode: UInt32(mode)))
        #expect("\(error)".contains("chmod 600"))
    }

    @Test("A file that is not there, and a folder in its place, are told apart")
    func unreadable() throws {
        #expect(throws: KeyringError.missing(path: path)) { try Keyring(file: path) }
        let folderPath = folder.path
        #expect(throws: KeyringError.unreadable(path: folderPath, reason: "it is no plain file")) {
            try Keyring(file: folderPath)
        }
        #expect(throws: KeyringError.self) { try Keyring.create(file: "\(folderPath)/none/keys") }
    }

    @Test(
        "What is wrong with a keyring is said with its line, and without a character of it",
        arguments: [
            ("", 0), ("# nothing", 0), (Known.firstLine, 0), (Known.fingerprintLine, 0),
            ("\(Known.file)\(Known.firstLine)", 3), ("\(Known.file)\n\n\(Known.fingerprintLine)", 5),
            ("\(Known.file)key c81ea2c1 now", 3), ("\(Known.file)lock 6decd65f now \(zeros)", 3),
            ("\(Known.file)key 6decd65f now \(zeros)", 3), ("\(Known.file)key 6decd65f now \(zeros)0", 3),
            ("\(Known.file)key 6DECD65F now \(zeros)", 3), ("\(Known.file)key 6decd65f now \(zeros.dropLast())g", 3),
            ("\(Known.file)\(Known.secondLine) more", 3), (String(repeating: "#", count: 70_000), 0),
        ] as [(String, Int)])
    func malformed(text: String, line: Int) throws {
        let error = try #require(throws: KeyringError.self) { try Keyring(environment: text, named: "It") }
        guard case .malformed("It", line, _) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(!"\(error)".contains("0000"))
        #expect(!"\(error)".contains("8081"))
    }

    private static let zeros = String(repeating: "0", count: 64)

    @Test("A keyring fits into one line of an environment variable")
    func oneLine() throws {
        let keyring = try Keyring(environment: "\(Known.fingerprintLine); \(Known.firstLine) ;\(Known.secondLine);")
        #expect(keyring.keys.map(\.id.description) == ["c81ea2c1", "6decd65f"])
        #expect(keyring.keys.map(\.isCurrent) == [false, true])
        #expect(keyring.keys.map(\.made) == ["2026-01-02T03:04:05Z", "2026-02-02T03:04:05Z"])
        #expect(keyring.path == nil)
        try keyring.reload()
    }

    @Test("No secret is in any text that a keyring gives of itself")
    func unprintable() throws {
        let keyring = try Keyring(environment: Known.rotatedFile)
        let secret = Known.secret(Array(0...31))
        var dumped = ""
        dump(keyring, to: &dumped)
        dump(secret, to: &dumped)
        for text in ["\(keyring)", String(reflecting: keyring), dumped, "\(secret)", String(reflecting: secret)] {
            for part in ["0001", "8081", "2021"] { #expect(!text.contains(part), "\(part) in \(text)") }
        }
    }

    @Test(
        "An id is eight digits in lower case",
        arguments: [
            ("0000000a", true), ("ffffffff", true), ("0000000A", false), ("000000a", false), ("0000000aa", false),
            ("0000 00a", false), ("+000000a", false), ("", false),
        ])
    func ids(text: String, isValid: Bool) {
        #expect(KeyID(text)?.description == (isValid ? text : nil))
    }
}
