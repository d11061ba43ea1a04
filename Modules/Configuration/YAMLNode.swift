/// A piece of a YAML document and where it stands.
package struct YAMLNode: Sendable, Hashable {
    package var location: Location
    package var content: Content

    package init(_ content: Content, at location: Location) {
        self.content = content
        self.location = location
    }

    package enum Content: Sendable, Hashable {
        case scalar(Scalar)
        case sequence([YAMLNode])
        /// In the order of the file; no key occurs twice.
        case mapping([Entry])
        /// Something was wrong here and has been reported: whoever asks gets the default, without a second report.
        case unusable
    }

    package struct Scalar: Sendable, Hashable {
        package var text: String
        /// Whether it stood without quotes, and so may be a number, a truth value or null.
        package var isPlain: Bool
        /// The text before variables were filled in, when there were any.
        package var template: String?

        package init(_ text: String, isPlain: Bool = true, template: String? = nil) {
            self.text = text
            self.isPlain = isPlain
            self.template = template
        }

        /// Whether the file says that there is no value: nothing at all, `~` or `null`.
        package var isNull: Bool { isPlain && template == nil && ["", "~", "null", "Null", "NULL"].contains(text) }
    }

    package struct Entry: Sendable, Hashable {
        package var key: String
        /// Of the key; the value has its own.
        package var location: Location
        package var value: YAMLNode

        package init(_ key: String, at location: Location, _ value: YAMLNode) {
            self.key = key
            self.location = location
            self.value = value
        }
    }

    package var isNull: Bool {
        guard case .scalar(let scalar) = content else { return false }
        return scalar.isNull
    }

    /// What it is, for a message; the text itself only when it stood in the file as it is.
    var found: String {
        switch content {
        case .scalar(let scalar) where scalar.isNull: "nothing"
        case .scalar(let scalar):
            if let template = scalar.template {
                "the value of '\(shown(template))'"
            } else {
                "\(scalar.isPlain ? "" : "the quoted text ")'\(shown(scalar.text))'"
            }
        default: kind
        }
    }

    /// What it is, without its text.
    var kind: String {
        switch content {
        case .scalar(let scalar): scalar.isNull ? "nothing" : "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .unusable: "nothing usable"
        }
    }

    /// This node with `other` laid over it: mappings are merged key by key, anything else is replaced.
    ///
    /// Keys keep their place; new ones follow in the order of `other`. Every part keeps its own location.
    package func merged(with other: YAMLNode) -> YAMLNode {
        guard case .mapping(var entries) = content, case .mapping(let others) = other.content else { return other }
        let places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.key, $0) })
        for entry in others {
            if let place = places[entry.key] {
                entries[place] = Entry(entry.key, at: entry.location, entries[place].value.merged(with: entry.value))
            } else {
                entries.append(entry)
            }
        }
        return YAMLNode(.mapping(entries), at: other.location)
    }
}
