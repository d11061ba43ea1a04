public import Core
public import Foundation
internal import JSON

/// Provider answers with what they mean: a `manifest.json` and the bodies it names, in one folder.
///
/// The recordings in `../shared/reference/wire` and our own in `Tests/Fixtures` have the same form.
public struct WireBody: Sendable, CustomStringConvertible {
    public let file: String
    /// As the manifest says; of our own bodies that say no more than `fixture`, the name of their folder.
    public let dialect: String
    public let status: Int
    public let contentType: String
    public let bytes: [UInt8]
    public let text: String
    public let reasoning: String
    public let model: String?
    public let finish: FinishReason?
    public let usage: Usage?
    /// The kinds of the flags, where the manifest speaks of them.
    public let flags: [String]?
    /// How the answer ends: `complete`, `blocked`, `truncated` or `error`.
    public let outcome: String
    /// `truncated`, `protocol` or `provider`, where the manifest says.
    public let errorKind: String?
    /// The raw value of a `PlatformError.Code`, where the manifest says.
    public let errorCode: String?

    public var description: String { file }

    /// The bodies of some dialects; empty, and one line says so, where the folder is missing.
    public static func recorded(_ dialects: Set<String>) throws -> [WireBody] {
        guard let folder = Reference.url("wire") else { return [] }
        return try all(in: folder).filter { dialects.contains($0.dialect) }
    }

    public static func all(in folder: URL) throws -> [WireBody] {
        let manifest = try JSONValue(parsing: Array(Data(contentsOf: folder.appending(path: "manifest.json"))))
        return try (manifest["files"]?.array ?? []).map { try WireBody($0, in: folder) }
    }

    private init(_ entry: JSONValue, in folder: URL) throws {
        file = entry["file"]?.string ?? ""
        let said = entry["dialect"]?.string ?? "fixture"
        dialect = said == "fixture" ? folder.lastPathComponent : said
        status = entry["http_status"]?.int ?? 200
        contentType = entry["content_type"]?.string ?? ""
        outcome = entry["outcome"]?.string ?? ""
        bytes = Array(try Data(contentsOf: folder.appending(path: file)))
        let expected = entry["expected"]
        text = expected?["text"]?.string ?? ""
        reasoning = expected?["reasoning"]?.string ?? ""
        model = expected?["model"]?.string
        finish = (expected?["finish"]?.string).flatMap(FinishReason.init)
        flags = expected?["flags"]?.array?.compactMap(\.string)
        errorKind = expected?["error"]?["kind"]?.string
        // Vendors' codes, which the recordings have there, are no text or no code of ours.
        errorCode = (expected?["error"]?.string ?? expected?["error"]?["code"]?.string).flatMap {
            PlatformError.Code(rawValue: $0)?.rawValue
        }
        usage = (expected?["usage"]).flatMap { value in
            value.object.map { _ in
                Usage(
                    input: value["input"]?.int, output: value["output"]?.int, total: value["total"]?.int,
                    reasoning: value["reasoning"]?.int, cachedInput: value["cached_input"]?.int)
            }
        }
    }
}
