import Configuration
import Core
import Foundation
import HTTPClient
import ProviderBedrock
import Providers
import Testing

@Suite("The settings of Bedrock")
struct BedrockSettingsTests {
    static let prompt = Prompt([.init(.user, "Hi")])

    /// How a provider proves who it is: its bearer token, or the key in its signature with the session token.
    static func proof(_ provider: BedrockProvider) -> String {
        let request = provider.signed(provider.request(for: prompt), at: Timestamp(milliseconds: 0))
        func value(_ name: String) -> String? { request.headers.first { $0.name == name }?.value }
        let key = value("Authorization").map { authorization in
            String(authorization.prefix { $0 != "/" }.replacing("AWS4-HMAC-SHA256 Credential=", with: ""))
        }
        return [key, value("X-Amz-Security-Token")].compactMap(\.self).joined(separator: " ")
    }

    static let keys = "access_key_id: A1\nsecret_access_key: s1"
    static let variables = ["AWS_ACCESS_KEY_ID": "A2", "AWS_SECRET_ACCESS_KEY": "s2", "AWS_SESSION_TOKEN": "t2"]

    @Test(
        "Credentials are those of the settings, then of the environment, then of the shared file",
        arguments: [
            ("bearer_token: b1", variables, "Bearer b1"), (keys, variables, "A1"),
            ("\(keys)\nsession_token: t1", [:], "A1 t1"),
            (keys, ["AWS_BEARER_TOKEN_BEDROCK": "b2"], "A1"), ("", ["AWS_BEARER_TOKEN_BEDROCK": "b2"], "Bearer b2"),
            ("", variables.merging(["AWS_BEARER_TOKEN_BEDROCK": "b2"]) { $1 }, "Bearer b2"), ("", variables, "A2 t2"),
            ("", variables.merging(["AWS_SESSION_TOKEN": "", "AWS_BEARER_TOKEN_BEDROCK": ""]) { $1 }, "A2"),
            ("", ["AWS_PROFILE": "ward"], "A4 t4"), ("", [:], "A3"),
            ("", variables.merging(["AWS_PROFILE": "ward"]) { $1 }, "A2 t2"),
        ] as [(String, [String: String], String)])
    func order(settings: String, environment: [String: String], proof: String) throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "credentials-\(UUID().uuidString)")
        try Self.shared.write(to: file, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: file) }
        var environment = environment
        environment["AWS_SHARED_CREDENTIALS_FILE"] = file.path
        let provider = try bedrock(credentials: "region: eu-central-1\n\(settings)", environment: environment)
        #expect(Self.proof(provider) == proof)
    }

    static let shared = """
        # Keys of tests
        [default]
        aws_access_key_id = A3
        aws_secret_access_key=s3
        region = nowhere-1

        ; another
        [ ward ]
        AWS_ACCESS_KEY_ID= A4
        aws_secret_access_key = s4#=;x
        aws_session_token = t4
          aws_access_key_id = A9
        [half]
        aws_access_key_id = A5
        aws_secret_access_key =
        """

    @Test("The shared file lies in the home folder unless a variable says where")
    func home() throws {
        let home = FileManager.default.temporaryDirectory.appending(path: "home-\(UUID().uuidString)")
        let folder = home.appending(path: ".aws")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: home) }
        try Data(Self.shared.replacing("\n", with: "\r\n").utf8).write(to: folder.appending(path: "credentials"))
        let provider = try bedrock(credentials: "region: eu-central-1", environment: ["HOME": home.path])
        #expect(Self.proof(provider) == "A3")
        let report = problems(
            "region: eu-central-1", environment: ["HOME": home.path, "AWS_PROFILE": "half"])
        #expect(report.contains("no credentials") && report.contains("a profile 'half'"))
    }

    @Test("Each secret may stand in a file of its own")
    func files() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "secrets-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var lines = "region: eu-central-1\n"
        for key in ["access_key_id", "secret_access_key", "session_token", "bearer_token"] {
            let file = folder.appending(path: key)
            try "\(key.first ?? "x")1\n".write(to: file, atomically: true, encoding: .utf8)
            if key != "bearer_token" { lines += "\(key)_file: \(file.path)\n" }
        }
        #expect(Self.proof(try bedrock(credentials: lines)) == "a1 s1")
        let bearer = "region: eu-central-1\nbearer_token_file: \(folder.path)/bearer_token"
        #expect(Self.proof(try bedrock(credentials: bearer)) == "Bearer b1")
    }

    @Test(
        "The region comes from the settings or the environment",
        arguments: [
            ("region: us-west-2", ["AWS_REGION": "eu-west-1"], "us-west-2"),
            ("", ["AWS_REGION": "eu-west-1"], "eu-west-1"),
            ("", ["AWS_DEFAULT_REGION": "eu-west-3"], "eu-west-3"),
            ("", ["AWS_DEFAULT_REGION": "eu-west-3", "AWS_REGION": "eu-west-1"], "eu-west-1"),
        ] as [(String, [String: String], String)])
    func region(settings: String, environment: [String: String], region: String) throws {
        let provider = try bedrock(credentials: "\(settings)\n\(Self.keys)", environment: environment)
        let request = provider.signed(provider.request(for: Self.prompt), at: .now)
        #expect(request.url.hasPrefix("https://bedrock-runtime.\(region).amazonaws.com/"))
        #expect(request.headers.last?.value.contains("/\(region)/bedrock/aws4_request") == true)
    }

    @Test("With a bearer token and a base URL no region is needed")
    func noRegion() throws {
        let provider = try bedrock("base_url: http://h.test", credentials: "bearer_token: b1")
        #expect(provider.request(for: Self.prompt).url.hasPrefix("http://h.test/model/"))
    }

    @Test(
        "What is wrong is told",
        arguments: [
            ("bearer_token: b", "main.region: is missing"),
            ("\(keys)\nbase_url: http://h.test", "main.region: is missing"),
            ("region: eu-central-1", "no credentials"), ("region: a/b\nbearer_token: b", "expected a region"),
            ("region: ''\nbearer_token: b", "expected a region"), ("region: -a\nbearer_token: b", "expected a region"),
            ("region: r1\naccess_key_id: a", "main.secret_access_key: is missing"),
            ("region: r1\nsecret_access_key: a", "main.access_key_id: is missing"),
            ("region: r1\nsession_token: a", "main.access_key_id: is missing"),
            ("region: r1\nbearer_token: b\n\(keys)", "found both"),
            ("region: r1\nbearer_token: b\nbearer_token_file: /x", "found both"),
            ("region: r1\n\(keys)\nsession_token: 'a b'", "the session token has characters"),
            ("region: r1\nbearer_token: 'ü'", "the bearer token has characters"),
            ("region: r1\nbearer_token: b\napi_key: x", "main.api_key: unknown key"),
            ("region: r1\nbearer_token: b\nparameters: { seed: 1 }", "main.parameters.seed: Converse has none"),
            ("region: r1\nbearer_token: b\nguardrail: { version: 1 }", "main.guardrail.identifier: is missing"),
            ("region: r1\nbearer_token: b\nguardrail: { identifier: x, version: 1, stream_mode: no }", "sync or async"),
        ])
    func mistakes(settings: String, message: String) {
        let report = problems(settings)
        #expect(report.contains(message), "\(report)")
    }

    @Test("Half of a pair in the environment is told too")
    func halfAPair() {
        let report = problems("region: r1", environment: ["AWS_ACCESS_KEY_ID": "hush"])
        #expect(report.contains("not AWS_SECRET_ACCESS_KEY"), "\(report)")
        #expect(!report.contains("hush"))
    }

    @Test("No secret is in a report, in the settings as they are shown, or in the provider's own description")
    func noSecrets() throws {
        let secrets = "access_key_id: 'hush 1'\nsecret_access_key: hush2\nsession_token: hush3ü"
        #expect(!problems("region: r1\n\(secrets)").contains("hush"))
        #expect(!problems("region: r1\nbearer_token: hush\n\(secrets)").contains("hush"))
        let yaml = "main:\n  model: m\n  region: r1\n  access_key_id: hush1\n  secret_access_key: hush2\n"
        let configuration = try Configuration.parse((yaml + "  session_token: hush3\n").utf8)
        let provider = BedrockProvider(configuration.root.section("main"))
        try configuration.finish()
        var dumped = ""
        dump(provider, to: &dumped)
        let shown = configuration.effectiveYAML + String(reflecting: provider) + dumped
        #expect(!shown.contains("hush"))
    }
}
