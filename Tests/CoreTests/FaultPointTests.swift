import Foundation
import Testing

@testable import Core

#if DEBUG
@Suite("A fault point", .timeLimit(.minutes(1)))
struct FaultPointTests {
    @Test("Ends the process at the visit that was asked for, and at no other point")
    func ends() async {
        await #expect(processExitsWith: .signal(SIGKILL)) {
            setenv("FAULT_AT", "second:3", 1)
            for point in ["first", "second", "third"] as [StaticString] {
                FaultPoint.reach("second")
                FaultPoint.reach(point)
            }
            // Reached but for the kill at the third of four visits.
            exit(0)
        }
        await #expect(processExitsWith: .success) {
            setenv("FAULT_AT", "second:3", 1)
            for point in ["first", "second", "second", "seconds"] as [StaticString] { FaultPoint.reach(point) }
            exit(0)
        }
    }

    @Test("Does nothing when none is named")
    func nothing() async {
        await #expect(processExitsWith: .success) {
            unsetenv("FAULT_AT")
            FaultPoint.reach("anywhere")
            exit(0)
        }
    }

    @Test(
        "Reads what the environment says",
        arguments: [
            ("a", 1, SIGKILL), ("a:1", 1, SIGKILL), ("a:12", 12, SIGKILL), ("a:2:pause", 2, SIGSTOP),
        ] as [(String, Int, Int32)])
    func plan(text: String, visit: Int, signal: Int32) throws {
        let plan = try #require(FaultPoint.Plan(text))
        #expect((plan.name, plan.visit, plan.signal) == ("a", visit, signal))
        #expect((1...visit + 1).filter { _ in plan.isDue(at: "a") } == [visit])
        #expect(!plan.isDue(at: "b"))
    }

    @Test("Takes no other form", arguments: ["", ":1", "a:0", "a:-1", "a:x", "a:", "a:1:", "a:1:stop", "a:1:pause:"])
    func wrong(text: String) {
        #expect(FaultPoint.Plan(text) == nil)
    }
}
#endif
