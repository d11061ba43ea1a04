import CYAML

/// The events of one YAML text, one at a time: the only place that sees libyaml's pointers.
struct YAMLEvents: ~Copyable {
    /// On the heap, because libyaml keeps a pointer from the parser to itself.
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    /// libyaml reads the input as it goes, so it lives as long as the parser.
    private let input: UnsafeMutableBufferPointer<UInt8>

    /// - Parameter text: valid UTF-8 without a byte order mark; copied.
    init(_ text: [UInt8]) {
        parser = .allocate(capacity: 1)
        input = .allocate(capacity: text.count)
        _ = input.initialize(from: text)
        // Fails only when memory is out, and then Swift's own allocation above has already ended the process.
        yaml_parser_initialize(parser)
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, input.baseAddress, text.count)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// - Returns: the next event; after ``YAMLEvent/Kind/streamEnd`` there is no other.
    /// - Throws: ``YAMLSyntaxError``, after which the text cannot be read further.
    mutating func next() throws(YAMLSyntaxError) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError }
        defer { yaml_event_delete(&event) }
        return YAMLEvent(
            kind: kind(of: event), line: event.start_mark.line + 1, column: event.start_mark.column + 1)
    }

    private func kind(of event: yaml_event_t) -> YAMLEvent.Kind {
        switch event.type {
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let text = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
            let decoration = decoration(anchor: scalar.anchor, tag: scalar.tag)
            return .scalar(text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE, decoration)
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            return .sequenceStart(decoration(anchor: start.anchor, tag: start.tag))
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            return .mappingStart(decoration(anchor: start.anchor, tag: start.tag))
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT: return .end
        case YAML_ALIAS_EVENT: return .alias
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_STREAM_END_EVENT: return .streamEnd
        default: return .other
        }
    }

    private func decoration(
        anchor: UnsafeMutablePointer<yaml_char_t>?, tag: UnsafeMutablePointer<yaml_char_t>?
    ) -> YAMLEvent.Decoration? {
        anchor != nil ? .anchor : tag != nil ? .tag : nil
    }

    private var syntaxError: YAMLSyntaxError {
        let state = parser.pointee
        var message = state.problem.map { String(cString: $0) } ?? "out of memory"
        // A character that YAML forbids has an offset in bytes and no mark.
        if state.error == YAML_READER_ERROR {
            let before = input.prefix(state.problem_offset)
            let line = before.count { $0 == 0x0A } + 1
            let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
            let column = before[start...].count { $0 & 0xC0 != 0x80 } + 1
            return YAMLSyntaxError(message: message, line: line, column: column)
        }
        if let context = state.context, state.context_mark.line != state.problem_mark.line {
            message += " \(String(cString: context)) that begins on line \(state.context_mark.line + 1)"
        } else if let context = state.context {
            message += " \(String(cString: context))"
        }
        return YAMLSyntaxError(
            message: message, line: state.problem_mark.line + 1, column: state.problem_mark.column + 1)
    }
}

/// A step through a YAML text; lines and columns are counted from 1.
struct YAMLEvent {
    var kind: Kind
    var line: Int
    var column: Int

    enum Kind: Equatable {
        case scalar(String, isPlain: Bool, Decoration?)
        case sequenceStart(Decoration?)
        case mappingStart(Decoration?)
        /// Of the innermost sequence or mapping.
        case end
        case alias
        case documentStart
        case streamEnd
        case other
    }

    /// What YAML allows before a value and a configuration has no use for.
    enum Decoration {
        case anchor, tag
    }
}

/// Why a text is not YAML; `message` is libyaml's.
struct YAMLSyntaxError: Error {
    var message: String
    var line: Int
    var column: Int
}
