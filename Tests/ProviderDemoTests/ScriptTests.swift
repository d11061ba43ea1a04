import Configuration
import Core
import Foundation
import ProviderDemo
import TestSupport
import Testing

@Suite("The scripted clinician", .timeLimit(.minutes(1)))
struct ScriptTests {
    @Test(
        "answers what the last message is about",
        arguments: [
            ("My patient has crushing chest pain, ibuprofen did not help", Stage.chat, "12-lead ECG"),
            (
                "He says he wants to kill himself. He is suicidal, and has chest pain", .chat,
                "Are you, or is the patient, safe"
            ),
            ("sudden weakness of the left arm", .chat, "no aspirin before imaging"),
            ("A bee sting, now the throat is swelling", .chat, "500 µg (0.5 mL)"),
            ("Can she take WARFARIN with ibuprofen?", .chat, "co-trimoxazole"),
            ("ibuprofen for a toddler", .chat, "15 mg/kg"),
            ("HbA1c is 60 on metformin", .chat, "eGFR ≥ 45 mL/min/1.73 m²"),
            ("CURB-65?", .chat, "hospital, intensive care informed"),
            ("190/120 mmHg this morning", .chat, "135/85 mmHg"),
            ("worst headache", .chat, "within a minute"),
            ("日本語でお願いします", .chat, "119番に電話してください"),
            ("hi", .chat, "Hello."),
            ("this is a history of high things", .chat, "I have no prepared answer"),
            ("", .chat, "I have no prepared answer"),
            ("67 year old with chest pain", .initial, "acute coronary syndrome until excluded"),
            ("67 year old with chest pain", .treatmentPlanning, "Glyceryl trinitrate 400 µg"),
            ("tired for weeks", .diagnosis, "No diagnosis can be given from a script"),
            ("tired for weeks", .causalAnalysis, "last four weeks"),
            ("Hello", .onboarding, "What is your role?"),
            ("there is bleeding!", .onboarding, "call the emergency number"),
        ])
    func topics(message: String, stage: Stage, part: String) async throws {
        let answer = try await Rehearsal(message, stage: stage)
        #expect(answer.content.contains(part))
        #expect(answer.error == nil)
    }

    @Test(
        "asks one question a turn while it gets to know the user",
        arguments: [
            (1, "What is your role?"), (2, "Where do you mostly work"), (3, "Which units"),
            (4, "How long should the summary"),
            (5, "That is all"), (6, "open a conversation"),
        ])
    func onboarding(turn: Int, part: String) async throws {
        let turns = (1...turn).flatMap { [Prompt.Message(.assistant, "?"), .init(.user, "answer \($0)")] }
        let answer = try await Rehearsal(Prompt([.init(.system, "s")] + turns, stage: .onboarding))
        #expect(answer.content.contains(part))
    }

    @Test("says first that it is a demonstration, then analyses before it sums up", arguments: Stage.allCases)
    func form(stage: Stage) async throws {
        for message in ["chest pain", "something else"] {
            let answer = try await Rehearsal(message, stage: stage)
            #expect(answer.content.hasPrefix("**Demonstration: a scripted "))
            #expect(answer.content.contains("not medical advice"))
            #expect(answer.deltas.first == .start(model: "demo-clinician"))
            #expect(answer.deltas.last == .finish(.stop))
            let kinds = answer.deltas.compactMap { delta -> Int? in
                switch delta {
                case .reasoning: 0
                case .content: 1
                default: nil
                }
            }
            #expect(kinds == kinds.sorted())
            #expect(kinds.contains(0) && kinds.contains(1))
        }
    }

    @Test("gives the same answer to the same prompt, in words or at once", arguments: 0..<120 as Range<UInt64>)
    func determinism(seed: UInt64) async throws {
        var random = SplitMix(seed: seed)
        let topics = [
            "headache", "chest pain", "warfarin", "hello", "languages", "zzz", "[demo:long 77]", "fever in a child",
        ]
        let message = (0..<3).compactMap { _ in topics.randomElement(using: &random) }.joined(separator: ", ")
        let stage = Stage.allCases.randomElement(using: &random) ?? .chat
        let speed = ["0", "14", "3000"].randomElement(using: &random) ?? "0"
        let first = try await Rehearsal(message, stage: stage, settings: "words_per_second: \(speed)")
        let again = try await Rehearsal(message, stage: stage, settings: "words_per_second: \(speed)")
        #expect(first.deltas == again.deltas, "seed \(seed)")
        let whole = try await Rehearsal(message, stage: stage, streams: false, settings: "words_per_second: \(speed)")
        #expect(whole.pieces.count == 1, "seed \(seed)")
        #expect(whole.content == first.content, "seed \(seed)")
        #expect(whole.reasoning == first.reasoning, "seed \(seed)")
        #expect(whole.deltas.suffix(2) == first.deltas.suffix(2), "seed \(seed)")
        #expect(whole.pauses.reduce(.zero, +) == first.pauses.reduce(.zero, +), "seed \(seed)")
    }

    @Test("reports what is wrong in its settings and its files")
    func mistakes() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "demo-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let chat = """
            notice: n
            answers:
              one: { keywords: [a], content: c, reasoning: r, stages: [caht], colour: red }
              two: { turn: 2, content: c }
              three: { turn: 0, content: c, reasoning: r, keywords: [b] }
            """
        try Data(chat.utf8).write(to: folder.appending(path: "chat.yaml"))
        try Data("notice: n\nanswers: { all: { content: c, reasoning: r } }".utf8).write(
            to: folder.appending(path: "o.yaml"))
        let settings = """
            words_per_second: fast
            misbehave: stal
            scripts: { chat: chat.yaml, onboarding: o.yaml, workflow: none.yaml }
            """
        let file = folder.appending(path: "m.yaml")
        try Data(settings.utf8).write(to: file)
        let configuration = try Configuration.load(file: file.path, environment: [:])
        _ = DemoProvider(configuration.root)
        var found: [String] = []
        do throws(ConfigurationReport) { try configuration.finish() } catch {
            found = error.problems.map { $0.description.replacing(folder.path + "/", with: "") }
        }
        let known = "known here: stages, keywords, turn, reasoning, content"
        #expect(
            found == [
                "chat.yaml:3:3: answers: expected an answer without keywords and turn for the stage chat",
                "chat.yaml:3:60: answers.one.stages: no stage of this file is called 'caht'; did you mean 'chat'?",
                "chat.yaml:3:67: answers.one.colour: unknown key; \(known)",
                "chat.yaml:4:3: answers.two.reasoning: is missing; expected text",
                "chat.yaml:5:18: answers.three.turn: expected a whole number from 1 to 1000, found '0'",
                "m.yaml:1:19: words_per_second: expected a number from 0.0 to 100000.0, found 'fast'",
                "m.yaml:2:12: misbehave: expected one of none, stall, cut, slow, error, found 'stal'; did you mean 'stall'?",
                "none.yaml: cannot read 'none.yaml': No such file or directory",
            ])
    }
}
