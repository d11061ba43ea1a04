import Configuration
import TestSupport
import Testing

@Suite("A file that includes others")
struct IncludeTests {
    @Test("is laid over them, mapping by mapping")
    func merging() throws {
        let folder = try Folder()
        try folder.write("base/one.yaml", "include: two.yaml\nserver:\n  host: one\n  port: 1\nlist: [a, b]\nonly: 1")
        try folder.write("base/two.yaml", "server: { host: two, limits: { body: 2, url: 2 } }\nreset: 5")
        let file = try folder.write(
            "main.yaml", "include: [base/one.yaml]\nserver:\n  port: 9\n  limits:\n    body: 9\nlist: [c]\nreset:\n")
        let configuration = try Configuration.load(file: file, environment: [:])
        let server = configuration.root.section("server")
        #expect(server.names == ["host", "limits", "port"])
        #expect(server.string("host") == "one")
        #expect(server.int("port", in: 0...9) == 9)
        #expect(server.section("limits").int("body", in: 0...9) == 9)
        #expect(server.section("limits").int("url", in: 0...9) == 2)
        #expect(configuration.root.strings("list") == ["c"])
        #expect(configuration.root.int("only", in: 0...9) == 1)
        #expect(configuration.root.int("reset", in: 0...9, default: 7) == 7)
        try configuration.finish()
    }

    @Test("keeps the place of what it included, in paths and in problems")
    func places() throws {
        let folder = try Folder()
        try folder.write("base/one.yaml", "a: x\nprompt: prompts/chat.md\n")
        let file = try folder.write("main.yaml", "include: ${PART}\nown: chat.md\n")
        let configuration = try Configuration.load(file: file, environment: ["PART": "base/one.yaml"])
        #expect(configuration.root.path("prompt") == "\(folder.path)/base/prompts/chat.md")
        #expect(configuration.root.path("own") == "\(folder.path)/chat.md")
        #expect(configuration.root.path("none", defaultBesideFile: "x/y.md") == "\(folder.path)/x/y.md")
        _ = configuration.root.int("a", in: 0...1)
        let found = lines { () throws(ConfigurationReport) in try configuration.finish() }
        #expect(found == ["\(folder.path)/base/one.yaml:1:4: a: expected a whole number from 0 to 1, found 'x'"])
    }

    @Test(
        "is refused when it cannot be read as a whole",
        arguments: [
            ("include: none.yaml", ":1:10: include: cannot read 'FOLDER/none.yaml': No such file or directory"),
            ("a: 1\ninclude: main.yaml", ":2:10: include: includes itself: main.yaml → main.yaml"),
            ("include: [.]", ":1:11: include: cannot read 'FOLDER/.': Is a directory"),
        ])
    func refusals(text: String, line: String) throws {
        let folder = try Folder()
        let file = try folder.write("main.yaml", text)
        let found = lines { () throws(ConfigurationReport) in _ = try Configuration.load(file: file, environment: [:]) }
        #expect(found.map { $0.replacing(folder.path, with: "FOLDER") } == ["FOLDER/main.yaml" + line])
    }

    @Test("may not include itself through another")
    func ring() throws {
        let folder = try Folder()
        let file = try folder.write("a.yaml", "include: b.yaml")
        try folder.write("b.yaml", "x: 1\ninclude:\n  - ./c.yaml\n")
        try folder.write("c.yaml", "include: a.yaml")
        let found = lines { () throws(ConfigurationReport) in _ = try Configuration.load(file: file, environment: [:]) }
        #expect(found == ["\(folder.path)/./c.yaml:1:10: include: includes itself: a.yaml → b.yaml → c.yaml → a.yaml"])
    }

    @Test("may go 16 files deep and not 17", arguments: [16, 17])
    func depth(files: Int) throws {
        let folder = try Folder()
        for number in 1..<files { try folder.write("\(number).yaml", "include: \(number + 1).yaml") }
        try folder.write("\(files).yaml", "a: 1")
        let found = lines { () throws(ConfigurationReport) in
            _ = try Configuration.load(file: "\(folder.path)/1.yaml", environment: [:])
        }
        let line = "\(folder.path)/16.yaml:1:10: include: files include one another more than 16 deep"
        #expect(found == (files == 16 ? [] : [line]))
    }

    @Test("may not multiply: 64 files in all")
    func count() throws {
        let folder = try Folder()
        for number in 1..<10 {
            try folder.write("\(number).yaml", "include: [\(number + 1).yaml, \(number + 1).yaml]")
        }
        try folder.write("10.yaml", "a: 1")
        let found = lines { () throws(ConfigurationReport) in
            _ = try Configuration.load(file: "\(folder.path)/1.yaml", environment: [:])
        }
        #expect(found.contains { $0.hasSuffix("include: more than 64 files are included") })
        #expect(found.count < 64)
    }

    @Test("says what an include may be", arguments: ["include: {a: 1}", "include: [[a]]", "include:"])
    func shape(text: String) {
        #expect(problems(text).first?.contains(": include: expected a path or a list of paths, found ") == true)
    }

    @Test("that is missing is named with the reason")
    func missing() throws {
        let folder = try Folder()
        let found = lines { () throws(ConfigurationReport) in
            _ = try Configuration.load(file: "\(folder.path)/none.yaml", environment: [:])
        }
        #expect(
            found == ["\(folder.path)/none.yaml: cannot read '\(folder.path)/none.yaml': No such file or directory"])
    }
}

@Suite("A setting from the command line")
struct OverrideTests {
    @Test("is reported in the order of the command line where several are unknown")
    func order() {
        let overrides = (1...9).map { "s\($0).k\($0)=1" }
        let found = problems("", overrides: overrides) { root in for name in root.names { _ = root.section(name) } }
        #expect(found == (1...9).map { "--set: s\($0).k\($0): unknown key" })
    }

    @Test("wins over the file and is read as YAML")
    func values() throws {
        let configuration = try Configuration.parse(
            "server: { port: 1, host: a }".utf8,
            overrides: [
                "server.port=2", "server.port=3", "routes.chat=[a, b]", "new.deep.key=x=y", "server.host=", "e=${E}",
                "p=prompts/x.md", "q=\"1\"",
            ], environment: ["E": "5"])
        let root = configuration.root
        #expect(root.section("server").int("port", in: 0...9) == 3)
        #expect(root.section("server").string("host", default: "default") == "default")
        #expect(root.section("routes").strings("chat") == ["a", "b"])
        #expect(root.section("new").section("deep").string("key") == "x=y")
        #expect(root.int("e", in: 0...9) == 5)
        #expect(root.path("p")?.hasSuffix("/prompts/x.md") == true)
        #expect(root.string("q") == "1")
        try configuration.finish()
    }

    @Test(
        "that is wrong says so without a line",
        arguments: [
            ("port=x", "--set: port: expected a whole number from 0 to 9, found 'x'"),
            ("port=\"1\"", "--set: port: expected a whole number from 0 to 9, found the quoted text '1'"),
            ("prot=1", "--set: prot: unknown key; did you mean 'port'?"),
            ("port", "--set: expected path=value, such as server.port=0, found no '=' after 'port'"),
            ("api_key:sk-1", "--set: expected path=value, such as server.port=0, found no '=' after 'api_key'"),
            ("=1", "--set: expected path=value, such as server.port=0, found the path ''"),
            ("a..b=1", "--set: expected path=value, such as server.port=0, found the path 'a..b'"),
            (
                "port=[1",
                "--set: port: not YAML: did not find expected ',' or ']' while parsing a flow sequence that begins on line 1"
            ),
            ("port.x=1", "--set: port: expected a whole number from 0 to 9, found a mapping"),
            ("port=${NONE}", "--set: port: the environment variable NONE is not set"),
        ])
    func mistakes(override: String, line: String) {
        #expect(problems("", overrides: [override]) { _ = $0.int("port", in: 0...9) } == [line])
    }
}
