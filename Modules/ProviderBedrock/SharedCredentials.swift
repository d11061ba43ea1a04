internal import Core

/// The file that Amazon's own tools keep keys in (AWS SDKs and Tools reference guide, "Shared config and credentials
/// files"): profiles in brackets, each followed by lines `key = value`.
enum SharedCredentials {
    /// The keys of a profile; `nil` where it is not there or lacks one of the two.
    static func profile(_ name: String, in text: Secret) -> AccessKeys? {
        var values: [String: String] = [:]
        var isInProfile = false
        for line in text.reveal().split(whereSeparator: \.isNewline) {
            // An indented line belongs to the one before it, and no key of ours has such.
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
            if first == "[" {
                isInProfile = trimmed(line.dropFirst().prefix { $0 != "]" }) == name
            } else if isInProfile, let equals = line.firstIndex(of: "=") {
                values[trimmed(line[..<equals]).lowercased()] = trimmed(line[line.index(after: equals)...])
            }
        }
        let secrets = values.filter { !$0.value.isEmpty }.mapValues { Secret($0) }
        guard let id = secrets["aws_access_key_id"], let secret = secrets["aws_secret_access_key"] else { return nil }
        return AccessKeys(id: id, secret: secret, sessionToken: secrets["aws_session_token"])
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        let start = text.drop(while: \.isWhitespace)
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(start[...last])
    }
}
