/// Environment variables in values: `${NAME}`, `${NAME:-default}`, and `$${` for the characters `${`.
///
/// The default also stands in for a variable that is set and empty, as in a POSIX shell (section 2.6.2). Names are
/// letters, digits and `_`. What a variable holds is not searched for further variables.
enum Substitution {
    /// Why a text cannot be filled in.
    enum Failure: Error, Equatable {
        case missing(String)
        case malformed
    }

    /// - Returns: `text` with every variable filled in, or `nil` when there is nothing to do.
    static func expanded(_ text: String, _ environment: [String: String]) throws(Failure) -> String? {
        guard text.contains("${") else { return nil }
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstRange(of: "${") {
            let before = rest[..<dollar.lowerBound]
            rest = rest[dollar.upperBound...]
            if before.hasSuffix("$") {
                result += before.dropLast() + "${"
                continue
            }
            guard let end = rest.firstIndex(of: "}") else { throw .malformed }
            result += before + (try value(of: rest[..<end], environment))
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static func value(
        of reference: Substring, _ environment: [String: String]
    ) throws(Failure) -> String {
        let mark = reference.firstRange(of: ":-")
        let name = String(mark.map { reference[..<$0.lowerBound] } ?? reference)
        guard let first = name.utf8.first, isNameStart(first), name.utf8.allSatisfy(isNamePart) else {
            throw .malformed
        }
        guard let mark else {
            guard let value = environment[name] else { throw .missing(name) }
            return value
        }
        let fallback = reference[mark.upperBound...]
        guard !fallback.contains("${") else { throw .malformed }
        return environment[name].flatMap { $0.isEmpty ? nil : $0 } ?? String(fallback)
    }

    private static func isNameStart(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }

    private static func isNamePart(_ byte: UInt8) -> Bool { isNameStart(byte) || (0x30...0x39).contains(byte) }

    // MARK: - Variables as YAML sees them

    /// What each ASCII character of a shielded variable is moved by: into plane 16, which is for private use.
    private static let shield: UInt32 = 0x10_0000

    /// The text with the characters of every variable replaced by ones that mean nothing to YAML.
    ///
    /// In a flow mapping, `{ key: ${NAME} }`, the braces of the variable would else end the value. One character stays
    /// one character, so that columns are right. A default with a quotation mark or `$` is left
    /// alone: the mark may end a string.
    static func shielded(_ text: [UInt8], file: String) throws(ConfigurationReport.Problem) -> [UInt8] {
        do {
            _ = try UTF8Span(validating: text.span)
        } catch {
            let location = location(of: error.byteOffsets.lowerBound, in: text, file: file)
            throw .init(location, "not valid UTF-8")
        }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 8)
        var index = 0
        while index < text.count {
            // The four bytes of a character from U+100000 begin with F4 80.
            if text[index] == 0xF4, text[index + 1] == 0x80, text[index + 2] < 0x82 {
                let location = location(of: index, in: text, file: file)
                throw .init(location, "a character of private use, U+100000 to U+10007F")
            }
            guard let end = endOfVariable(at: index, in: text) else {
                result.append(text[index])
                index += 1
                continue
            }
            for byte in text[index..<end] {
                if byte < 0x80, let scalar = Unicode.Scalar(shield + UInt32(byte)) {
                    result += UTF8.encode(scalar) ?? .init()
                } else {
                    result.append(byte)
                }
            }
            index = end
        }
        return result
    }

    /// The text as it stood in the file.
    static func unshielded(_ text: String) -> String {
        let shielded = shield..<shield + 0x80
        guard text.unicodeScalars.contains(where: { shielded.contains($0.value) }) else { return text }
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isShielded = shielded.contains(scalar.value)
            result.append(isShielded ? Unicode.Scalar(UInt8(scalar.value - shield)) : scalar)
        }
        return String(result)
    }

    private static func endOfVariable(at start: Int, in text: [UInt8]) -> Int? {
        guard text[start] == UInt8(ascii: "$"), start + 1 < text.count, text[start + 1] == UInt8(ascii: "{") else {
            return nil
        }
        var index = start + 2
        while index < text.count, isNamePart(text[index]) { index += 1 }
        if index + 1 < text.count, text[index] == UInt8(ascii: ":"), text[index + 1] == UInt8(ascii: "-") {
            // Stopping at `$` keeps a text of nothing but openings from being searched again for each of them.
            while index < text.count, !"}$\"'\r\n".utf8.contains(text[index]) { index += 1 }
        }
        guard index < text.count, text[index] == UInt8(ascii: "}") else { return nil }
        return index + 1
    }

    private static func location(of offset: Int, in text: [UInt8], file: String) -> Location {
        let before = text[..<offset]
        let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
        return Location(
            file: file, line: before.count { $0 == 0x0A } + 1,
            column: before[start...].count { $0 & 0xC0 != 0x80 } + 1)
    }
}
