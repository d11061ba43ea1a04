public import Core

extension Section {
    /// A key, a password, a token: under `<key>`, or in the file named under `<key>_file`; `nil` when absent.
    ///
    /// The file holds at most 64 KiB of UTF-8; newlines at its end do not count. Both at once, or nothing in either, is
    /// a problem. The value is in no report and no listing.
    public func secret(_ key: String) -> Secret? {
        let fileKey = "\(key)_file"
        let (inline, file) = (given(key), given(fileKey))
        recorder.record(inline == nil ? .nothing : .secret, at: components + [key], from: inline?.location)
        recorder.record(
            file?.scalar.map { .text(resolved($0.text, at: file?.location)) } ?? .nothing,
            at: components + [fileKey], from: file?.location)
        if inline != nil, file != nil {
            fail(fileKey, "expected \(key) or \(fileKey), found both")
            return nil
        }
        return inline.flatMap { secret($0, key) } ?? file.flatMap { secret(inFile: $0, fileKey) }
    }

    /// A secret under `<key>` alone, for one that has no use for a file of its own; `nil` when absent.
    ///
    /// Nothing after the colon is a problem. The value is in no report and no listing.
    public func inlineSecret(_ key: String) -> Secret? {
        let inline = given(key)
        recorder.record(inline == nil ? .nothing : .secret, at: components + [key], from: inline?.location)
        return inline.flatMap { secret($0, key) }
    }

    /// A secret that must be there; `nil` once its absence has been reported.
    public func requiredSecret(_ key: String) -> Secret? {
        if given(key) == nil, given("\(key)_file") == nil { fail(key, "is missing; expected \(key) or \(key)_file") }
        return secret(key)
    }

    /// The value of a key; nothing after the colon is an empty secret, `null` is none.
    private func given(_ key: String) -> YAMLNode? {
        visit.ask(key).flatMap { $0.value.isNull && $0.value.scalar?.text != "" ? nil : $0.value }
    }

    /// A mapping whose values are secret and whose names are not, such as HTTP headers; in the order of the file.
    public func secrets(_ key: String) -> [(name: String, value: Secret)] {
        guard let node = entry(key)?.value, node.content != .unusable else {
            recorder.record(.secrets([]), at: components + [key], from: nil)
            return []
        }
        guard case .mapping(let entries) = node.content else {
            rejectSecret(node, key, "a mapping of names to single values")
            recorder.record(.secrets([]), at: components + [key], from: nil)
            return []
        }
        recorder.record(.secrets(entries.map(\.key)), at: components + [key], from: node.location)
        return entries.compactMap { entry in
            guard entry.value.content != .unusable else { return nil }
            guard let scalar = entry.value.scalar, !scalar.isNull else {
                rejectSecret(entry.value, "\(key).\(entry.key)", "a single value")
                return nil
            }
            return (entry.key, Secret(scalar.text))
        }
    }

    private func secret(_ node: YAMLNode, _ key: String) -> Secret? {
        guard node.content != .unusable else { return nil }
        guard let text = node.scalar?.text else {
            rejectSecret(node, key, "a secret")
            return nil
        }
        guard !text.isEmpty else {
            fail(key, "expected a secret, found nothing")
            return nil
        }
        return Secret(text)
    }

    private func secret(inFile node: YAMLNode, _ key: String) -> Secret? {
        guard node.content != .unusable else { return nil }
        guard let name = node.scalar?.text, !name.isEmpty else {
            reject(node, key, "the path of a file that holds a secret")
            return nil
        }
        do throws(Files.Failure) {
            let bytes = try Files.read(resolved(name, at: node.location), limit: Limits.secretBytes)
            let end = bytes.lastIndex { $0 != 0x0A && $0 != 0x0D }
            guard let end else {
                fail(key, "the file '\(shown(name, limit: 1_000))' is empty")
                return nil
            }
            guard bytes.count <= Limits.secretBytes, let text = String(validating: bytes[...end], as: UTF8.self) else {
                fail(
                    key,
                    "the file '\(shown(name, limit: 1_000))' is larger than \(Limits.secretBytes >> 10) KiB or not UTF-8"
                )
                return nil
            }
            return Secret(text)
        } catch {
            fail(key, "cannot read '\(shown(name, limit: 1_000))': \(error.message)")
            return nil
        }
    }

    private func rejectSecret(_ node: YAMLNode, _ key: String, _ expected: String) {
        recorder.fail(
            .init(node.location, path: dotted(components + [key]), "expected \(expected), found \(node.kind)"))
    }
}
