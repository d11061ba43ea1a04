package import Core
package import Encryption

/// What is kept of an idempotency key and of what it was used for: enough to know them again, and nothing that anyone said.
package struct KeyPrints: Sendable {
    package let key: [UInt8]
    package let subject: [UInt8]

    package init(_ key: String, _ subject: NewTurn.Subject, of owner: UserID, _ keyring: Keyring) {
        self.key = Self.key(key, of: owner, keyring)
        self.subject = keyring.fingerprint(subject.bytes, purpose: "turn subject")
    }

    package static func key(_ key: String, of owner: UserID, _ keyring: Keyring) -> [UInt8] {
        keyring.fingerprint(owner.text + key, purpose: "idempotency key")
    }
}

extension NewTurn.Subject {
    /// Different for different subjects: each part stands behind its length.
    fileprivate var bytes: [UInt8] {
        let parts =
            switch self {
            case .newConversation(let kind, let title, let text): ["new", kind.rawValue, title, text]
            case .message(let conversation, let text): ["message", conversation.text, text]
            case .retry(let stream): ["retry", stream.text]
            }
        return parts.flatMap { Array("\($0.utf8.count):".utf8) + $0.utf8 }
    }
}
