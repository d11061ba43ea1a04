/// How long an answer may keep a reader waiting.
public struct Patience: Sendable, Hashable {
    /// From the request to the first text; signs of life alone, such as comments, do not count.
    ///
    /// Of an answer that comes at once the first text is the last.
    public var firstToken: Duration?
    /// Between two signs of life.
    public var silence: Duration?

    /// Times that are not given are as long as the transport's deadlines allow.
    public init(firstToken: Duration? = nil, silence: Duration? = nil) {
        self.firstToken = firstToken
        self.silence = silence
    }
}
