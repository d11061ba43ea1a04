public import Core

extension JSONValue {
    /// Reads one JSON text (RFC 8259) in UTF-8.
    ///
    /// Whole numbers that do not fit 64 bits become ``Core/JSONValue/double(_:)``; of two members with one name the last
    /// counts; surrogates that are not pairs are refused.
    ///
    /// - Throws: ``JSON/JSONError``; also for arrays and objects nested deeper than ``JSON/JSONDocument/maximumDepth``.
    public init(parsing bytes: Span<UInt8>) throws(JSONError) {
        let document = try JSONDocument(parsing: bytes)
        self = document.value()
    }

    /// Reads one JSON text, as ``Core/JSONValue/init(parsing:)-(Span<UInt8>)`` does from a span.
    ///
    /// - Throws: ``JSON/JSONError``.
    public init(parsing bytes: [UInt8]) throws(JSONError) {
        try self.init(parsing: bytes.span)
    }

    /// Reads one JSON text, as ``Core/JSONValue/init(parsing:)-(Span<UInt8>)`` does from a span.
    ///
    /// - Throws: ``JSON/JSONError``.
    public init(parsing text: String) throws(JSONError) {
        try self.init(parsing: Array(text.utf8).span)
    }
}
