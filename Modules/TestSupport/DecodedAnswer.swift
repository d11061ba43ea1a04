public import Core
public import Providers

/// What came of reading an answer.
public struct DecodedAnswer: Sendable {
    public var deltas: [Delta] = []
    public var error: PlatformError?

    public init() {}

    public var text: String {
        shown.reduce(into: "") { text, delta in if case .content(let piece) = delta { text += piece } }
    }

    public var reasoning: String {
        shown.reduce(into: "") { text, delta in if case .reasoning(let piece) = delta { text += piece } }
    }

    /// What was not withdrawn.
    private var shown: ArraySlice<Delta> {
        deltas.lastIndex(of: .retract).map { deltas[($0 + 1)...] } ?? deltas[...]
    }

    public var model: String? {
        deltas.lazy.compactMap { delta in if case .start(let model) = delta { model } else { nil } }.first
    }

    public var finishes: [FinishReason] {
        deltas.compactMap { delta in if case .finish(let reason) = delta { reason } else { nil } }
    }

    /// The kinds of the flags.
    public var flags: [String] {
        deltas.compactMap { delta in if case .flag(let flag) = delta { flag.kind } else { nil } }
    }

    public var usage: Usage? {
        deltas.compactMap { delta in if case .usage(let usage) = delta { usage } else { nil } }.last
    }

    /// Reads a body that comes in `pieces`, from its head to its end.
    public init(_ dialect: any Dialect, _ head: ResponseHead, _ pieces: [ArraySlice<UInt8>]) {
        do throws(PlatformError) {
            var reader = try AnswerReader(of: dialect, head)
            read(pieces, with: &reader)
            guard error == nil else { return }
            try reader.finish(into: &deltas)
        } catch {
            self.error = error
        }
    }

    /// Reads some pieces from the middle of a body.
    package init(_ reader: inout AnswerReader, _ pieces: [ArraySlice<UInt8>], isEnd: Bool) {
        read(pieces, with: &reader)
        guard isEnd, error == nil else { return }
        do throws(PlatformError) { try reader.finish(into: &deltas) } catch { self.error = error }
    }

    private mutating func read(_ pieces: [ArraySlice<UInt8>], with reader: inout AnswerReader) {
        for piece in pieces {
            do throws(PlatformError) {
                try reader.read(piece.span, into: &deltas)
            } catch {
                self.error = error
                return
            }
        }
    }
}
