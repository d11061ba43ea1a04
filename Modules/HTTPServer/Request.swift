public import Reactor

/// One request, whole: its body has been read within the limits before a handler sees it.
public struct Request: Sendable {
    /// In upper case, such as `GET`.
    public var method: String
    /// Decoded path, always starting with `/`, without empty, `.` or `..` segments.
    public var path: String
    /// The decoded segments of ``path``.
    public var segments: [String]
    /// What followed `?`; empty where nothing did.
    public var query: Query
    /// As they came, without the blanks around values; `Host` is the target's where the target names one.
    public var headers: Headers
    /// At most `maxBodyBytes`; its transfer coding has been taken off.
    public var body: [UInt8]
    /// The peer's address, without its port.
    public var peer: String
    /// Names the request in logs and answers; the caller's `X-Request-Id` when it is well formed.
    public var id: String = ""
    /// The loop that the request came in on; the handler runs there.
    public var loop: EventLoop
    /// What the router matched: the values of `{name}` segments.
    public var parameters: [String: String] = [:]
    /// The pattern that matched, such as `/streams/{id}`; for logs and metrics, which must not hold identifiers.
    public var route: String = ""

    /// The typed value of a `{name}` segment.
    ///
    /// - Throws: ``HTTPError`` 404 when the text is not of the type's form, as for a thing that does not exist.
    public func parameter<Value: LosslessStringConvertible>(
        _ name: String, as type: Value.Type = Value.self
    ) throws(HTTPError) -> Value {
        guard let value = parameters[name].flatMap(Value.init) else {
            throw HTTPError(404, code: "not_found", "There is no such \(name).")
        }
        return value
    }

    /// Whether the client prefers `text/event-stream`.
    public var acceptsEvents: Bool { headers.lists("text/event-stream", in: "accept") }
}

/// The decoded query of a URL, in order.
public struct Query: Sendable, Hashable {
    /// Names and values in the order they came.
    public private(set) var items: [(name: String, value: String)] = []

    /// - Parameter text: what follows `?`; `+` means a blank, bad percent signs are kept as they are.
    public init(_ text: some StringProtocol) {
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = parts.count > 1 ? String(parts[1]) : ""
            items.append((Self.decoded(String(parts[0])), Self.decoded(value)))
        }
    }

    /// The first value of a name.
    public subscript(name: String) -> String? { items.first { $0.name == name }?.value }

    private static func decoded(_ text: String) -> String {
        PercentEncoding.decoded(text.utf8.map { $0 == 0x2B ? 0x20 : $0 }) ?? text
    }

    public static func == (one: Query, other: Query) -> Bool {
        one.items.elementsEqual(other.items) { $0 == $1 }
    }

    public func hash(into hasher: inout Hasher) {
        for item in items {
            hasher.combine(item.name)
            hasher.combine(item.value)
        }
    }
}

/// Percent-encoding (RFC 3986, section 2.1).
enum PercentEncoding {
    /// - Returns: `nil` where a percent sign is not followed by two hexadecimal digits or the bytes are no UTF-8.
    static func decoded(_ bytes: some Collection<UInt8>) -> String? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var rest = bytes.makeIterator()
        while let byte = rest.next() {
            guard byte == 0x25 else {
                decoded.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
            decoded.append(high << 4 | low)
        }
        return String(validating: decoded, as: UTF8.self)
    }

    /// The value of a hexadecimal digit.
    static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
