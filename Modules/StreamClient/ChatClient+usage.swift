public import Core

extension ChatClient {
    /// What is asked about the use of tokens; the server has a default for what is `nil` or empty.
    public struct UsageQuestion: Sendable, Hashable {
        /// Days in UTC, such as `2026-03-09`, both included.
        public var from: String?
        public var to: String?
        /// What answers are told apart by: `day`, `provider`, `model`, `route`.
        public var dimensions: [String]

        public init(from: String? = nil, to: String? = nil, by dimensions: [String] = []) {
            self.from = from
            self.to = to
            self.dimensions = dimensions
        }

        fileprivate var query: String {
            let by = dimensions.isEmpty ? nil : dimensions.joined(separator: ",")
            let parts = [("from", from), ("to", to), ("by", by)].compactMap { name, value in
                value.map { "\(name)=\($0)" }
            }
            return parts.isEmpty ? "" : "?" + parts.joined(separator: "&")
        }
    }

    /// What the caller's answers used and cost, as the server tells it.
    ///
    /// The words of the question go into a URL as they are: letters, digits and hyphens.
    public func usage(_ question: UsageQuestion) async throws(ClientError) -> JSONValue {
        let answer = try await call("GET", "/usage\(question.query)")
        guard answer["rows"]?.array != nil, answer["total"]?.object != nil else {
            throw .incomprehensible("the answer has no sums")
        }
        return answer
    }
}
