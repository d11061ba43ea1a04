import Configuration
public import Core

/// Which users see which features.
public struct FeatureFlags: Sendable {
    /// Who sees one feature.
    public struct Flag: Sendable, Hashable {
        public var isEnabled = true
        /// Of the users without a segment, 0 to 100.
        public var percent = 100
        /// By the name of a segment, which wins over ``percent``.
        public var segments: [String: Int] = [:]

        public init() {}

        /// Whether a user sees the feature: the same user always gets the same answer.
        ///
        /// The flag's name counts as well, so that two flags at 10 % do not always hit the same users; `segment` is what
        /// group the user belongs to, if any.
        public func includes(_ user: UserID, name: String, segment: String? = nil) -> Bool {
            guard isEnabled else { return false }
            let share = segment.flatMap { segments[$0] } ?? percent
            return FeatureFlags.bucket(of: user, name) < share
        }
    }

    /// Answers are streamed; without it clients use the batch twins.
    public var streaming = Flag()

    public init() {}

    init(_ section: Section) {
        streaming = Self.flag(section.section("streaming"))
    }

    private static func flag(_ section: Section) -> Flag {
        var flag = Flag()
        flag.isEnabled = section.bool("enabled", default: flag.isEnabled)
        flag.percent = section.int("percent", in: 0...100, default: flag.percent)
        let segments = section.section("segments")
        for name in segments.names { flag.segments[name] = segments.int(name, in: 0...100, default: 0) }
        return flag
    }

    /// The flags as they are for one user.
    public func resolved(for user: UserID, segment: String? = nil) -> [String: Bool] {
        ["streaming": streaming.includes(user, name: "streaming", segment: segment)]
    }

    /// A number from 0 to 99 that depends on the user and the flag alone (FNV-1a).
    private static func bucket(of user: UserID, _ name: String) -> Int {
        let hash = (name + ":" + user.text).utf8.reduce(UInt64(0xCBF2_9CE4_8422_2325)) {
            ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3
        }
        return Int(hash % 100)
    }
}
