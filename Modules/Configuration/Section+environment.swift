public import Core

extension Section {
    /// A variable of the environment that the configuration was loaded with; `nil` when it is not set, or empty.
    ///
    /// For the names that a vendor's own tools read. Whatever is ours alone is written `${NAME}` in the file.
    public func variable(_ name: String) -> String? {
        recorder.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The text of a file of secrets that no key names, such as a vendor's own credentials file.
    ///
    /// - Returns: `nil` where it is missing, cannot be read, is no UTF-8 or has more than 64 KiB.
    public func secret(inFile path: String) -> Secret? {
        let bytes = try? Files.read(path, limit: Limits.secretBytes)
        guard let bytes, bytes.count <= Limits.secretBytes else { return nil }
        return String(validating: bytes, as: UTF8.self).map(Secret.init)
    }
}
