import Configuration
import Core
import Foundation
import ProviderBedrock
import TestSupport

/// A provider of kind `bedrock` made of some lines of YAML, by default with a bearer token and a region.
func bedrock(
    _ settings: String = "", credentials: String = "bearer_token: hush-123\nregion: eu-central-1",
    model: String = "eu.harrier.kestrel-v2:0", environment: [String: String] = [:]
) throws -> BedrockProvider {
    let lines = "model: '\(model)'\n\(credentials)\n\(settings)".split(separator: "\n").map { "  \($0)\n" }
    let configuration = try Configuration.parse("main:\n\(lines.joined())".utf8, environment: environment)
    let provider = BedrockProvider(configuration.root.section("main"))
    try configuration.finish()
    return provider
}

/// What is wrong with settings, as one text.
func problems(
    _ settings: String, credentials: String = "", environment: [String: String] = [:]
) -> String {
    do {
        _ = try bedrock(settings, credentials: credentials, environment: environment)
        return ""
    } catch {
        return String(describing: error)
    }
}

/// A moment that Amazon writes as `20240229T235959Z`.
func moment(_ date: String) throws -> Timestamp {
    let digits = date.filter(\.isNumber)
    let formatter = ISO8601DateFormatter()
    let text = zip(digits.indices, digits).enumerated().map { offset, digit in
        let separator = [4: "-", 6: "-", 8: "T", 10: ":", 12: ":"][offset] ?? ""
        return separator + String(digit.1)
    }.joined()
    guard let day = formatter.date(from: text + "Z") else { throw CocoaError(.formatting) }
    return Timestamp(milliseconds: Int64(day.timeIntervalSince1970 * 1000))
}

extension [UInt8] {
    /// The bytes in pieces of one size.
    func pieces(of size: Int) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min(count, $0 + size)] }
    }
}
