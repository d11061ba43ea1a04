import Foundation
import TestSupport
import Testing

@testable import Encryption

@Suite("A key file that changes under a running process", .timeLimit(.minutes(1)))
struct ReloadTests {
    private let folder: Folder
    private var path: String { "\(folder.path)/keys" }

    init() throws {
        folder = try Folder()
        try write(Known.file)
    }

    private func write(_ text: String, mode: Int = 0o600) throws {
        try folder.write("keys.next", text)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: "\(folder.path)/keys.next")
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: "\(folder.path)/keys.next", toPath: path)
    }

    @Test("A reload takes up a rotation")
    func reload() throws {
        let keyring = try Keyring(file: path, refreshInterval: .max)
        let id = try Keyring.rotate(file: path)
        #expect(keyring.currentKey != id)
        #expect(try Keyring(file: path, refreshInterval: 0).currentKey == id)
        try keyring.reload()
        #expect(keyring.currentKey == id)
    }

    @Test("A key that another process made is found when a row asks for it")
    func unknownKey() throws {
        let keyring = try Keyring(file: path, refreshInterval: 0)
        try Keyring.rotate(file: path)
        let sealed = try Keyring(file: path).seal("new", at: Known.place)
        #expect(try keyring.openText(sealed, at: Known.place) == "new")
    }

    @Test("A rotation is taken up by sealing once the interval has gone by, and not before")
    func sealing() throws {
        let (eager, lazy) = (
            try Keyring(file: path, refreshInterval: 0), try Keyring(file: path, refreshInterval: .max)
        )
        let id = try Keyring.rotate(file: path)
        #expect(lazy.currentKey != id)
        #expect(eager.currentKey == id)
        #expect(Keyring.keyID(of: eager.seal("x", at: Known.place)) == id)
        #expect(Keyring.keyID(of: lazy.seal("x", at: Known.place)) != id)
    }

    @Test("A file that cannot be used is told of by a reload, and the keys in use stay")
    func badFile() throws {
        let keyring = try Keyring(file: path, refreshInterval: 0)
        let id = keyring.currentKey
        let sealed = keyring.seal("x", at: Known.place)
        try write(Known.rotatedFile, mode: 0o644)
        #expect(throws: KeyringError.exposed(path: path, mode: 0o644)) { try keyring.reload() }
        try write("nonsense")
        #expect(throws: KeyringError.self) { try keyring.reload() }
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: KeyringError.missing(path: path)) { try keyring.reload() }
        #expect(Keyring.keyID(of: keyring.seal("y", at: Known.place)) == id)
        #expect(try keyring.openText(sealed, at: Known.place) == "x")
    }

    @Test("Another keyring in the file's place is not taken up")
    func otherKeyring() throws {
        let keyring = try Keyring(file: path, refreshInterval: 0)
        try write(String(decoding: Keyring.newText(), as: UTF8.self))
        #expect(throws: KeyringError.otherKeyring(path: path)) { try keyring.reload() }
        #expect(keyring.identity == Known.identity)
        #expect(Keyring.keyID(of: keyring.seal("y", at: Known.place))?.description == "c81ea2c1")
    }

    @Test("Readers and writers go on while the keys rotate under them")
    func underLoad() async throws {
        let keyring = try Keyring(file: path, refreshInterval: 0)
        let path = path
        let opened = await withTaskGroup(of: Int.self) { group in
            for worker in 0..<4 {
                group.addTask {
                    (0..<500).count { round in
                        let place = SealedPlace(table: "t", column: "c", row: "\(worker)-\(round)")
                        let sealed = keyring.seal("text \(round)", at: place)
                        return (try? keyring.openText(sealed, at: place)) == "text \(round)"
                    }
                }
            }
            group.addTask {
                for _ in 0..<20 { _ = try? Keyring.rotate(file: path) }
                return 0
            }
            return await group.reduce(0, +)
        }
        #expect(opened == 2_000)
        #expect(try Keyring(file: path).keys.count == 21)
    }
}
