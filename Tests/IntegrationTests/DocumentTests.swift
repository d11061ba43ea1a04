import Core
import Foundation
import JSON
import TestSupport
import Testing

@Suite("The API's document", .timeLimit(.minutes(1)))
struct DocumentTests {
    @Test("is in the repository as it is served; Scripts/docs writes it")
    func committed() async throws {
        let file = Reference.packageRoot.appending(path: "docs/openapi.json")
        let committed = try JSONValue(parsing: String(contentsOf: file, encoding: .utf8))
        try await WholeServer.run { server in
            let served = try await server.client().call("GET", "/openapi.json").json
            #expect(served == committed, "run Scripts/docs")
        }
    }

    @Test("names exactly the methods that each path takes, and docs/http-api.md names each path")
    func routes() async throws {
        try await WholeServer.run { server in
            let client = try server.client()
            let document = try await client.call("GET", "/openapi.json").json
            let paths = try #require(document["paths"]?.object)
            #expect(paths.count >= 14)
            for (path, item) in paths {
                var methods = Set(try #require(item.object).keys.map { $0.uppercased() })
                if methods.contains("GET") { methods.insert("HEAD") }
                let concrete = path.replacing("{id}", with: "0123456789")
                let options = try await client.call("OPTIONS", concrete)
                let allowed = options["Allow"]?.split(separator: ", ").map(String.init) ?? []
                #expect(Set(allowed) == methods.union(["OPTIONS"]), "\(path)")
                let other = try await client.call("PUT", concrete)
                #expect(other.status == 405, "\(path)")
            }
            // The page of calls for people names each of them.
            let page = try String(
                contentsOf: Reference.packageRoot.appending(path: "docs/http-api.md"), encoding: .utf8)
            for path in paths.keys {
                #expect(page.contains(path.replacing("/api/v1", with: "")), "\(path) is not in docs/http-api.md")
            }
        }
    }
}
