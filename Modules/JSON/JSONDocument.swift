internal import CSimdJSON
public import Core

/// A parsed JSON text in which single values are looked up, without building a ``Core/JSONValue``.
///
/// The text is copied once, into a buffer that the thread reuses, and so is the parser: opening a document of usual
/// size allocates nothing, and no memory is held between documents but one parser per thread. Documents may be nested.
/// Where an object names a key twice, the last one counts, as in ``Core/JSONValue``.
public struct JSONDocument: ~Copyable {
    private let document: medstream_json_document

    /// How deep arrays and objects may be nested.
    ///
    /// Ours: far beyond any message of a provider or client, and safe for code that walks values recursively.
    public static let maximumDepth = 512

    /// - Throws: ``JSONError``, with the place of the fault where it can be told.
    public init(parsing bytes: Span<UInt8>) throws(JSONError) {
        let opened = Self.open(bytes)
        guard opened.error == Int32(MEDSTREAM_JSON_NUMBER) else {
            guard opened.error == Int32(MEDSTREAM_JSON_OK) else { throw JSONError(code: opened.error, in: bytes) }
            document = opened
            return
        }
        // simdjson refuses integers beyond 64 bits; RFC 8259 (section 6) knows only one kind of number.
        let rewritten = BigIntegers.asDoubles(bytes)
        let reopened = Self.open(rewritten.span)
        guard reopened.error == Int32(MEDSTREAM_JSON_OK) else { throw JSONError(code: opened.error, in: bytes) }
        document = reopened
    }

    deinit { medstream_json_close(document) }

    private static func open(_ bytes: Span<UInt8>) -> medstream_json_document {
        bytes.withUnsafeBufferPointer { buffer in
            // One more than ours: simdjson counts the document itself.
            medstream_json_open(buffer.baseAddress, buffer.count, maximumDepth + 1)
        }
    }

    /// A value inside one document, to look further from.
    public struct Place: Sendable {
        fileprivate let index: Int
        fileprivate let document: UInt64
    }

    /// The whole text.
    public var root: Place { Place(index: 1, document: document.serial) }

    /// The value at `pointer`.
    ///
    /// - Parameters:
    ///   - pointer: a JSON pointer (RFC 6901) such as `/choices/0/delta`, without its `~` escapes.
    ///   - place: where the pointer starts; the root by default.
    /// - Returns: `nil` where nothing stands.
    public func place(at pointer: StaticString, in place: Place? = nil) -> Place? {
        var index = start(place)
        let path = UnsafeBufferPointer(start: pointer.utf8Start, count: pointer.utf8CodeUnitCount)
        var next = 0
        while next < path.count {
            var end = next + 1
            while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
            guard let found = child(of: index, UnsafeBufferPointer(rebasing: path[next + 1..<end])) else { return nil }
            index = found
            next = end
        }
        return Place(index: index, document: document.serial)
    }

    /// The member of the object at `place` that is called `name`, whatever the name holds.
    public func place(named name: String, in place: Place) -> Place? {
        var name = name
        let index = start(place)
        guard tag(index) == Tag.object else { return nil }
        return name.withUTF8 { member(of: index, $0) }.map { Place(index: $0, document: document.serial) }
    }

    /// The elements of the array at `place`, in order; none where something else stands.
    public func elements(of place: Place) -> [Place] {
        let array = start(place)
        guard tag(array) == Tag.array else { return [] }
        var places: [Place] = []
        var index = array + 1
        while index < end(array) - 1 {
            places.append(Place(index: index, document: document.serial))
            index = end(index)
        }
        return places
    }

    /// The string at `pointer`; `nil` where there is none.
    public func string(at pointer: StaticString, in place: Place? = nil) -> String? {
        self.place(at: pointer, in: place).flatMap { string($0) }
    }

    /// The string at `place`; `nil` when another kind of value stands there.
    public func string(_ place: Place) -> String? {
        let index = start(place)
        guard tag(index) == Tag.string else { return nil }
        return String(decoding: text(index), as: UTF8.self)
    }

    /// The whole number at `pointer`; `nil` where there is none, or one that does not fit.
    public func int(at pointer: StaticString, in place: Place? = nil) -> Int? {
        self.place(at: pointer, in: place).flatMap { found in
            tag(found.index) == Tag.int ? Int(Int64(bitPattern: document.tape[found.index + 1])) : nil
        }
    }

    /// The number at `pointer`, whole or not; `nil` where there is none.
    public func double(at pointer: StaticString, in place: Place? = nil) -> Double? {
        guard let index = self.place(at: pointer, in: place)?.index else { return nil }
        let word = document.tape[index + 1]
        return switch tag(index) {
        case Tag.int: Double(Int64(bitPattern: word))
        case Tag.unsigned: Double(word)
        case Tag.double: Double(bitPattern: word)
        default: nil
        }
    }

    /// Whether anything stands at `pointer`, `null` included.
    public func exists(at pointer: StaticString, in place: Place? = nil) -> Bool {
        self.place(at: pointer, in: place) != nil
    }

    /// Whether `null` stands at `pointer`; false where nothing stands.
    public func isNull(at pointer: StaticString, in place: Place? = nil) -> Bool {
        self.place(at: pointer, in: place).map { tag($0.index) == Tag.null } ?? false
    }

    /// Whether an object stands at `place`.
    public func isObject(_ place: Place) -> Bool { tag(start(place)) == Tag.object }

    /// Whether `true` stands at `pointer`.
    public func isTrue(at pointer: StaticString, in place: Place? = nil) -> Bool {
        self.place(at: pointer, in: place).map { tag($0.index) == Tag.yes } ?? false
    }

    /// The value at `place` with everything in it.
    public func value(_ place: Place? = nil) -> JSONValue {
        var index = start(place)
        return value(&index)
    }
}

// The tape: one 64-bit word per value, its tag in the highest byte (simdjson, doc/tape.md).
extension JSONDocument {
    private enum Tag {
        static let object = UInt8(ascii: "{")
        static let array = UInt8(ascii: "[")
        static let string = UInt8(ascii: "\"")
        static let int = UInt8(ascii: "l")
        static let unsigned = UInt8(ascii: "u")
        static let double = UInt8(ascii: "d")
        static let yes = UInt8(ascii: "t")
        static let no = UInt8(ascii: "f")
        static let null = UInt8(ascii: "n")
    }

    private func start(_ place: Place?) -> Int {
        guard let place else { return 1 }
        precondition(place.document == document.serial, "a place belongs to the document that gave it")
        return place.index
    }

    private func tag(_ index: Int) -> UInt8 { UInt8(document.tape[index] >> 56) }

    /// The word after the value at `index`, which is where its next sibling stands.
    private func end(_ index: Int) -> Int {
        switch tag(index) {
        case Tag.object, Tag.array: Int(UInt32(truncatingIfNeeded: document.tape[index]))
        case Tag.int, Tag.unsigned, Tag.double: index + 2
        default: index + 1
        }
    }

    private func text(_ index: Int) -> UnsafeBufferPointer<UInt8> {
        let start = document.strings + Int(document.tape[index] & 0x00FF_FFFF_FFFF_FFFF)
        let count = UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)
        return UnsafeBufferPointer(start: start + 4, count: Int(count))
    }

    private func isText(_ index: Int, _ other: UnsafeBufferPointer<UInt8>) -> Bool {
        let text = text(index)
        guard text.count == other.count else { return false }
        for place in text.indices where text[place] != other[place] { return false }
        return true
    }

    private func child(of index: Int, _ name: UnsafeBufferPointer<UInt8>) -> Int? {
        switch tag(index) {
        case Tag.object: member(of: index, name)
        case Tag.array: element(of: index, name)
        default: nil
        }
    }

    private func member(of object: Int, _ name: UnsafeBufferPointer<UInt8>) -> Int? {
        var found: Int?
        var key = object + 1
        let close = end(object) - 1
        while key < close {
            if isText(key, name) { found = key + 1 }
            key = end(key + 1)
        }
        return found
    }

    private func element(of array: Int, _ digits: UnsafeBufferPointer<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count < 10 else { return nil }
        var position = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            position = position * 10 + Int(digit - 0x30)
        }
        var index = array + 1
        let close = end(array) - 1
        while index < close {
            if position == 0 { return index }
            position -= 1
            index = end(index)
        }
        return nil
    }

    private func value(_ index: inout Int) -> JSONValue {
        let here = index
        index = end(here)
        switch tag(here) {
        case Tag.string: return .string(String(decoding: text(here), as: UTF8.self))
        case Tag.int: return .int(Int64(bitPattern: document.tape[here + 1]))
        case Tag.unsigned: return .double(Double(document.tape[here + 1]))
        case Tag.double: return .double(Double(bitPattern: document.tape[here + 1]))
        case Tag.yes: return .bool(true)
        case Tag.no: return .bool(false)
        case Tag.array:
            var elements: [JSONValue] = []
            var next = here + 1
            while next < index - 1 { elements.append(value(&next)) }
            return .array(elements)
        case Tag.object:
            var members: [String: JSONValue] = [:]
            var next = here + 1
            while next < index - 1 {
                let name = String(decoding: text(next), as: UTF8.self)
                next += 1
                members[name] = value(&next)
            }
            return .object(members)
        default: return .null
        }
    }
}
