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
