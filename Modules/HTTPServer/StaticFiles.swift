public import Foundation

/// The files of a folder, read into memory at start-up and served from there.
///
/// No request ever becomes a path on disk: a name that was not read at start-up does not exist, whatever its encoding.
/// Files whose names carry a hash, as in `app-3f9c2d1e.js`, never change and are cached for a year; others are asked for
/// again with their `ETag`. A `.gz` beside a file is sent to clients that take it.
public struct StaticFiles: Sendable {
    private struct File: Sendable {
        var bytes: [UInt8]
        var compressed: [UInt8]?
        var type: String
        var isImmutable: Bool
        /// The compressed form is another representation, with a tag of its own (RFC 9110, section 8.8.3.3).
        var tag: String
        var compressedTag: String { String(tag.dropLast()) + "-gzip\"" }
    }

    private let files: [String: File]

    /// Of all files together.
    static let maxBytes = 64 << 20

    /// Reads the folder with all below it, but for hidden files and folders.
    ///
    /// - Throws: `CocoaError` when the folder cannot be read or holds more than 64 MiB.
    public init(folder: URL) throws {
        var raw: [String: [UInt8]] = [:]
        var total = 0
        let root = folder.resolvingSymlinksInPath().path(percentEncoded: false)
        let found = FileManager.default.enumerator(
            at: folder.resolvingSymlinksInPath(), includingPropertiesForKeys: [.isRegularFileKey],
            options: [.skipsHiddenFiles])
        guard let found, FileManager.default.fileExists(atPath: root) else { throw CocoaError(.fileReadNoSuchFile) }
        for case let url as URL in found
        where try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true {
            let bytes = [UInt8](try Data(contentsOf: url))
            total += bytes.count
            guard total <= Self.maxBytes else { throw CocoaError(.fileReadTooLarge) }
            let name = url.path(percentEncoded: false).dropFirst(root.count).drop { $0 == "/" }
            raw["/" + name] = bytes
        }
        files = raw.filter { !$0.key.hasSuffix(".gz") }.reduce(into: [:]) { files, entry in
            files[entry.key] = File(
                bytes: entry.value, compressed: raw[entry.key + ".gz"], type: Self.type(of: entry.key),
                isImmutable: Self.namesHash(entry.key), tag: Self.tag(of: entry.value))
        }
    }

    /// Answers `GET` and `HEAD`; `/` is `/index.html`.
    ///
    /// - Returns: `nil` when there is no such file.
    public func answer(_ request: Request) -> Response? {
        guard request.method == "GET" || request.method == "HEAD" else { return nil }
        guard let file = files[request.path == "/" ? "/index.html" : request.path] else { return nil }
        let compressed = request.headers.lists("gzip", in: "accept-encoding") ? file.compressed : nil
        let tag = compressed == nil ? file.tag : file.compressedTag
        var response = Response(200, headers: ["Content-Type": file.type, "ETag": tag])
        response.headers["Cache-Control"] = file.isImmutable ? "public, max-age=31536000, immutable" : "no-cache"
        if file.compressed != nil { response.headers["Vary"] = "Accept-Encoding" }
        if let known = request.headers["if-none-match"], known == "*" || known.contains(tag) {
            response.status = 304
            return response
        }
        if compressed != nil { response.headers["Content-Encoding"] = "gzip" }
        response.body = .bytes(compressed ?? file.bytes)
        return response
    }

    /// FNV-1a of the content with its length: to notice a change, not to withstand an attacker, who cannot write here.
    private static func tag(of bytes: [UInt8]) -> String {
        let hash = bytes.reduce(UInt64(0xCBF2_9CE4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
        return "\"\(String(hash, radix: 16))-\(bytes.count)\""
    }

    /// Whether the name ends in `-` and at least 8 hexadecimal digits before its extension.
    private static func namesHash(_ path: String) -> Bool {
        let stem = path.split(separator: "/").last?.split(separator: ".").first ?? ""
        guard let mark = stem.split(separator: "-").last, stem.contains("-") else { return false }
        return mark.utf8.count >= 8 && mark.allSatisfy(\.isHexDigit)
    }

    private static func type(of path: String) -> String {
        switch path.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "js", "mjs": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "json", "map": "application/json"
        case "svg": "image/svg+xml"
        case "png": "image/png"
        case "ico": "image/x-icon"
        case "woff2": "font/woff2"
        case "webmanifest": "application/manifest+json"
        case "txt", "md": "text/plain; charset=utf-8"
        default: "application/octet-stream"
        }
    }
}
