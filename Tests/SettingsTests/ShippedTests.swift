import Chat
import Configuration
import Core
import Foundation
import Providers
import Settings
import TestSupport
import Testing

@Suite("The shipped settings")
struct ShippedTests {
    static let shipped = (try? Shipped()) ?? .init(lines: [], keys: [])
    static let leaves = shipped.keys.filter(\.isLeaf)
    /// Names that the operator chooses, in place of which others may stand.
    static let chosen = ["providers.demo"]
    /// What has no default: these files are named, or there are none.
    static let withoutDefault = ["server.static_directory", "chat.prompts.chat", "chat.prompts.onboarding"]

    @Test("are found, with all their keys")
    func found() {
        #expect(Self.leaves.count > 40)
        #expect(Set(Self.leaves.map(\.path)).count == Self.leaves.count)
    }

    @Test(
        "have every key read: spelt otherwise, each is reported on its line with the name that was meant",
        arguments: leaves)
    func renamed(key: Shipped.Key) throws {
        let report = problems(Self.shipped.renaming(key, to: "\(key.name)x"))
        let unknown = report.first { $0.location.line == key.line + 1 }
        if key.path == "providers.demo.kind" {
            #expect(report.count == 1)
            #expect(report.first?.message.hasPrefix("is missing; expected one of anthropic, ") == true)
        } else {
            let problem = try #require(unknown, "\(report)")
            #expect(problem.path == "\(key.path)x")
            // Any name may be a route's.
            #expect(problem.message.hasPrefix(key.section == "routes" ? "is no kind of conversation" : "unknown key"))
            #expect(problem.suggestion == String(key.name))
        }
    }

    @Test("have every section read", arguments: shipped.keys.filter { !$0.isLeaf && !chosen.contains($0.path) })
    func renamedSection(key: Shipped.Key) {
        let report = problems(Self.shipped.renaming(key, to: "\(key.name)x"))
        #expect(report.contains { $0.path == "\(key.path)x" && $0.message.hasPrefix("unknown key") }, "\(report)")
    }

    @Test("name every key that is read")
    func complete() throws {
        let all = try read(Self.shipped.lines.joined(separator: "\n")).all
        #expect(Set(all.map(\.path)).subtracting(Self.leaves.map(\.path)) == [])
        // A mapping of free names is asked for by name: there is nothing to ask in an empty one.
        #expect(Set(Self.leaves.map(\.path)).subtracting(all.map(\.path)) == ["flags.streaming.segments", "prices"])
        for setting in all where setting.value != "null" {
            #expect(setting.origin != nil, "\(setting.path) is a default")
        }
    }

    @Test("stand at their defaults")
    func defaults() throws {
        let written = try read(Self.shipped.lines.joined(separator: "\n")).all
        let usual = try read("").all.reduce(into: [:]) { $0[$1.path] = $1.value }
        for setting in written where !Self.withoutDefault.contains(setting.path) {
            #expect(usual[setting.path] == setting.value, "\(setting.path)")
        }
        for path in Self.withoutDefault { #expect(usual[path] == "null") }
    }

    @Test("are explained: every key by itself, or with its section or its neighbours")
    func commented() {
        let explained = Self.shipped.keys.filter { !$0.comment.isEmpty }
        for key in Self.leaves {
            let above = key.line > 0 ? Self.shipped.lines[key.line - 1] : ""
            let isExplained = explained.contains {
                $0.path == key.path || $0.section == key.section || $0.path == key.section
            }
            // A section that stands under a line of comment is explained by that.
            let section = Self.shipped.keys.first { $0.path == key.section }
            let isTitled = section.map { $0.line > 0 && Self.shipped.lines[$0.line - 1].hasPrefix("#") } ?? false
            #expect(isExplained || isTitled || above.hasPrefix("#") || Self.speaks.contains(key.path), "\(key.path)")
        }
    }

    /// Keys that say by their names alone what they are.
    static let speaks = ["server.host"]
}

extension Shipped {
    init(lines: [String], keys: [Key]) {
        self.lines = lines
        self.keys = keys
    }
}

@Suite("A file that names little")
struct SparseTests {
    /// A value that differs from the default, for each key.
    static func other(_ value: String) -> String? {
        switch value {
        case "true": return "false"
        case "false": return "true"
        case "auto": return "3"
        case "info": return "debug"
        case "finish": return "cancel"
        case "tokens": return "characters"
        case "none": return "slow"
        case "127.0.0.1": return "127.0.0.2"
        case "demo-clinician": return "another"
        case "development", "demo": return nil
        default: break
        }
        if let match = value.wholeMatch(of: /([0-9]+)([A-Za-z]*)/), let number = Int(match.1) {
            // Down, as many are at their upper bound; and up where there is no less.
            return number == 0 ? "7\(match.2)" : "\(max(number - 1, 1) == number ? 2 : number - 1)\(match.2)"
        }
        return nil
    }

    /// All that settings hold, in any order.
    static func held(_ settings: Settings) -> [Substring] {
        var text = ""
        dump(settings, to: &text)
        return text.split(separator: "\n").sorted()
    }

    @Test("nothing at all works, with the demo answering")
    func nothing() throws {
        let settings = try read("").settings
        #expect(settings.providers.keys.sorted() == ["demo"])
        #expect(settings.routes.mapValues(\.providers) == ["chat": ["demo"], "onboarding": ["demo"]])
        #expect(settings.staticDirectory == nil)
    }

    @Test("one key alone works, and changes that setting alone", arguments: ShippedTests.leaves)
    func one(key: Shipped.Key) throws {
        let before = try read("").all.reduce(into: [:]) { $0[$1.path] = $1.value }
        guard let value = before[key.path].flatMap(Self.other) else { return }
        let names = key.path.split(separator: ".")
        var text = names.enumerated().map { String(repeating: "  ", count: $0.offset) + "\($0.element):\n" }.joined()
        text = text.dropLast() + " \(value)\n"
        // A provider that is named says of which kind it is.
        if names.first == "providers" { text = text.replacing("  demo:\n", with: "  demo:\n    kind: demo\n") }
        let (settings, all) = try read(text)
        let after = all.reduce(into: [:]) { $0[$1.path] = $1.value }
        #expect(after[key.path] != before[key.path], "\(value)")
        #expect(Self.held(settings) != Self.held(try read("").settings), "\(value) was read, and is nowhere")
        for (path, value) in before where path != key.path { #expect(after[path] == value, "\(path)") }
    }

    @Test("a route that is not given leads to the only provider")
    func only() throws {
        let one = try read(
            "providers: { local: { kind: openai_compatible, model: m, base_url: \"http://127.0.0.1:1/v1\" } }")
        #expect(one.settings.routes.mapValues(\.providers) == ["chat": ["local"], "onboarding": ["local"]])
        let two = problems("providers: { a: { kind: demo }, b: { kind: demo } }")
        #expect(two.map(\.path) == ["routes.chat", "routes.onboarding"])
    }

    @Test(
        "a route whose name is nearly that of a conversation without one is a slip, told once with what was meant",
        arguments: [("chatx", "chat"), ("caht", "chat"), ("Chat", "chat"), ("onbording", "onboarding")])
    func misspeltRoute(name: String, meant: String) {
        for providers in ["a: { kind: demo }", "a: { kind: demo }, b: { kind: demo }"] {
            let other = meant == "chat" ? "onboarding" : "chat"
            let report = problems("providers: { \(providers) }\nroutes: { \(name): [a], \(other): [a] }")
            #expect(report.map(\.path) == ["routes.\(name)"])
            #expect(report.first?.suggestion == meant)
        }
    }

    @Test("a route of any other name is another route, and so is one like a conversation that has its own")
    func otherRoutes() throws {
        let like = try read("routes: { chat: [demo], chat2: [demo] }")
        #expect(like.settings.routes.keys.sorted() == ["chat", "chat2", "onboarding"])
        let other = try read("routes: { fast: [demo] }")
        #expect(other.settings.routes.keys.sorted() == ["chat", "fast", "onboarding"])
    }

    @Test("a provider that is wrong is the one problem, not the routes to it too")
    func wrongProvider() {
        let report = problems("providers: { a: { kind: dmeo } }\nroutes: { chat: [a], onboarding: [a] }")
        #expect(report.map(\.path) == ["providers.a.kind"])
        #expect(report.first?.suggestion == "demo")
    }
}
