internal import Configuration
package import Core

/// What proves to Amazon who asks.
enum Credentials: Sendable {
    /// An API key of Bedrock's, sent as it is.
    case bearer(Secret)
    /// Keys that each request is signed with.
    case keys(AccessKeys)
}

/// Keys of an account or, with a session token, of a role that is taken on for a time.
package struct AccessKeys: Sendable {
    package var id: Secret
    package var secret: Secret
    package var sessionToken: Secret?

    package init(id: Secret, secret: Secret, sessionToken: Secret? = nil) {
        self.id = id
        self.secret = secret
        self.sessionToken = sessionToken
    }
}

extension Credentials {
    /// Finds credentials where Amazon's own tools do, in their order: the settings, the environment, the shared
    /// credentials file.
    ///
    /// - Parameters:
    ///   - settings: the provider's; what is missing or half given is reported to it.
    ///   - bearer: what it has under `bearer_token`, read already.
    init?(_ settings: Section, bearer: Secret?) {
        let (id, secret) = (settings.secret("access_key_id"), settings.secret("secret_access_key"))
        let token = settings.secret("session_token")
        let given = ["access_key_id", "secret_access_key", "session_token"].filter(settings.hasSecret)
        if settings.hasSecret("bearer_token") {
            if !given.isEmpty { settings.fail("bearer_token", "expected this or \(given[0]), found both") }
            guard let bearer else { return nil }
            self = .bearer(bearer)
        } else if !given.isEmpty {
            for key in ["access_key_id", "secret_access_key"] where !settings.hasSecret(key) {
                settings.fail(key, "is missing; \(given[0]) is of no use without it")
            }
            guard let id, let secret else { return nil }
            self = .keys(AccessKeys(id: id, secret: secret, sessionToken: token))
        } else {
            guard let found = Self.inEnvironment(settings) ?? Self.inSharedFile(settings) else { return nil }
            self = found
        }
        checkCharacters(settings)
    }

    private static func inEnvironment(_ settings: Section) -> Credentials? {
        if let bearer = settings.variable("AWS_BEARER_TOKEN_BEDROCK") { return .bearer(Secret(bearer)) }
        let (id, secret) = (settings.variable("AWS_ACCESS_KEY_ID"), settings.variable("AWS_SECRET_ACCESS_KEY"))
        guard let id, let secret else {
            if id != nil || secret != nil {
                let missing = id == nil ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY"
                settings.fail("the environment has one of Amazon's keys, but not \(missing)")
            }
            return nil
        }
        let token = settings.variable("AWS_SESSION_TOKEN").map(Secret.init)
        return .keys(AccessKeys(id: Secret(id), secret: Secret(secret), sessionToken: token))
    }

    private static func inSharedFile(_ settings: Section) -> Credentials? {
        let home = settings.variable("HOME").map { "\($0)/.aws/credentials" }
        let path = settings.variable("AWS_SHARED_CREDENTIALS_FILE") ?? home
        let name = settings.variable("AWS_PROFILE") ?? "default"
        let text = path.flatMap(settings.secret(inFile:))
        if let text, let keys = SharedCredentials.profile(name, in: text) { return .keys(keys) }
        let file = path.map { " (nor has \($0) a profile '\(name)')" } ?? ""
        settings.fail(
            "no credentials: expected bearer_token, or access_key_id and secret_access_key, here or in AWS_… variables"
                + file)
        return nil
    }

    /// All but the secret key, of which only a hash is sent, stand in header fields.
    private func checkCharacters(_ settings: Section) {
        let sent: [(String, Secret?)] =
            switch self {
            case .bearer(let token): [("the bearer token", token)]
            case .keys(let keys): [("the access key id", keys.id), ("the session token", keys.sessionToken)]
            }
        for (what, secret) in sent where !(secret?.reveal().utf8.allSatisfy { (0x21..<0x7F).contains($0) } ?? true) {
            settings.fail("\(what) has characters that no such key has")
        }
    }
}

extension Section {
    /// Whether a secret stands here, or the name of its file.
    fileprivate func hasSecret(_ key: String) -> Bool { isGiven(key) || isGiven("\(key)_file") }
}
