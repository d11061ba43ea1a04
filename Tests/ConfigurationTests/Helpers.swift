import Configuration

/// The lines of the report that reading `text` ends in, without the count; empty when nothing is wrong.
func problems(
    _ text: String, overrides: [String] = [], environment: [String: String] = [:], read: (Section) -> Void = { _ in }
) -> [String] {
    lines { () throws(ConfigurationReport) in
        let configuration = try Configuration.parse(
            text.utf8, file: "a.yaml", overrides: overrides, environment: environment)
        read(configuration.root)
        try configuration.finish()
    }
}

func lines(_ body: () throws(ConfigurationReport) -> Void) -> [String] {
    do throws(ConfigurationReport) {
        try body()
        return []
    } catch {
        return error.problems.map(\.description)
    }
}
