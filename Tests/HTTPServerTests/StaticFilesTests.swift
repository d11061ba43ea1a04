import Foundation
import HTTPServer
import TestSupport
import Testing

@Suite("Static files", .timeLimit(.minutes(1)))
struct StaticFilesTests {
    /// Serves a folder with these files.
    private func withFiles(_ body: (HTTPServer) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "static-\(UUID())/site")
        defer { try? FileManager.default.removeItem(at: folder.deletingLastPathComponent()) }
        let files = [
            "index.html": "<p>home", "app-3f9c2d1e.js": "app()", "app-3f9c2d1e.js.gz": "zipped", "style.css": "p{}",
            "style.css.gz": "zipped too", "sub/my page é.txt": "words", ".env": "KEY=1", ".git/config": "secret",
            "half-3f9c2d1.js": "seven digits", "data": "raw", "../outside.txt": "outside",
        ]
        for (name, text) in files {
            let url = folder.appending(path: name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        let served = try StaticFiles(folder: folder)
        let router = Router([], fallback: { served.answer($0) ?? Response(404) })
        try await withServer(handler: { try await router.handle($0) }, body)
    }

    @Test(
        "A file comes with its type, whatever its name",
        arguments: [
            ("/", "<p>home", "text/html; charset=utf-8"), ("/index.html", "<p>home", "text/html; charset=utf-8"),
            ("/style.css", "p{}", "text/css; charset=utf-8"),
            ("/app-3f9c2d1e.js", "app()", "text/javascript; charset=utf-8"),
            ("/sub/my%20page%20%C3%A9.txt", "words", "text/plain; charset=utf-8"),
            ("/data?version=2", "raw", "application/octet-stream"),
        ])
    func files(target: String, text: String, type: String) async throws {
        try await withFiles { server in
            let response = try await server.ask(get(target))
            #expect(response.status == 200)
            #expect(response.text == text)
            #expect(response["Content-Type"] == type)
            #expect(response["Content-Encoding"] == nil)
        }
    }

    @Test("A file that has not changed is not sent again", arguments: ["/style.css", "/app-3f9c2d1e.js"])
    func notModified(target: String) async throws {
        try await withFiles { server in
            let client = try RawClient(port: server.port)
            let first = try await client.ask(get(target))
            let tag = try #require(first["ETag"])
            for field in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let again = try await client.ask(get(target, "If-None-Match: \(field)"))
                #expect(again.status == 304)
                #expect(again["ETag"] == tag)
                #expect(again["Cache-Control"] == first["Cache-Control"])
                #expect(again["Vary"] == "Accept-Encoding")
            }
            #expect(try await client.ask(get(target, "If-None-Match: \"other\"")).status == 200)
        }
    }

    @Test("Names with a hash are kept for a year, others are asked for again")
    func caching() async throws {
        try await withFiles { server in
            let client = try RawClient(port: server.port)
            let year = "public, max-age=31536000, immutable"
            #expect(try await client.ask(get("/app-3f9c2d1e.js"))["Cache-Control"] == year)
            for name in ["/style.css", "/", "/half-3f9c2d1.js"] {
                #expect(try await client.ask(get(name))["Cache-Control"] == "no-cache")
            }
        }
    }

    @Test("A compressed twin goes to those who take it, as a representation of its own")
    func compressed() async throws {
        try await withFiles { server in
            let client = try RawClient(port: server.port)
            let plain = try await client.ask(get("/style.css"))
            for field in ["gzip", "br;q=1.0, GZIP;q=0.5", "deflate,gzip"] {
                let response = try await client.ask(get("/style.css", "Accept-Encoding: \(field)"))
                #expect(response["Content-Encoding"] == "gzip")
                #expect(response["Vary"] == "Accept-Encoding")
                #expect(response.text == "zipped too")
                #expect(response["Content-Type"] == "text/css; charset=utf-8")
                #expect(response["ETag"] != plain["ETag"])
                let tag = response["ETag"] ?? ""
                let again = get("/style.css", "Accept-Encoding: \(field)", "If-None-Match: \(tag)")
                #expect(try await client.ask(again).status == 304)
                #expect(try await client.ask(get("/style.css", "If-None-Match: \(tag)")).status == 200)
            }
            for field in ["identity", "gzip;q=0", "br", "gzip;q=0.0"] {
                let response = try await client.ask(get("/style.css", "Accept-Encoding: \(field)"))
                #expect(response["Content-Encoding"] == nil)
                #expect(response.text == "p{}")
            }
            #expect(try await client.ask(get("/data", "Accept-Encoding: gzip"))["Vary"] == nil)
        }
    }

    @Test("HEAD tells the length and sends nothing; other methods do not reach files")
    func methods() async throws {
        try await withFiles { server in
            let client = try RawClient(port: server.port)
            let response = try await client.ask(message("HEAD", "/style.css"))
            #expect(response.status == 200)
            #expect(response["Content-Length"] == "3")
            #expect(try await client.ask(post("/style.css", "")).status == 404)
        }
    }

    @Test(
        "Nothing outside the folder, and nothing hidden in it, is served",
        arguments: [
            ("/../outside.txt", 400), ("/sub/../../outside.txt", 400), ("/%2e%2e/outside.txt", 400),
            ("/sub/..%2f..%2foutside.txt", 400), ("/..%5coutside.txt", 400), ("/%252e%252e/outside.txt", 404),
            ("//outside.txt", 400), ("/.env", 404), ("/%2eenv", 404), ("/.git/config", 404), ("/sub", 404),
            ("/style.css.gz", 404), ("/style.css%00.html", 400), ("/STYLE.CSS", 404), ("/nothing", 404),
        ])
    func hidden(target: String, status: Int) async throws {
        try await withFiles { server in
            let response = try await server.ask(get(target))
            #expect(response.status == status)
            #expect(!response.text.contains("outside") && !response.text.contains("secret"))
        }
    }

    @Test("A folder that is not there is an error at start-up")
    func missingFolder() {
        #expect(throws: CocoaError.self) { try StaticFiles(folder: URL(filePath: "/nowhere/at/all")) }
    }
}
