internal import CSimdJSON

/// Why a text is not JSON, or not JSON that is read here.
///
/// The description names the kind of fault and its place, never the text: that may be a patient's.
public struct JSONError: Error, Sendable, Hashable, CustomStringConvertible {
    public var kind: Kind
    /// The first byte that is at fault, counted from 0; `nil` when it is not known.
    public var offset: Int?

    public enum Kind: String, Sendable, CaseIterable {
        /// Nothing but white space.
        case empty
        case syntax
        case invalidUTF8 = "invalid_utf8"
        /// A string that is not closed, holds a control character or escapes what cannot be escaped.
        case badString = "bad_string"
        /// Not a number, or one too large for a double.
        case badNumber = "bad_number"
        /// Nested deeper than ``JSONDocument/maximumDepth``.
        case tooDeep = "too_deep"
        /// Larger than 2 GiB, or than there is memory for.
        case tooLarge = "too_large"
    }

    public init(_ kind: Kind, at offset: Int? = nil) {
        self.kind = kind
        self.offset = offset
    }

    init(code: Int32, in bytes: Span<UInt8>) {
        switch Int(code) {
        case MEDSTREAM_JSON_EMPTY: self.init(.empty, at: bytes.count)
        case MEDSTREAM_JSON_UTF8: self.init(.invalidUTF8, at: Self.invalidUTF8(in: bytes))
        case MEDSTREAM_JSON_STRING: self.init(.badString, at: FirstFault.offset(in: bytes))
        case MEDSTREAM_JSON_NUMBER: self.init(.badNumber, at: FirstFault.offset(in: bytes))
        case MEDSTREAM_JSON_DEPTH: self.init(.tooDeep)
        case MEDSTREAM_JSON_LARGE: self.init(.tooLarge)
        default: self.init(.syntax, at: FirstFault.offset(in: bytes))
        }
    }

    private static func invalidUTF8(in bytes: Span<UInt8>) -> Int? {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes)
            return nil
        } catch {
            return error.byteOffsets.lowerBound
        }
    }

    public var description: String {
        let what =
            switch kind {
            case .empty: "there is no JSON"
            case .syntax: "this is not JSON"
            case .invalidUTF8: "this is not UTF-8"
            case .badString: "a string is malformed"
            case .badNumber: "a number is malformed or too large"
            case .tooDeep: "arrays and objects are nested deeper than \(JSONDocument.maximumDepth)"
            case .tooLarge: "the text is too large"
            }
        return offset.map { "\(what) (byte \($0))" } ?? what
    }
}
