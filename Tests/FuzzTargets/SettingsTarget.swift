import Configuration

/// A file is read the same way twice, mistakes stand inside it, and what is shown as in force loads to the same again.
enum SettingsTarget {
    static func run(_ input: [UInt8]) throws(Breach) {
        let first = outcome(input)
        guard first == outcome(input) else { throw Breach("the second reading differs from the first") }
        guard case .settings(let settings, let shown) = first else { return try check(first, input) }
        guard case .settings(let again, _) = outcome(Array(shown.utf8)) else {
            throw Breach("what is shown as in force does not load:\n\(shown)")
        }
        guard again == settings else { throw Breach("what is shown as in force loads to something else:\n\(shown)") }
    }

    private enum Outcome: Equatable {
        case settings([String], shown: String)
        case refused([ConfigurationReport.Problem])
    }

    private static func check(_ outcome: Outcome, _ input: [UInt8]) throws(Breach) {
        guard case .refused(let problems) = outcome else { return }
        guard !problems.isEmpty else { throw Breach("refused without a reason") }
        // YAML 1.1 breaks lines at NEL, LS and PS too, and a mistake at the end of the text stands in the line after it.
        let lines = 2 + input.count { [0x0A, 0x0D, 0x85, 0xA8, 0xA9].contains($0) }
        for problem in problems where problem.location.line > lines {
            throw Breach("a mistake stands in line \(problem.location.line) of at most \(lines)")
        }
    }

    private static func outcome(_ input: [UInt8]) -> Outcome {
        do throws(ConfigurationReport) {
            let configuration = try Configuration.parse(
                input, file: "folder/settings.yaml", environment: ["HOME": "home"])
            read(configuration.root)
            try configuration.finish()
            return .settings(
                configuration.effective.map { "\($0.path)=\($0.value)" }, shown: configuration.effectiveYAML)
        } catch {
            return .refused(error.problems)
        }
    }

    /// Asks for every key there is, as one kind of value or another.
    private static func read(_ section: Section) {
        for name in section.names {
            switch name.utf8.first.map({ $0 % 9 }) {
            case 0: read(section.section(name))
            case 1: _ = section.string(name)
            case 2: _ = section.int(name, in: -1_000...1_000, default: 0)
            case 3: _ = section.duration(name, default: .zero)
            case 4: _ = section.bytes(name, default: 0)
            case 5: _ = section.bool(name)
            case 6: _ = section.strings(name)
            case 7: _ = section.double(name, in: 0...1)
            default: _ = section.json(name)
            }
        }
    }
}
