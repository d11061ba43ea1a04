import Configuration
import Core
import TestSupport
import Testing

@Suite("A secret")
struct SecretTests {
    @Test("is read in place, from a variable, or from a file without its last newlines")
    func sources() throws {
        let folder = try Folder()
        try folder.write("keys/one", "sk-file\r\n\n")
        let text = "a: sk-inline\nb: ${KEY}\nc_file: keys/one\nd: 12345\ne: null\ne_file: keys/one\n"
        let file = try folder.write("main.yaml", text)
        let configuration = try Configuration.load(file: file, environment: ["KEY": "sk-variable"])
        let root = configuration.root
        #expect(root.secret("a")?.reveal() == "sk-inline")
        #expect(root.secret("b")?.reveal() == "sk-variable")
        #expect(root.secret("c")?.reveal() == "sk-file")
        #expect(root.secret("d")?.reveal() == "12345")
        #expect(root.requiredSecret("e")?.reveal() == "sk-file")
        #expect(root.secret("f") == nil)
        try configuration.finish()
        #expect(!configuration.effectiveYAML.contains("sk-"))
        #expect(configuration.effective.filter(\.isSecret).map(\.path) == ["a", "b", "d"])
        #expect(configuration.effective.first { $0.path == "c_file" }?.value == "\(folder.path)/keys/one")
    }

    @Test(
        "that is not there, twice there, empty or unreadable is a problem that shows nothing of it",
        arguments: [
            ("x: 1", ":1:1: k: is missing; expected k or k_file"),
            ("x: 1\nk: null", ":2:4: k: is missing; expected k or k_file"),
            ("x: 1\nk:", ":2:3: k: expected a secret, found nothing"),
            ("x: 1\nk: \"\"", ":2:4: k: expected a secret, found nothing"),
            ("x: 1\nk: ${EMPTY}", ":2:4: k: expected a secret, found nothing"),
            ("x: 1\nk: ${NONE}", ":2:4: k: the environment variable NONE is not set"),
            ("x: 1\nk: [sk-1]", ":2:4: k: expected a secret, found a list"),
            ("x: 1\nk: sk-1\nk_file: full", ":3:9: k_file: expected k or k_file, found both"),
            ("x: 1\nk_file: none", ":2:9: k_file: cannot read 'none': No such file or directory"),
            ("x: 1\nk_file: blank", ":2:9: k_file: the file 'blank' is empty"),
            ("x: 1\nk_file: large", ":2:9: k_file: the file 'large' is larger than 64 KiB or not UTF-8"),
            ("x: 1\nk_file: [a]", ":2:9: k_file: expected the path of a file that holds a secret, found a list"),
            ("x: 1\nh: { A: [sk-1], B: ok }\nk: 1", ":2:9: h.A: expected a single value, found a list"),
            ("x: 1\nh: sk-1\nk: 1", ":2:4: h: expected a mapping of names to single values, found a single value"),
        ])
    func mistakes(text: String, line: String) throws {
        let folder = try Folder()
        try folder.write("full", "sk-1")
        try folder.write("blank", "\n\n")
        try folder.write("large", String(repeating: "x", count: 65_537))
        let file = try folder.write("a.yaml", text)
        let configuration = try Configuration.load(file: file, environment: ["EMPTY": ""])
        _ = configuration.root.requiredSecret("k")
        _ = configuration.root.secrets("h")
        _ = configuration.root.int("x", in: 0...1)
        let found = lines { () throws(ConfigurationReport) in try configuration.finish() }
        #expect(found == [file + line])
        #expect(!found.joined().contains("sk-1"))
        #expect(!configuration.effectiveYAML.contains("sk-1"))
    }

    @Test("may be one of many under names that are none, such as headers")
    func headers() throws {
        let configuration = try Configuration.parse("h: { X-Key: sk-1, Authorization: 'Bearer sk-2' }".utf8)
        let secrets = configuration.root.secrets("h")
        #expect(secrets.map(\.name) == ["X-Key", "Authorization"])
        #expect(secrets.map { $0.value.reveal() } == ["sk-1", "Bearer sk-2"])
        #expect(configuration.effectiveYAML == "h: { X-Key: <secret>, Authorization: <secret> }\n")
        try configuration.finish()
    }

    @Test("under a misspelt key is not shown")
    func misspelt() {
        #expect(
            problems("api_keey: sk-1") { _ = $0.secret("api_key") } == [
                "a.yaml:1:1: api_keey: unknown key; did you mean 'api_key'?"
            ])
    }

    @Test("in a file that changes is read again; what cannot be read changes nothing")
    func changingFile() throws {
        let folder = try Folder()
        try folder.write("token", "first\n")
        let configuration = try Configuration.load(file: folder.write("a.yaml", "t: token"))
        let file = try #require(configuration.root.secretFile("t"))
        #expect(configuration.root.secretFile("u") == nil)
        try configuration.finish()
        #expect(file.secret.reveal() == "first")
        for (content, expected) in [("second", "second"), ("", "second"), ("a\nb", "second"), ("3\r\n", "3")] {
            try folder.write("token", content)
            #expect(file.secret.reveal() == expected)
        }
    }

    @Test(
        "in a file that holds none is a problem",
        arguments: ["", "\n", "a\nb", "\u{7}", String(repeating: "x", count: 65_537)])
    func unusableFile(content: String) throws {
        let folder = try Folder()
        try folder.write("token", content)
        let configuration = try Configuration.load(file: folder.write("a.yaml", "t: token\nu: none"))
        #expect(configuration.root.secretFile("t") == nil)
        #expect(configuration.root.secretFile("u") == nil)
        let found = lines { () throws(ConfigurationReport) in try configuration.finish() }
        #expect(found.count == 2)
        #expect(found.last?.contains("cannot use") == true)
    }
}
