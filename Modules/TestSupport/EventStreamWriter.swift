internal import Hashing

/// Writes messages of `application/vnd.amazon.eventstream`, as a vendor would.
public enum EventStreamWriter {
    /// One message, whose headers are texts.
    public static func message(_ headers: [(name: String, value: String)], _ payload: [UInt8]) -> [UInt8] {
        let head = headers.flatMap { header -> [UInt8] in
            let (name, value) = (Array(header.name.utf8), Array(header.value.utf8))
            return [UInt8(name.count)] + name + [7] + big(value.count).suffix(2) + value
        }
        let prelude = big(16 + head.count + payload.count) + big(head.count)
        let whole = prelude + big(Int(CRC32.checksum(of: prelude.span))) + head + payload
        return whole + big(Int(CRC32.checksum(of: whole.span)))
    }

    /// One event with a JSON text.
    public static func event(_ type: String, _ json: String) -> [UInt8] {
        message([(name: ":message-type", value: "event"), (name: ":event-type", value: type)], Array(json.utf8))
    }

    private static func big(_ number: Int) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
