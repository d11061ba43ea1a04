import Reactor
import TestSupport
import Testing

@Suite("The byte buffer")
struct ByteBufferTests {
    @Test("It gives out what was put in, in order, however appends and takes alternate", arguments: UInt64(1)...100)
    func queue(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var buffer = ByteBuffer()
        var model: [UInt8] = []
        for _ in 0..<200 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: buffer.consume(take(Int.random(in: 0...700, using: &random), from: &model))
            case 1:
                let byte = UInt8.random(in: 0...255, using: &random)
                buffer.append(byte: byte)
                model.append(byte)
            case 2:
                let number = Int.random(in: 0...Int.max, using: &random) >> Int.random(in: 0..<63, using: &random)
                buffer.append(hexadecimal: number)
                model += Array(String(number, radix: 16).utf8)
            default:
                let bytes = (0..<Int.random(in: 0...600, using: &random)).map { UInt8(truncatingIfNeeded: $0) }
                buffer.append(bytes)
                model += bytes
            }
            buffer.trim(above: 64)
            let (count, isEmpty) = (buffer.count, buffer.isEmpty)
            #expect(count == model.count)
            #expect(isEmpty == model.isEmpty)
        }
        let left = buffer.bytes
        #expect(left == model)
    }

    private func take(_ count: Int, from model: inout [UInt8]) -> Int {
        model.removeFirst(min(count, model.count))
        return count
    }

    @Test("Texts and spans are appended as their bytes")
    func forms() {
        var buffer = ByteBuffer()
        buffer.append("static" as StaticString)
        buffer.append(String("é".unicodeScalars))
        buffer.append([1, 2, 3].span.extracting(1...))
        let bytes = buffer.bytes
        #expect(bytes == Array("staticé".utf8) + [2, 3])
        buffer.clear()
        let left = buffer.count
        #expect(left == 0)
    }

    @Test(
        "The bounds of hexadecimal numbers",
        arguments: [(0, "0"), (15, "f"), (16, "10"), (Int.max, "7fffffffffffffff")])
    func hexadecimal(number: Int, text: String) {
        var buffer = ByteBuffer()
        buffer.append(hexadecimal: number)
        let bytes = buffer.bytes
        #expect(bytes == Array(text.utf8))
    }
}

extension ByteBuffer {
    fileprivate var bytes: [UInt8] { withSpan { span in span.indices.map { span[$0] } } }
}
