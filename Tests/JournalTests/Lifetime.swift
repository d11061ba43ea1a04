import Core
import Encryption
import Foundation
import Journal
import Reactor
import SQLite
import Streaming
import Synchronization
import Telemetry
import TestSupport

let someone = UserID()

/// A folder with a journal and its keys, which outlives the servers that use it.
final class DataFolder: Sendable {
    let folder: Folder
    let keyring: Keyring
    var path: String { "\(folder.path)/journal.sqlite" }

    init() throws {
        folder = try Folder()
        keyring = try Keyring.create(file: "\(folder.path)/keys")
    }

    /// Only as much of the log as was written at one moment: what is found after the process was killed then.
    init(copying other: DataFolder, log bytes: Data) throws {
        folder = try Folder()
        keyring = other.keyring
        try FileManager.default.copyItem(atPath: other.path, toPath: path)
        try bytes.write(to: URL(filePath: "\(path)-wal"))
    }

    /// The write-ahead log as it is now.
    var log: Data { (try? Data(contentsOf: URL(filePath: "\(path)-wal"))) ?? Data() }

    func open() async throws -> Journal {
        try await Journal.open(path: path, keyring: keyring, log: Log(level: .error) { _ in })
    }

    /// The number of rows in a table.
    func count(_ table: String) async throws -> Int {
        let database = try Database(Database.Settings(path: path))
        let count = try await database.read {
            try $0.row(SQL(unchecked: "SELECT count(*) FROM \(table)")) { try $0.int(0) }
        }
        await database.close()
        return count ?? -1
    }
}

/// One life of a server, from its start to its death.
struct Lifetime: Sendable {
    let journal: Journal
    let hub: StreamHub
    /// Streams that were running when the one before died, as they were asked about.
    let asked: [JournaledStream]
    let recovery: JournalRecovery

    static let loops = [LoopActor(), LoopActor()]

    init(
        in folder: DataFolder, _ settings: StreamingSettings = settings(), journal open: Journal? = nil,
        ending: @escaping @Sendable (JournaledStream) -> StreamEnding = { _ in .interrupted },
        unless isDeleted: @escaping @Sendable (JournaledStream) -> Bool = { _ in false }
    ) async throws {
        let asked = Mutex<[JournaledStream]>([])
        if let open { journal = open } else { journal = try await folder.open() }
        hub = StreamHub(settings, journal: journal)
        recovery = try await journal.recover(into: hub, on: Self.loops.map(\.loop), unless: isDeleted) { stream in
            asked.withLock { $0.append(stream) }
            return ending(stream)
        }
        self.asked = asked.withLock { $0 }
    }

    static func settings(_ change: (inout StreamingSettings) -> Void = { _ in }) -> StreamingSettings {
        var settings = StreamingSettings()
        settings.journalInterval = .milliseconds(10)
        change(&settings)
        return settings
    }

    /// A log whose run lasts until it is stopped.
    func start(_ owner: UserID = someone, of subject: StreamSubject? = nil) async throws -> StreamLog {
        try await hub.start(StreamID(), owner: owner, on: Self.loops[0].loop, of: subject) { log in
            while !Task.isCancelled { try? await log.loop.sleep(for: .seconds(60)) }
            log.finish(.done(.complete))
        }
    }

    /// Ends a run as complete.
    func finish(_ log: StreamLog) async {
        await log.stop(.user)
        await log.ended()
    }

    func journaled() async { await hub.journaled(on: Self.loops.map(\.loop)) }

    /// All that a viewer of a stream sees.
    func viewing(_ id: StreamID, _ owner: UserID = someone, after offset: Int = 0) async throws -> Viewing? {
        guard let log = hub.log(id, for: owner) else { return nil }
        return try await Self.loops[1].run { _ in
            var viewing = Viewing(after: offset)
            try await log.watch(after: offset) { viewing.read($0.bytes) }
            return viewing
        }
    }
}
