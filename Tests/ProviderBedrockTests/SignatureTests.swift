import Core
import Foundation
import HTTPClient
import JSON
import ProviderBedrock
import Providers
import TestSupport
import Testing

@Suite("Signatures", .timeLimit(.minutes(1)))
struct SignatureTests {
    struct Vector: Sendable, CustomStringConvertible {
        var description: String
        var fields: JSONValue

        func text(_ name: String) -> String { fields[name]?.string ?? "" }

        var keys: AccessKeys {
            AccessKeys(
                id: Secret(text("access_key")), secret: Secret(text("secret_key")),
                sessionToken: fields["session_token"]?.string.map(Secret.init))
        }

        var request: OutgoingRequest {
            OutgoingRequest(
                "POST", text("url"), headers: [(name: "Content-Type", value: "application/json")],
                body: Array(text("body").utf8))
        }
    }

    /// Botocore's, where the recordings are, and our own.
    static let vectors: [Vector] = {
        let files = [Reference.fixture("bedrock/signatures.json"), Reference.url("wire/sigv4-vectors.json")]
        do {
            return try files.compactMap(\.self).flatMap { file in
                let vectors = try JSONValue(parsing: Array(Data(contentsOf: file)))["vectors"]?.array ?? []
                return vectors.map { Vector(description: $0["name"]?.string ?? "", fields: $0) }
            }
        } catch {
            Issue.record(error)
            return []
        }
    }()

    @Test("A request is signed as Amazon's own tools sign it", arguments: vectors)
    func vector(_ vector: Vector) throws {
        let signer = RequestSigner(vector.keys, region: vector.text("region"))
        let date = try moment(vector.text("amz_date"))
        let signed = signer.signed(vector.request, at: date)
        let headers = Dictionary(signed.headers.map { ($0.name.lowercased(), $0.value) }) { _, last in last }
        var bare = signed
        bare.headers.removeAll { $0.name == "Authorization" }
        #expect(RequestSigner.canonicalRequest(bare) == vector.text("canonical_request"))
        #expect(signer.stringToSign(for: bare, at: date) == vector.text("string_to_sign"))
        #expect(headers["authorization"] == vector.text("authorization"))
        #expect(headers["x-amz-date"] == vector.text("amz_date"))
        #expect(headers["x-amz-security-token"] == vector.fields["session_token"]?.string)
        #expect(signed.url == vector.text("url"))
        #expect(signed.body == vector.request.body)
    }

    @Test("A provider asks at the URL of a vector, and signs what it asks", arguments: vectors)
    func provider(_ vector: Vector) throws {
        let token = vector.fields["session_token"]?.string.map { "session_token: '\($0)'" } ?? ""
        let credentials = """
            region: \(vector.text("region"))
            access_key_id: \(vector.text("access_key"))
            secret_access_key: \(vector.text("secret_key"))
            \(token)
            """
        let provider = try bedrock(credentials: credentials, model: vector.text("model_id"))
        var prompt = Prompt([.init(.user, "hello")])
        prompt.streams = vector.text("url").hasSuffix("converse-stream")
        var request = provider.request(for: prompt)
        #expect(request.url == vector.text("url"))
        #expect(!request.headers.contains { $0.name == "Authorization" })
        request.body = vector.request.body
        let signed = provider.signed(request, at: try moment(vector.text("amz_date")))
        #expect(signed.headers.first { $0.name == "Authorization" }?.value == vector.text("authorization"))
    }

    static let signer = RequestSigner(AccessKeys(id: Secret("AK"), secret: Secret("hush")), region: "eu-central-1")

    @Test(
        "What is signed is host, path and query as they are sent",
        arguments: [
            ("http://127.0.0.1:8080/v1/model/a%3A0/converse", "127.0.0.1:8080", "/v1/model/a%253A0/converse", ""),
            ("https://h.test:443/x", "h.test", "/x", ""), ("http://h.test:80", "h.test", "/", ""),
            ("http://h.test:443/x?a=b&c", "h.test:443", "/x", "a=b&c"),
            ("https://[::1]:80/~a_b-c.d", "[::1]:80", "/~a_b-c.d", ""),
        ])
    func targets(url: String, host: String, path: String, query: String) {
        let lines = RequestSigner.canonicalRequest(OutgoingRequest("POST", url)).split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[1] == path)
        #expect(lines[2] == query)
        #expect(lines[3] == "host:\(host)")
    }

    @Test("Spaces in a signed value count as one")
    func spaces() {
        let request = OutgoingRequest("POST", "https://h.test/", headers: [(name: "CONTENT-TYPE", value: " a  b\t ")])
        #expect(RequestSigner.canonicalRequest(request).contains("\ncontent-type:a b\n"))
    }

    @Test("A host that the settings name is the one that is signed")
    func ownHost() {
        let request = OutgoingRequest("POST", "https://10.0.0.1/", headers: [(name: "Host", value: "vpce.test")])
        #expect(RequestSigner.canonicalRequest(request).contains("\nhost:vpce.test\n"))
    }

    @Test("A request with an authorization of the settings stays as it is")
    func ownAuthorization() {
        let request = OutgoingRequest("POST", "https://h.test/", headers: [(name: "authorization", value: "mine")])
        #expect(Self.signer.signed(request, at: .now).headers.map(\.name) == ["authorization"])
    }

    @Test("Any change of body, path, date or key changes the signature")
    func everythingCounts() throws {
        let request = OutgoingRequest("POST", "https://h.test/a", body: [1])
        let date = try moment("20240229T235959Z")
        var others = [Self.signer.signed(request, at: date)]
        others.append(Self.signer.signed(request, at: try moment("20240301T000000Z")))
        others.append(Self.signer.signed(OutgoingRequest("POST", "https://h.test/b", body: [1]), at: date))
        others.append(Self.signer.signed(OutgoingRequest("POST", "https://h.test/a", body: [2]), at: date))
        let other = RequestSigner(AccessKeys(id: Secret("AK"), secret: Secret("husk")), region: "eu-central-1")
        others.append(other.signed(request, at: date))
        let signatures = Set(others.compactMap { $0.headers.last?.value.split(separator: "=").last })
        #expect(signatures.count == others.count)
    }

    /// The server signs what it got by the same rules, from the bytes on the wire.
    @Test("What libcurl sends is what was signed, and the date is now", arguments: ["127.0.0.1", "LOCALHOST"])
    func overTheWire(host: String) async throws {
        let seen = Tally()
        let server = try ScriptedServer { request in
            guard let date = request.header("X-Amz-Date"), let moment = try? moment(date),
                let sentHost = request.header("Host"), request.header("X-Amz-Security-Token") == "tok"
            else { return [.close] }
            var copy = OutgoingRequest(
                "POST", "http://\(sentHost)\(request.line.split(separator: " ")[1])",
                headers: [(name: "Content-Type", value: request.header("Content-Type") ?? "")], body: request.body)
            let keys = AccessKeys(id: Secret("AK"), secret: Secret("hush"), sessionToken: Secret("tok"))
            copy = RequestSigner(keys, region: "eu-central-1").signed(copy, at: moment)
            let isNow = abs(moment.milliseconds - Timestamp.now.milliseconds) < 60_000
            if isNow, copy.headers.last?.value == request.header("Authorization") { seen.add() }
            return [.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")]
        }
        let provider = try bedrock(
            "base_url: http://\(host):\(server.port)/v1",
            credentials: "region: eu-central-1\naccess_key_id: AK\nsecret_access_key: hush\nsession_token: tok")
        for _ in 1...2 {
            await onLoop { actor in
                try? await provider.answer(Prompt([.init(.user, "39 °C?")]), on: actor.loop) { _ in }
            }
        }
        #expect(seen.value == 2)
    }
}
