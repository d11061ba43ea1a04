extension [UInt8] {
    /// A copy of what a span shows.
    init(copying span: Span<UInt8>) {
        self.init()
        append(copying: span)
    }

    /// Appends a copy of what a span shows.
    package mutating func append(copying span: Span<UInt8>) {
        append(addingCapacity: span.count) { output in
            for index in span.indices { output.append(span[index]) }
        }
    }
}

extension Span<UInt8> {
    func equals(_ other: borrowing Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        for index in indices where self[index] != other[index] { return false }
        return true
    }

    /// Whether the first `length` bytes are `name`.
    func hasName(_ name: String, _ length: Int) -> Bool {
        length == name.utf8.count && extracting(0..<length).equals(name.utf8Span.span)
    }

    /// Where the next CR or LF stands, from `start` on; `count` when there is none.
    ///
    /// Eight bytes at a time: every byte that a provider sends is looked at here. After the subtraction the highest bit of
    /// a byte is set that was zero, and so equal; the bytes above the first such one may be wrong, and are not asked.
    func lineEnd(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        var index = start
        while index + 8 <= count {
            // Any eight bytes are a number, and the load checks its bounds.
            let word = unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
            let lineFeeds = word ^ (ones &* 0x0A)
            let returns = word ^ (ones &* 0x0D)
            let found = (((lineFeeds &- ones) & ~lineFeeds) | ((returns &- ones) & ~returns)) & (ones &* 0x80)
            if found != 0 { return index + found.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < count, self[index] != 0x0A, self[index] != 0x0D { index += 1 }
        return index
    }

    func contains(_ byte: UInt8) -> Bool {
        for index in indices where self[index] == byte { return true }
        return false
    }

    /// The number these bytes spell; `nil` when they are not all digits, none, or too many for an `Int`.
    var decimal: Int? {
        guard count > 0 else { return nil }
        var value = 0
        for index in indices {
            guard (0x30...0x39).contains(self[index]) else { return nil }
            let (product, overflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, carries) = product.addingReportingOverflow(Int(self[index] - 0x30))
            guard !overflows, !carries else { return nil }
            value = sum
        }
        return value
    }
}
