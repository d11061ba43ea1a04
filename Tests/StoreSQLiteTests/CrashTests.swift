import Core
import Encryption
import Foundation
import Glibc
import Persistence
import SQLite
import StoreConformance
@testable import StoreSQLite
import Synchronization
import TestSupport
import Testing

/// A process that is killed while it writes, and what the next one finds.
@Suite("A store whose process is killed", .timeLimit(.minutes(2)))
struct CrashTests {
    @Test("Everything that was acknowledged is there, once and whole, wherever the kill struck", arguments: 0..<8)
    func kill(round: Int) async throws {
        let folder = try Folder()
        let path = folder.path
        _ = try Keyring.create(file: "\(path)/keys")
        let count = 20 + round * 17
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = path as String, count = count as Int] in
            try await CrashTests.write(in: path, until: count)
        }
        let acknowledged = try String(contentsOfFile: "\(path)/acknowledged", encoding: .utf8)
            .split(separator: "\n").map(String.init)
        #expect(acknowledged.count >= count)

        let store = try await SQLiteStore(
            SQLiteStore.Settings(path: "\(path)/store.sqlite"), try Keyring(file: "\(path)/keys"))
        #expect(try await store.check() == [])
        var texts: [String: String] = [:]
        for line in acknowledged {
            let parts = line.split(separator: " ").map(String.init)
            guard parts.count == 4, let user = UserID(parts[0]), let id = MessageID(parts[1]),
                let task = Int(parts[2]), let number = Int(parts[3])
            else { continue }
            texts[parts[1]] = (try? await store.message(id, of: user))?.text
            #expect(texts[parts[1]] == Self.text(task, number))
        }
        let rows = try await store.statistics().rows["message"] ?? 0
        // Twelve were under way at most, each of a question and its answer.
        #expect(texts.count == acknowledged.count && rows >= acknowledged.count && rows <= acknowledged.count * 2 + 24)
        await store.close()
    }

    /// An answer of up to 60 kB, so that a commit takes its time.
    private static func text(_ task: Int, _ number: Int) -> String {
        String(repeating: "answer-\(task)-\(number);", count: 1000 + number * 977 % 3000)
    }

    /// Writes turns from twelve tasks, notes each answer once its save has returned, and is killed after so many.
    private static func write(in folder: String, until count: Int) async throws {
        let store = try await SQLiteStore(
            SQLiteStore.Settings(path: "\(folder)/store.sqlite"), try Keyring(file: "\(folder)/keys"))
        let notes = open("\(folder)/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let done = Counter()
        await withTaskGroup { group in
            for task in 0..<12 {
                group.addTask {
                    let user = UserID()
                    for number in 0... {
                        let subject = NewTurn.Subject.newConversation(kind: .chat, title: "", text: "\(task).\(number)")
                        guard let turn = try? await store.begin(NewTurn(owner: user, subject: subject)) else { return }
                        guard (try? await store.finish(turn.answer, text(task, number))) != nil else { return }
                        let line = Array("\(user) \(turn.answer.id) \(task) \(number)\n".utf8)
                        _ = line.withUnsafeBytes { Glibc.write(notes, $0.baseAddress, $0.count) }
                        // At once, by the one who was told: what was told too early is not on the disk yet.
                        if done.next() >= count { Glibc.kill(getpid(), SIGKILL) }
                    }
                }
            }
        }
    }

    @Test("Several processes make the tables at once", arguments: 0..<3)
    func starters(round: Int) async throws {
        let folder = try Folder()
        let path = folder.path
        _ = try Keyring.create(file: "\(path)/keys")
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask {
                    await #expect(processExitsWith: .success) { [path = path as String] in
                        let store = try await SQLiteStore(
                            SQLiteStore.Settings(path: "\(path)/store.sqlite"), try Keyring(file: "\(path)/keys"))
                        _ = try await store.conversation(of: UserID())
                        await store.close()
                    }
                }
            }
        }
        let store = try await SQLiteStore(
            SQLiteStore.Settings(path: "\(path)/store.sqlite"), try Keyring(file: "\(path)/keys"))
        #expect(try await store.statistics().rows["conversation"] == 4)
        await store.close()
    }
}

private final class Counter: Sendable {
    private let value = Atomic(0)

    func next() -> Int { value.add(1, ordering: .relaxed).newValue }
}
