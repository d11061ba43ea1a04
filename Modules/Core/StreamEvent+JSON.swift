/// Why a JSON value is no event: the field that is wrong and what belongs there.
///
/// It never quotes the value, which may be patient text.
public enum StreamEventError: Error, Sendable, Hashable, CustomStringConvertible {
    case notAnObject
    /// A field that this type of event must have.
    case missing(field: String, expected: String)
    /// `field` is a path such as `metadata.outcome`; `found` says what kind of value stands there.
    case invalid(field: String, expected: String, found: String)

    public var description: String {
        switch self {
        case .notAnObject: "An event must be a JSON object."
        case .missing(let field, let expected): "The event has no '\(field)'; expected \(expected)."
        case .invalid(let field, let expected, let found): "The event's '\(field)' must be \(expected); found \(found)."
        }
    }
}

extension StreamEvent {
    /// Reads an event strictly: what this version knows must be well formed, what it does not know is kept.
    ///
    /// `panel` and `stage` are required on `content_chunk` and `stage_complete`, `content` on `content_chunk` and
    /// `error`, `metadata.outcome` on `stream_done`. On a type this version does not know, a panel or stage of an
    /// unknown name goes to ``extra``.
    /// - Throws: the first thing that is wrong, in the order of the fields in the contract.
    public init(json: JSONValue) throws(StreamEventError) {
        guard case .object(var fields) = json else { throw .notAnObject }
        let name = try Self.string(fields.removeValue(forKey: "type"), "type")
        guard let name else { throw .missing(field: "type", expected: "a string") }
        guard !name.isEmpty else {
            throw .invalid(field: "type", expected: "the name of a type", found: "an empty string")
        }
        let type = Kind(rawValue: name)
        let needsPlace = type == .contentChunk || type == .stageComplete
        let panel: Panel? = try Self.choice("panel", of: &fields, isRequired: needsPlace, isOpen: !type.isKnown)
        let stage: Stage? = try Self.choice("stage", of: &fields, isRequired: needsPlace, isOpen: !type.isKnown)
        let content = try Self.string(fields.removeValue(forKey: "content"), "content")
        if content == nil, type == .contentChunk || type == .error {
            throw .missing(field: "content", expected: "a string")
        }
        var metadata: [String: JSONValue] = [:]
        if let value = fields.removeValue(forKey: "metadata") {
            guard case .object(let members) = value else {
                throw .invalid(field: "metadata", expected: "an object", found: value.kindName)
            }
            metadata = members
        }
        if type.isKnown { try Self.check(metadata, of: type) }
        self.init(
            type, panel: panel, stage: stage, content: content ?? "", metadata: metadata, extra: fields)
    }

    /// Writes the event as one JSON object on one line.
    ///
    /// `type`, `panel`, `stage`, `content`, `metadata`, then ``extra``: `content` always, `metadata` when it holds
    /// something, the rest when there.
    public func encode(into writer: inout JSONWriter) {
        writer.beginObject()
        writer.name("type")
        writer.value(type.rawValue)
        if let panel {
            writer.name("panel")
            writer.value(panel.rawValue)
        }
        if let stage {
            writer.name("stage")
            writer.value(stage.rawValue)
        }
        writer.name("content")
        writer.value(content)
        if !metadata.isEmpty {
            writer.name("metadata")
            writer.value(metadata)
        }
        for name in extra.keys.sorted() where !isTaken(name) {
            writer.name(name)
            writer.value(extra[name] ?? .null)
        }
        writer.endObject()
    }

    /// Writes a `content_chunk` without making an event first: the same bytes as
    /// ``chunk(_:panel:stage:index:)`` would encode to, for the token path.
    public static func encodeChunk(
        _ text: String, panel: Panel, stage: Stage, index: Int, into writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.raw("\"type\":\"content_chunk\",\"panel\":\"")
        writer.raw(panel.rawValue)
        writer.raw("\",\"stage\":\"")
        writer.raw(stage.rawValue)
        writer.raw("\",\"content\":\"")
        writer.escaped(text)
        writer.raw("\",\"metadata\":{\"chunk_index\":")
        writer.value(index)
        writer.endObject()
        writer.endObject()
    }

    /// The event as JSON text in UTF-8, on one line.
    public var jsonBytes: [UInt8] {
        var writer = JSONWriter()
        encode(into: &writer)
        return writer.bytes
    }

    private func isTaken(_ name: String) -> Bool {
        switch name {
        case "type", "content": true
        case "panel": panel != nil
        case "stage": stage != nil
        case "metadata": !metadata.isEmpty
        default: false
        }
    }
}

extension StreamEvent {
    private static func string(_ value: JSONValue?, _ field: String) throws(StreamEventError) -> String? {
        guard let value else { return nil }
        guard case .string(let text) = value else {
            throw .invalid(field: field, expected: "a string", found: value.kindName)
        }
        return text
    }

    /// A field with a closed set of names; where it is open, an unknown name is left in `fields`.
    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ field: String, of fields: inout [String: JSONValue], isRequired: Bool, isOpen: Bool
    ) throws(StreamEventError) -> Choice? {
        let expected = { "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", ") }
        guard let name = try string(fields[field], field) else {
            if isRequired { throw .missing(field: field, expected: expected()) }
            return nil
        }
        guard let choice = Choice(rawValue: name) else {
            if isOpen { return nil }
            throw .invalid(field: field, expected: expected(), found: "another name")
        }
        fields[field] = nil
        return choice
    }

    private static func check(_ metadata: [String: JSONValue], of type: Kind) throws(StreamEventError) {
        if type == .streamDone, metadata["outcome"] == nil {
            throw .missing(field: "metadata.outcome", expected: MetadataRule.outcome.expected)
        }
        for name in metadata.keys.sorted() {
            guard let rule = metadataRules[name], let value = metadata[name], !rule.allows(value) else { continue }
            throw .invalid(field: "metadata.\(name)", expected: rule.expected, found: value.kindName)
        }
    }

    /// What the contract says about metadata; names that are not here may hold anything.
    private static let metadataRules: [String: MetadataRule] = [
        "chunk_index": .count, "total_expected": .count, "length": .count, "percent": .percent,
        "retry_available": .flag, "pending": .flag, "outcome": .outcome, "sha256": .sha256, "usage": .object,
        "error_code": .text, "provider": .text, "model": .text, "rule": .text, "severity": .text, "stream": .text,
        "conversation_id": .text, "case_id": .text, "message_id": .text, "texts": .list,
    ]
}

/// What may stand under one name in an event's metadata.
private enum MetadataRule {
    case count, percent, flag, text, outcome, sha256, object, list

    var expected: String {
        switch self {
        case .count: "a whole number from 0"
        case .percent: "a number from 0 to 100"
        case .flag: "true or false"
        case .text: "a string"
        case .outcome: "one of " + Outcome.allCases.map(\.rawValue).joined(separator: ", ")
        case .sha256: "64 hexadecimal digits in lower case"
        case .object: "an object"
        case .list: "an array"
        }
    }

    func allows(_ value: JSONValue) -> Bool {
        switch self {
        case .count: value.int.map { $0 >= 0 } ?? false
        case .percent: value.number.map { (0...100).contains($0) } ?? false
        case .flag: value.bool != nil
        case .text: value.string != nil
        case .outcome: value.string.map { Outcome(rawValue: $0) != nil } ?? false
        case .sha256: value.string.map(Self.isSHA256) ?? false
        case .object: value.object != nil
        case .list: value.array != nil
        }
    }

    private static func isSHA256(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }
}

extension JSONValue {
    /// The kind of value, for messages that must not quote it.
    var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .int, .double: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
