import Core
import HTTPServer
import JSON

/// The JSON object in a request's body, read member by member; each mistake names the field and the fix.
struct RequestBody {
    private let members: [String: JSONValue]

    /// `known`: the members there are; another name is refused, since it is most likely a misspelt one.
    /// - Throws: `PlatformError` `malformedBody` when the body is no JSON object, `invalidRequest` for an unknown member.
    init(_ request: Request, known: Set<String>) throws(PlatformError) {
        if request.body.isEmpty {
            members = [:]
            return
        }
        guard request.headers.lists("application/json", in: "content-type") || request.headers["content-type"] == nil
        else {
            throw PlatformError(.malformedBody, "Send the body as application/json.", field: "Content-Type")
        }
        do {
            guard let object = try JSONValue(parsing: request.body).object else {
                throw PlatformError(.malformedBody, "The body must be a JSON object.")
            }
            members = object
        } catch let error as PlatformError {
            throw error
        } catch {
            throw PlatformError(.malformedBody, "The body is not valid JSON: \(error).", cause: error)
        }
        if let unknown = members.keys.filter({ !known.contains($0) }).min() {
            throw PlatformError(
                .invalidRequest, "'\(unknown)' is not known here. Known: \(known.sorted().joined(separator: ", ")).",
                field: unknown)
        }
    }

    /// A member as it came; `nil` when it is absent or `null`.
    subscript(name: String) -> JSONValue? {
        guard let value = members[name], value != .null else { return nil }
        return value
    }

    func flag(_ name: String) throws(PlatformError) -> Bool? {
        guard let value = self[name] else { return nil }
        guard let flag = value.bool else {
            throw PlatformError(.invalidRequest, "'\(name)' must be true or false.", field: name)
        }
        return flag
    }

    func int(_ name: String, in range: ClosedRange<Int>) throws(PlatformError) -> Int? {
        guard let value = self[name] else { return nil }
        guard let number = value.int, range.contains(number) else {
            let bounds =
                range.upperBound == .max
                ? "from \(range.lowerBound)" : "from \(range.lowerBound) to \(range.upperBound)"
            throw PlatformError(.invalidRequest, "'\(name)' must be a whole number \(bounds).", field: name)
        }
        return number
    }

    func number(_ name: String, in range: ClosedRange<Double>) throws(PlatformError) -> Double? {
        let number: Double
        switch self[name] {
        case nil: return nil
        case .int(let value): number = Double(value)
        case .double(let value): number = value
        default: number = .nan
        }
        guard range.contains(number) else {
            throw PlatformError(
                .invalidRequest, "'\(name)' must be a number from \(range.lowerBound) to \(range.upperBound).",
                field: name)
        }
        return number
    }

    func requiredString(_ name: String) throws(PlatformError) -> String {
        guard let value = try string(name) else {
            throw PlatformError(.invalidRequest, "'\(name)' is missing; give a text.", field: name)
        }
        return value
    }

    /// - Returns: `nil` when the member is absent or `null`.
    func string(_ name: String) throws(PlatformError) -> String? {
        switch members[name] {
        case nil, .null: return nil
        case .string(let value): return value
        default: throw PlatformError(.invalidRequest, "'\(name)' must be a text.", field: name)
        }
    }

    /// An identifier, or another word of a fixed form.
    func value<Value: LosslessStringConvertible>(
        _ name: String, as type: Value.Type = Value.self
    ) throws(PlatformError) -> Value? {
        try string(name).map { text throws(PlatformError) in try parse(text, name) }
    }
}

/// Reads a value of a fixed form, such as an identifier.
///
/// - Throws: `PlatformError` `invalidRequest` naming the field.
func parse<Value: LosslessStringConvertible>(
    _ text: String, _ field: String, as type: Value.Type = Value.self
) throws(PlatformError) -> Value {
    guard let value = Value(text) else {
        throw PlatformError(.invalidRequest, "'\(field)' is not of the expected form.", field: field)
    }
    return value
}
