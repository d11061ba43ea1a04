import Core
import JSON
import TestSupport
import Testing

@Suite("Usage of the whole server", .timeLimit(.minutes(1)))
struct UsageTests {
    private static let prices = ["prices={\"upstream/*\": {input: 1, output: 2, currency: EUR}}"]

    @Test("Sums are told by what is asked for, estimates marked, unfinished answers left out")
    func sums() async throws {
        let gate = Gate()
        try await WholeServer.run(
            Self.prices,
            upstream: { $0 == "Wait" ? [.wait(gate), .finish] : [.say("An answer of 23 bytes."), .finish] }
        ) { server in
            let client = try server.client()
            let empty = try await client.call("GET", "/api/v1/usage").json
            #expect(empty["rows"] == [] && empty["total"]?["answers"]?.int == 0)
            #expect(empty["total"]?["usage"] == [:])
            for _ in 0..<2 { await server.ended(try await client.ask("Hello?")) }
            await server.ended(try await client.ask("Hello?", [:], ["stage": "onboarding"]))
            _ = try await client.ask("Wait")

            let answer = try await client.call("GET", "/api/v1/usage?by=route,provider,model,day")
            #expect(answer.status == 200)
            #expect(answer["Cache-Control"] == "no-store")
            let report = answer.json
            #expect(report["by"] == ["day", "provider", "model", "route"])
            let rows = try #require(report["rows"]?.array)
            #expect(rows.map { $0["route"]?.string } == ["chat", "onboarding"])
            #expect(rows.map { $0["answers"]?.int } == [2, 1])
            for row in rows {
                #expect(row["provider"] == "upstream" && row["model"] == "scripted-1")
                #expect(row["day"] == report["to"])
                #expect(row["estimated"] == row["answers"] && row["without_usage"] == 0)
                #expect(row["usage"]?["estimated"] == true)
                let cost = try #require(row["costs"]?.array?.first)
                #expect(cost["currency"] == "EUR" && cost["estimated"] == true)
            }
            let outputs = rows.compactMap { $0["usage"]?["output"]?.int }
            #expect(outputs.count == 2 && outputs.reduce(0, +) == report["total"]?["usage"]?["output"]?.int)

            let byDay = try await client.call("GET", "/api/v1/usage").json
            #expect(byDay["total"] == report["total"])
            #expect(byDay["rows"]?.array?.map { $0["answers"]?.int } == [3])
            let day = try #require(report["to"]?.string)
            #expect(
                try await client.call("GET", "/api/v1/usage?from=\(day)&to=\(day)").json["total"] == report["total"])
            #expect(
                try await client.call("GET", "/api/v1/usage?from=1999-01-01&to=1999-12-31").json["rows"] == [])
            gate.open()
        }
    }
}
