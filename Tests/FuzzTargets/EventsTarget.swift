import Core

/// However the bytes are cut, the events are the same; none is larger than the limit; written again, they read the same.
enum EventsTarget {
    private struct Event: Equatable {
        var type: String
        var id: String
        var data: [UInt8]
    }

    private struct Reading: Equatable {
        var events: [Event] = []
        var error: ServerSentEventError?
        var lastEventID = ""
        var retry: Duration?
        var comments = 0
    }

    static func run(_ input: [UInt8]) throws(Breach) {
        for mode in [ServerSentEventDecoder.Mode.standard, .provider] {
            let whole = read([input], mode)
            // The input says where it is cut, so that a found input is cut the same way again.
            let size = Int(input.first ?? 0) % 7 + 1
            let pieces = stride(from: 0, to: input.count, by: size).map {
                Array(input[$0..<min($0 + size, input.count)])
            }
            guard read(pieces, mode) == whole else {
                throw Breach("pieces of \(size) bytes give other events (\(mode))")
            }
            guard whole.events.allSatisfy({ String(validating: $0.data, as: UTF8.self) != nil }) else {
                throw Breach("data that is not UTF-8 (\(mode))")
            }
            let limited = read(pieces, mode, limit: 64)
            guard limited.events.allSatisfy({ $0.data.count <= 64 }) else {
                throw Breach("data over the limit (\(mode))")
            }
            guard limited.error != nil || limited == whole else {
                throw Breach("the limit changed the events (\(mode))")
            }
            try writeAgain(whole.events)
        }
    }

    private static func writeAgain(_ events: [Event]) throws(Breach) {
        var bytes: [UInt8] = []
        for event in events {
            ServerSentEvent.append(id: event.id, type: event.type, data: event.data.span, to: &bytes)
        }
        var expected = events
        // In the data each line end comes back as LF, and in the type NUL is left out, as the encoder says.
        for index in expected.indices {
            expected[index].type.unicodeScalars.removeAll { $0 == "\0" }
            if expected[index].type.isEmpty { expected[index].type = "message" }
            expected[index].data = linesEndedByLF(expected[index].data)
        }
        guard read([bytes], .standard).events == expected else { throw Breach("events written again read differently") }
    }

    private static func linesEndedByLF(_ data: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for (index, byte) in data.enumerated() {
            if byte == 0x0A, index > 0, data[index - 1] == 0x0D { continue }
            result.append(byte == 0x0D ? 0x0A : byte)
        }
        return result
    }

    private static func read(_ pieces: [[UInt8]], _ mode: ServerSentEventDecoder.Mode, limit: Int = 1 << 20) -> Reading
    {
        var decoder = ServerSentEventDecoder(mode: mode, maximumEventBytes: limit)
        var reading = Reading()
        let keep = { (type: String, id: String, data: Span<UInt8>) in
            reading.events.append(Event(type: type, id: id, data: data.indices.map { data[$0] }))
        }
        do throws(ServerSentEventError) {
            for piece in pieces { try decoder.decode(piece.span, keep) }
            try decoder.finish(keep)
        } catch {
            reading.error = error
        }
        reading.lastEventID = decoder.lastEventID
        reading.retry = decoder.retry
        reading.comments = decoder.comments
        return reading
    }
}
