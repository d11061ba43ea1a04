import Arguments
import Testing

@Suite("A command line")
struct ParserTests {
    @Test(
        "is read by the customs of GNU",
        arguments: [
            ("say", "tool say"),
            ("say hello", "tool say text=hello"),
            ("say hello_there", "tool say text=hello there"),
            ("say ''", "tool say text="),
            ("say - ", "tool say text=-"),
            ("say --json hello", "tool say json text=hello"),
            ("say hello --json", "tool say json text=hello"),
            ("say --count 3 hello", "tool say count=3 text=hello"),
            ("say --count=3 hello", "tool say count=3 text=hello"),
            ("say --count -3", "tool say count=-3"),
            ("say --count 2 --count 5", "tool say count=5"),
            ("say --server=http://a/?b=c", "tool say server=http://a/?b=c"),
            ("say --server --json", "tool say server=--json"),
            ("say --kind cold", "tool say kind=cold"),
            ("say --color", "tool say color=true"),
            ("say --no-color", "tool say color=false"),
            ("say --color --no-color", "tool say color=false"),
            ("say --no-color --color", "tool say color=true"),
            ("say -- --json", "tool say text=--json"),
            ("say -- -h", "tool say text=-h"),
            ("say help", "tool say text=help"),
            ("show one 4", "tool show one number=4"),
            ("show one 4 a.yaml", "tool show one number=4 file=a.yaml"),
            ("show one --set a=1 4 --set b=2", "tool show one set=a=1+b=2 number=4"),
            ("show one -- -4", "tool show one number=-4"),
            ("show all --json", "tool show all json"),
            ("--help", "help: Try things."),
            ("-h", "help: Try things."),
            ("help", "help: Try things."),
            ("help say", "help: Say something."),
            ("help show one", "help: Show one."),
            ("show help one", "help: Show one."),
            ("show one --help", "help: Show one."),
            ("show --help one", "help: Show something."),
            ("say --json -h --nonsense", "help: Say something."),
        ])
    func reads(line: String, expected: String) throws {
        #expect(try Tool.reading(line) == expected)
    }

    @Test(
        "that is wrong is answered with what is wrong, and with the nearest name",
        arguments: [
            ("", "tool: expected a command: say, show"),
            ("show", "tool show: expected a command: one, all"),
            ("syo", "tool: unknown command 'syo'"),
            ("sya", "tool: unknown command 'sya'; did you mean 'say'?"),
            ("SHOW", "tool: unknown command 'SHOW'; did you mean 'show'?"),
            ("help shwo", "tool: unknown command 'shwo'; did you mean 'show'?"),
            ("show onee 4", "tool show: unknown command 'onee'; did you mean 'one'?"),
            ("--jsno say", "tool: unknown option '--jsno'"),
            ("say --jsno", "tool say: unknown option '--jsno'; did you mean '--json'?"),
            ("say --cuont=3", "tool say: unknown option '--cuont'; did you mean '--count'?"),
            ("say --no-colour", "tool say: unknown option '--no-colour'; did you mean '--no-color'?"),
            ("say --hepl", "tool say: unknown option '--hepl'; did you mean '--help'?"),
            ("say --zzzzzz", "tool say: unknown option '--zzzzzz'"),
            ("say -j", "tool say: unknown option '-j'"),
            ("say --json=yes", "tool say: --json takes no value"),
            ("say --count", "tool say: --count needs a value: --count N"),
            ("say --count three", "tool say: --count must be a whole number, not 'three'"),
            ("say --count=", "tool say: --count must be a whole number, not ''"),
            ("say --kind wram", "tool say: --kind must be warm or cold, not 'wram'; did you mean 'warm'?"),
            ("say hello there", "tool say: unexpected 'there'; put quotes around text that holds blanks"),
            ("show one", "tool show one: NUMBER is missing; expected a whole number"),
            ("show one x", "tool show one: NUMBER must be a whole number, not 'x'"),
            ("show one 1 2 3", "tool show one: unexpected '3'; put quotes around text that holds blanks"),
        ])
    func refuses(line: String, expected: String) {
        let error = #expect(throws: UsageError.self) { try Tool.reading(line) }
        #expect(error.map { "\($0.command): \($0.message)" } == expected)
        #expect(error.map { "\($0)".hasSuffix("\nTry '\($0.command) --help'.") } == true)
    }

    @Test("takes from the environment what it does not say itself")
    func environment() throws {
        let environment = ["TOOL_SERVER": "http://env", "SERVER": "http://other"]
        #expect(try Tool.reading("say", environment: environment) == "tool say server=http://env")
        #expect(try Tool.reading("say --server=http://line", environment: environment) == "tool say server=http://line")
        #expect(try Tool.reading("say", environment: ["TOOL_SERVER": ""]) == "tool say")
    }

    @Test("gets defaults where neither it nor the environment says anything")
    func fallback() throws {
        guard case .run(_, let arguments, _) = try Tool.program.parse(["say"]) else {
            Issue.record("no command was found")
            return
        }
        #expect(arguments[Tool.count] == 1)
        #expect(arguments[Tool.json] == false)
        #expect(arguments[Tool.color] == nil)
        #expect(arguments[Tool.text] == nil)
    }
}
