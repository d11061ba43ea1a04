import Core
import Foundation
import TestSupport
import Testing

@testable import Backup

@Suite("A backup", .timeLimit(.minutes(1)))
struct BackupTests {
    private let folder: Folder
    private var backup: String { "\(folder.path)/backup" }
    private var target: String { "\(folder.path)/data" }
    private let manifest = BackupManifest(
        made: Timestamp(milliseconds: 1_790_000_000_123), keyring: "d8da720efa83b466f63511085e082873",
        keys: ["c81ea2c1", "6decd65f"])

    init() throws { folder = try Folder() }

    /// Parts that write these texts.
    private static func parts(_ texts: KeyValuePairs<String, String>) -> [Backup.Part] {
        texts.map { name, text in
            Backup.Part(name) { path in try Data(text.utf8).write(to: URL(filePath: path)) }
        }
    }

    private static let two = parts([
        "medstream.sqlite": "the store", "journal.sqlite": String(repeating: "x", count: 3 << 20),
    ])

    private func make(_ parts: [Backup.Part] = two) async throws -> BackupManifest {
        try await Backup.make(of: parts, in: backup, manifest: manifest)
    }

    private func restore(leavingOut: Set<String> = []) async throws {
        try await Backup.restore(backup, into: target, leavingOut: leavingOut) { _ in }
    }

    private func names(_ path: String) throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: path))
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test("comes back as it was")
    func roundTrip() async throws {
        let made = try await make()
        #expect(made.files.map(\.name) == ["medstream.sqlite", "journal.sqlite"])
        #expect(made.files.map(\.bytes) == [9, 3 << 20])
        #expect(try Backup.manifest(of: backup) == made)
        #expect(try names(backup) == ["manifest.json", "medstream.sqlite", "journal.sqlite"])
        try Backup.verify(backup, made)
        try await restore()
        #expect(try names(target) == ["medstream.sqlite", "journal.sqlite"])
        #expect(try text("\(target)/medstream.sqlite") == "the store")
        for path in [backup, target] {
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o700)
        }
    }

    @Test("goes into an empty folder alone, whatever is in it", arguments: ["file", ".hidden"])
    func notEmpty(name: String) async throws {
        try folder.write("backup/\(name)", "")
        await #expect(throws: BackupError.notEmpty(path: backup)) { _ = try await make() }
        #expect(try names(backup) == [name])
        try FileManager.default.removeItem(atPath: backup)
        _ = try await make()
        try folder.write("data/\(name)", "precious")
        await #expect(throws: BackupError.notEmpty(path: target)) { try await restore() }
        #expect(try text("\(target)/\(name)") == "precious")
        #expect(try names(target) == [name])
    }

    @Test("is restored into a folder that a file system keeps something in, and after an attempt that was cut off")
    func leftovers() async throws {
        _ = try await make()
        try folder.write("data/lost+found/1", "")
        try folder.write("data/\(Backup.staging)/medstream.sqlite", "half")
        try await restore()
        #expect(try names(target) == ["medstream.sqlite", "journal.sqlite", "lost+found"])
    }

    @Test("that was not finished is none")
    func unfinished() async throws {
        let failing = Backup.Part("journal.sqlite") { _ in throw Oops() }
        await #expect(throws: BackupError.failed(part: "journal.sqlite", reason: "Oops()")) {
            _ = try await make(Self.parts(["medstream.sqlite": "x"]) + [failing])
        }
        #expect(try names(backup) == ["medstream.sqlite"])
        await #expect(throws: BackupError.noBackup(path: backup)) { try await restore() }
        #expect(throws: BackupError.noBackup(path: "\(folder.path)/none")) {
            try Backup.manifest(of: "\(folder.path)/none")
        }
    }

    private struct Oops: Error {}

    @Test("with a changed, shortened or lost file is refused, and leaves the target empty", arguments: 0..<4)
    func damaged(kind: Int) async throws {
        let made = try await make()
        let file = "\(backup)/journal.sqlite"
        switch kind {
        case 0:
            var bytes = try Data(contentsOf: URL(filePath: file))
            bytes[2_000_000] ^= 1
            try bytes.write(to: URL(filePath: file))
        case 1: try Data(contentsOf: URL(filePath: file)).dropLast().write(to: URL(filePath: file))
        case 2: try Data().write(to: URL(filePath: file))
        default: try FileManager.default.removeItem(atPath: file)
        }
        let expected: BackupError = kind == 3 ? .missing(file: "journal.sqlite") : .changed(file: "journal.sqlite")
        #expect(throws: expected) { try Backup.verify(backup, made) }
        await #expect(throws: expected) { try await restore() }
        #expect(try names(target) == [])
    }

    @Test("that its judge refuses is not restored; one it takes may leave files out")
    func judged() async throws {
        _ = try await make()
        await #expect(throws: BackupError.failed(part: "What was restored cannot be used", reason: "Oops()")) {
            try await Backup.restore(backup, into: target) { staged in
                #expect(try names(staged) == ["medstream.sqlite", "journal.sqlite"])
                throw Oops()
            }
        }
        #expect(try names(target) == [])
        try await restore(leavingOut: ["journal.sqlite"])
        #expect(try names(target) == ["medstream.sqlite"])
    }

    @Test("takes in files that do not change, such as a keyring, for their owner alone")
    func file() async throws {
        let path = try folder.write("keys", "secret")
        _ = try await make([Backup.Part.file("keys", at: path)])
        let mode = try FileManager.default.attributesOfItem(atPath: "\(backup)/keys")[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(try text("\(backup)/keys") == "secret")
    }

    @Test(
        "has a manifest that leads nowhere else, and is of a version that is known",
        arguments: [
            ("\"medstream.sqlite\"", "\"../medstream.sqlite\""), ("\"medstream.sqlite\"", "\".hidden\""),
            ("\"medstream.sqlite\"", "\"/etc/passwd\""), ("\"medstream.sqlite\"", "\"journal.sqlite\""),
            ("\"medstream.sqlite\"", "7"), ("\"bytes\":9", "\"bytes\":-1"), ("\"version\":1", "\"version\":2"),
            ("medstream-backup", "other"), ("\"keyring\"", "\"keyrung\""), ("{", "["), ("}", ""),
        ])
    func badManifest(good: String, bad: String) async throws {
        _ = try await make()
        let path = "\(backup)/manifest.json"
        let changed = try text(path).replacing(good, with: bad, maxReplacements: 1)
        #expect(try text(path) != changed)
        try Data(changed.utf8).write(to: URL(filePath: path))
        let error = try #require(throws: BackupError.self) { try Backup.manifest(of: backup) }
        guard case .notUnderstood(path, _) = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test("tells of a folder that cannot be written to")
    func inaccessible() async throws {
        try folder.write("file", "")
        let below = "\(folder.path)/file/backup"
        let error = await #expect(throws: BackupError.self) {
            _ = try await Backup.make(of: [], in: below, manifest: manifest)
        }
        #expect(error.map { "\($0)" }?.contains("file/backup") == true)
    }
}
