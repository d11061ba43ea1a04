import Core
import Foundation
@testable import Journal
import SQLite
import Streaming
import Synchronization
import Telemetry
import TestSupport
import Testing

/// How a journal is closed on a disk that answers nothing: its one thread that writes does not come back from a call.
@Suite("A journal whose disk hangs", .timeLimit(.minutes(1)))
struct HungDiskTests {
    /// Hangs the journal's disk until the semaphore is signalled; returns once it does.
    private func hang(_ journal: Journal) async -> DispatchSemaphore {
        let end = DispatchSemaphore(value: 0)
        let (begins, begin) = AsyncStream.makeStream(of: Void.self)
        Task {
            try await journal.database.write { _ in
                begin.finish()
                end.wait()
            }
        }
        for await _ in begins {}
        return end
    }

    @Test("It is left when the time is up, which is told, and closes by itself when the disk comes back")
    func left() async throws {
        let data = try DataFolder()
        let lines = Lines()
        let journal = try await Journal.open(path: data.path, keyring: data.keyring, log: lines.log)
        let life = try await Lifetime(in: data, journal: journal)
        let log = try await life.start()
        await log.write("On disk. ", to: .chat, of: .chat)
        await life.journaled()
        let end = await hang(journal)
        await log.write("Not on disk. ", to: .chat, of: .chat)
        #expect(await !journal.close(within: .milliseconds(50)))
        journal.log.flush()
        #expect(lines.text.contains("journal_left"))

        end.signal()
        #expect(await journal.close(within: .seconds(30)))
        let next = try await Lifetime(in: data)
        #expect(next.asked.map(\.id) == [log.id])
        await next.journal.close()
    }

    @Test("One whose disk is well is closed, and nothing is told")
    func closed() async throws {
        let data = try DataFolder()
        let lines = Lines()
        let journal = try await Journal.open(path: data.path, keyring: data.keyring, log: lines.log)
        #expect(await journal.close(within: .seconds(30)))
        journal.log.flush()
        #expect(lines.text.isEmpty)
    }
}

/// What a log was told.
private final class Lines: Sendable {
    private let told = Mutex("")

    var text: String { told.withLock { $0 } }

    var log: Log {
        Log(level: .info) { bytes in self.told.withLock { $0 += String(decoding: bytes, as: UTF8.self) } }
    }
}
