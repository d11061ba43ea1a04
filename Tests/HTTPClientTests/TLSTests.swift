import Foundation
import HTTPClient
import TestSupport
import Testing

@Suite("TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    @Test("A server that answers a TLS greeting in plain text is refused")
    func plainText() async throws {
        // Its own line ends let the scripted server take the greeting for a request sooner or later; answering at
        // once needs none, so the answer comes with the connection.
        let server = try ScriptedServer(greeting: "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n") { _ in
            [.close]
        }
        let found = await failure(OutgoingRequest("GET", "https://127.0.0.1:\(server.port)/"))
        #expect(found?.kind == .tls)
    }

    @Test("A certificate that nobody vouches for is refused")
    func selfSigned() async throws {
        let server = try await TLSServer(certifying: "IP:127.0.0.1")
        #expect(await failure(OutgoingRequest("GET", "https://127.0.0.1:\(server.port)/body"))?.kind == .tls)
    }

    @Test("A trusted certificate of another host is refused")
    func otherHost() async throws {
        let server = try await TLSServer(certifying: "DNS:example.org")
        let found = await onLoop { actor in
            let client = HTTPClient(on: actor.loop, trusting: server.certificate)
            do throws(HTTPClientError) {
                _ = try await client.open(OutgoingRequest("GET", "https://127.0.0.1:\(server.port)/body"))
                return HTTPClientError?.none
            } catch {
                return error
            }
        }
        #expect(found?.kind == .tls)
    }

    @Test("A body comes whole from a server that is trusted")
    func trusted() async throws {
        let server = try await TLSServer(certifying: "IP:127.0.0.1")
        try await onLoop { actor in
            let client = HTTPClient(on: actor.loop, trusting: server.certificate)
            for _ in 1...3 {
                let response = try await client.open(OutgoingRequest("GET", "https://127.0.0.1:\(server.port)/body"))
                #expect(response.status == 200)
                #expect(try await response.readAll() == TLSServer.body)
            }
        }
    }
}

/// `openssl s_server` with a certificate of its own making, serving one file; ends with its last owner.
final class TLSServer: Sendable {
    static let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }

    private let folder: URL
    private let process: Process
    let port: Int

    /// The PEM file of the certificate.
    var certificate: String { folder.appending(path: "certificate.pem").path }

    /// `name` is the one subject alternative name, such as `IP:127.0.0.1`.
    init(certifying name: String) async throws {
        folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(Self.body).write(to: folder.appending(path: "body"))
        let certify = try Self.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
                + " -addext subjectAltName=\(name) -keyout key.pem -out certificate.pem", in: folder)
        certify.waitUntilExit()
        let output = Pipe()
        process = try Self.openssl(
            "s_server -accept 127.0.0.1:0 -key key.pem -cert certificate.pem -WWW", in: folder, output)
        port = try #require(Self.port(from: output))
    }

    deinit {
        process.terminate()
        try? FileManager.default.removeItem(at: folder)
    }

    private static func openssl(_ arguments: String, in folder: URL, _ output: Pipe? = nil) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments.split(separator: " ").map(String.init)
        process.currentDirectoryURL = folder
        process.standardInput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardOutput = output ?? FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Reads on to the line that names the port, `ACCEPT 127.0.0.1:40123`.
    private static func port(from output: Pipe) -> Int? {
        var text = ""
        while true {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { return nil }
            text += String(decoding: more, as: UTF8.self)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            if let line = lines.first(where: { $0.hasPrefix("ACCEPT") }) {
                return line.split(separator: ":").last.flatMap { Int($0) }
            }
        }
    }
}
