import Core
import Synchronization
import Testing

@Suite("Waiting within a limit", .timeLimit(.minutes(1)))
struct WithinTests {
    @Test("What ends in time is told so, and is not waited for longer")
    func inTime() async {
        let runs = Mutex(0)
        #expect(await within(.seconds(3600)) { runs.withLock { $0 += 1 } })
        #expect(runs.withLock { $0 } == 1)
    }

    @Test("What is late is left, and goes on by itself")
    func late() async {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let (told, tell) = AsyncStream.makeStream(of: Void.self)
        let isInTime = await within(.milliseconds(10)) {
            for await _ in ends { break }
            tell.finish()
        }
        #expect(!isInTime)
        end.yield()
        for await _ in told {}
    }
}
