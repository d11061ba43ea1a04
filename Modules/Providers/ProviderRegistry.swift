public import Configuration

/// The kinds of providers that a process knows.
public struct ProviderRegistry: Sendable {
    private let types: [String: any Provider.Type]

    /// - Parameter types: every plugin, each with a kind of its own; two of one kind are a mistake of the program and
    ///   stop it.
    public init(_ types: [any Provider.Type]) {
        var known: [String: any Provider.Type] = [:]
        for type in types {
            precondition(known[type.kind] == nil, "two providers of kind '\(type.kind)'")
            known[type.kind] = type
        }
        self.types = known
    }

    /// The kinds, in the order of the alphabet.
    public var kinds: [String] { types.keys.sorted() }

    /// Makes the provider that a section describes.
    ///
    /// - Parameters:
    ///   - section: one entry of `providers`; what is wrong in it is reported to it.
    ///   - usual: the kind where the section does not say; `nil` where it must.
    /// - Returns: `nil` when `kind` is absent or unknown, which is reported with the kinds that exist.
    public func provider(_ section: Section, kind usual: String? = nil) -> (any Provider)? {
        let kind =
            usual.map { section.string("kind", default: $0) } ?? section.requiredChoice("kind", among: kinds)
        guard let kind, let type = types[kind] else {
            // Which keys belong here only the missing kind could say.
            section.ignoreUnknownKeys()
            return nil
        }
        return type.init(section)
    }
}
