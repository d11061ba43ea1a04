import Configuration
public import Core
public import Encryption

/// Where the keys are that text at rest is sealed with.
public struct EncryptionSettings: Sendable {
    /// The key file; not looked at when there are ``keys``.
    public var keyFile = ""
    /// The lines of a key file, in place of the file.
    public var keys: Secret?

    init() {}

    init(_ section: Section, in dataDirectory: String) {
        let file = section.string("key_file", default: "keys")
        keyFile = file.hasPrefix("/") ? file : "\(dataDirectory)/\(file)"
        keys = section.inlineSecret("keys")
    }

    /// Reads the keys.
    ///
    /// - Throws: ``KeyringError`` that says what to do; ``KeyringError/missing(path:)`` before the first start.
    public func keyring() throws(KeyringError) -> Keyring {
        guard let keys else { return try Keyring(file: keyFile) }
        return try Keyring(environment: keys.reveal(), named: "The setting 'encryption.keys'")
    }

    /// Makes the key file of a new installation.
    ///
    /// - Throws: ``KeyringError``; ``KeyringError/exists(path:)`` when it is there already.
    public func createKeyring() throws(KeyringError) -> Keyring {
        guard keys == nil else { return try keyring() }
        return try Keyring.create(file: keyFile)
    }
}
