import Testing

/// A configuration that is wrong in one way.
struct BadConfiguration: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// Files by name; `main.yaml` is the one that is loaded.
    var files: [String: String]
    var set: [String] = []
    /// Each stands in the report; `%` is the folder of the files.
    var report: [String]

    init(_ name: String, _ text: String, set: [String] = [], files: [String: String] = [:], says report: String...) {
        testDescription = name
        self.files = files.merging(["main.yaml": text]) { $1 }
        self.set = set
        self.report = report
    }

    /// An entry of `providers` that would be right with a key.
    private static let model = "kind: openai_compatible, model: m, base_url: \"http://127.0.0.1:1/v1\""

    static let all: [BadConfiguration] = [
        .init(
            "an unknown key", "server:\n  prot: 8080\n",
            says: "%/main.yaml:2:3: server.prot: unknown key; did you mean 'port'?"),
        .init(
            "an unknown section", "sterver:\n  port: 1\n",
            says: "%/main.yaml:1:1: sterver: unknown key; did you mean 'server'?"),
        .init(
            "a value of the wrong type", "server:\n  max_connections: many\n",
            says: "%/main.yaml:2:20: server.max_connections: expected a whole number", "found 'many'"),
        .init(
            "a list where a mapping belongs", "logs: [debug]\n",
            says: "%/main.yaml:1:7: logs: expected a mapping, found a list"),
        .init(
            "a secret from a variable that is not set", "providers:\n  m: { \(model), api_key: \"${ABSENT_KEY}\" }\n",
            says: "%/main.yaml:2:", "providers.m.api_key: ", "ABSENT_KEY"),
        .init(
            "a secret from a file that is not there",
            "providers:\n  m: { \(model), api_key_file: keys/absent }\n",
            says: "%/main.yaml:2:", "providers.m.api_key_file: cannot read 'keys/absent'"),
        .init(
            "a secret given twice", "providers:\n  m: { \(model), api_key: a, api_key_file: b }\n",
            says: "%/main.yaml:2:", "expected api_key or api_key_file, found both"),
        .init(
            "a route to nowhere",
            "providers:\n  main: { kind: demo }\nroutes:\n  chat: [mian]\n  onboarding: main\n",
            says: "%/main.yaml:4:10: routes.chat: no provider is called 'mian'; did you mean 'main'?"),
        .init(
            "a route whose name is misspelt", "routes:\n  chatx: [demo]\n",
            says: "%/main.yaml:2:10: routes.chatx: is no kind of conversation", "did you mean 'chat'?"),
        .init(
            "a provider of unknown kind", "providers:\n  main: { kind: opnai }\n",
            says: "%/main.yaml:2:17: providers.main.kind: expected one of anthropic, ",
            "openai_compatible, found 'opnai'",
            "did you mean 'openai'?"),
        .init(
            "a provider without what it needs", "providers:\n  main: { kind: openai, model: m }\n",
            says: "%/main.yaml:2:", "providers.main.api_key: is missing"),
        .init(
            "a time without its unit", "streaming:\n  idle_timeout: 30\n",
            says: "%/main.yaml:2:17: streaming.idle_timeout: expected a time from 10ms to 1d", "found '30'"),
        .init(
            "a size of an unknown unit", "server:\n  limits:\n    body: 1 megabyte\n",
            says: "%/main.yaml:3:11: server.limits.body: expected a size in bytes", "found '1 megabyte'"),
        .init(
            "an include that is not there", "include: absent.yaml\n",
            says: "%/main.yaml:1:10: include: cannot read '%/absent.yaml'"),
        .init(
            "files that include each other", "include: other.yaml\n", files: ["other.yaml": "include: main.yaml\n"],
            says: "%/other.yaml:1:10: include: includes itself: main.yaml → other.yaml → main.yaml"),
        .init(
            "a mistake in an included file", "include: other.yaml\n", files: ["other.yaml": "logs:\n  level: loud\n"],
            says: "%/other.yaml:2:10: logs.level: expected one of debug, info, warning, error, found 'loud'"),
        .init(
            "a tab that indents", "server:\n\tport: 8080\n", says: "%/main.yaml:2:1: ", "a tab cannot indent"),
        .init(
            "a key that stands twice", "server:\n  port: 1\n  port: 2\n",
            says: "%/main.yaml:3:3: the key 'port' stands already on line 2"),
        .init(
            "a port out of range", "server:\n  port: 70000\n",
            says: "%/main.yaml:2:9: server.port: expected a whole number from 0 to 65535, found '70000'"),
        .init(
            "everyone let in from everywhere", "server:\n  host: 0.0.0.0\n",
            says: "%/main.yaml:2:9: server.host: '0.0.0.0' is not a loopback address", "auth.mode: development"),
        .init(
            "an empty path", "server:\n  static_directory: \"\"\n",
            says: "%/main.yaml:2:21: server.static_directory: expected a path, found"),
        .init(
            "a folder that is not there", "server:\n  static_directory: absent\n",
            says: "%/main.yaml:2:21: server.static_directory: '%/absent' is not a folder that can be read"),
        .init(
            "a prompt that is not there", "chat:\n  prompts:\n    chat: absent.md\n",
            says: "%/main.yaml:3:11: chat.prompts.chat: '%/absent.md' is not a readable UTF-8 file"),
        .init(
            "chunks of at least more than at most",
            "streaming:\n  chunk:\n    min_characters: 20\n    max_characters: 10\n",
            says: "%/main.yaml:3:21: streaming.chunk.min_characters: 20 is more than max_characters, which is 10"),
        .init(
            "a limit below zero", "chat:\n  max_message_characters: -1\n",
            says: "%/main.yaml:2:27: chat.max_message_characters: expected a whole number from 1 to 1000000, found '-1'"
        ),
        .init("a text that is no YAML", "server: [1, 2\nchat: }\n", says: "%/main.yaml:2:"),
        .init(
            "a list as the whole file", "- server\n- chat\n",
            says: "%/main.yaml:1:1: expected a mapping of settings, found a list"),
        .init(
            "a setting of the command line without value", "", set: ["server.port"],
            says: "--set: expected path=value, such as server.port=0, found no '=' after 'server.port'"),
        .init(
            "an unknown setting of the command line", "", set: ["server.hots=127.0.0.1"],
            says: "--set: server.hots: unknown key; did you mean 'host'?"),
        .init(
            "a flag for more than everyone", "flags:\n  streaming:\n    percent: 101\n",
            says: "%/main.yaml:3:14: flags.streaming.percent: expected a whole number from 0 to 100, found '101'"),
        .init(
            "an anchor", "server: &a\n  port: 1\n", says: "%/main.yaml:1:9: ", "anchors"),
    ]
}
