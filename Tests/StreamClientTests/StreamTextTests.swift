import Core
import StreamClient
import TestSupport
import Testing

@Suite("The text of a stream")
struct StreamTextTests {
    typealias Text = StreamEvent.PanelText

    static func chat(_ text: String) -> Text { Text(panel: .chat, stage: .chat, text: text) }
    static func reasoning(_ text: String) -> Text { Text(panel: .reasoning, stage: .chat, text: text) }
    static func chunk(_ text: Text) -> StreamEvent { .chunk(text.text, panel: text.panel, stage: text.stage) }

    static var shown: StreamText {
        var transcript = StreamText()
        _ = transcript.apply(chunk(reasoning("First think. ")))
        _ = transcript.apply(chunk(chat("Then ")))
        _ = transcript.apply(chunk(chat("speak.")))
        return transcript
    }

    @Test("grows by its chunks")
    func chunks() {
        var transcript = Self.shown
        #expect(transcript.texts == [Self.reasoning("First think. "), Self.chat("Then speak.")])
        #expect(transcript.apply(Self.chunk(Self.chat(" Now."))) == [.append(Self.chat(" Now."))])
        #expect(transcript.apply(.progress(50)) == [])
        #expect(transcript.apply(.done(.complete)) == [])
    }

    @Test("that a resync goes on from is shown from there alone")
    func continuation() {
        var transcript = Self.shown
        let all = [Self.reasoning("First think. "), Self.chat("Then speak. And listen.")]
        #expect(transcript.apply(.resync(all)) == [.append(Self.chat(" And listen."))])
        #expect(transcript.texts == all)
    }

    @Test("that a resync merely repeats is not shown again")
    func repetition() {
        var transcript = Self.shown
        #expect(transcript.apply(.resync(transcript.texts)) == [])
    }

    @Test(
        "that a resync contradicts is shown anew",
        arguments: [
            [chat("Then speak.")], [reasoning("First think. "), chat("Then")],
            [reasoning("First think. "), chat("Then sing a song.")], [],
        ])
    func contradiction(texts: [Text]) {
        var transcript = Self.shown
        #expect(transcript.apply(.resync(texts)) == [.rewrite(texts)])
        #expect(transcript.texts == texts)
    }

    @Test("is continued by bytes: an accent may come after its letter")
    func combining() {
        var transcript = StreamText()
        _ = transcript.apply(Self.chunk(Self.chat("cafe")))
        #expect(transcript.apply(.resync([Self.chat("cafe\u{301}s")])) == [.append(Self.chat("\u{301}s"))])
        #expect(transcript.texts == [Self.chat("cafe\u{301}s")])
    }

    @Test(
        "loses what is withdrawn, in characters",
        arguments: [
            (0..<5, "speak."), (5..<10, "Then ."), (5..<99, "Then "), (99..<100, "Then speak."), (3..<3, "Then speak."),
        ])
    func retraction(span: Range<Int>, expected: String) {
        var transcript = Self.shown
        let changes = transcript.apply(.retract("Withdrawn.", span: span, panel: .chat, stage: .chat))
        #expect(transcript.texts == [Self.reasoning("First think. "), Self.chat(expected)])
        #expect(changes == (expected == "Then speak." ? [] : [.rewrite(transcript.texts)]))
    }

    @Test("is withdrawn as a whole when no span is given")
    func wholeRetraction() {
        var transcript = Self.shown
        let changes = transcript.apply(.retract("Withdrawn.", panel: .reasoning, stage: .chat))
        #expect(changes == [.rewrite([Self.reasoning(""), Self.chat("Then speak.")])])
    }

    @Test("is what a viewer shows who does as told", arguments: 0..<200 as Range<UInt64>)
    func viewer(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var transcript = StreamText()
        var screen: [Text] = []
        for step in 0..<40 {
            let panel = Bool.random(using: &random) ? Self.chat : Self.reasoning
            let event: StreamEvent
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                let more = transcript.texts.map { Text(panel: $0.panel, stage: $0.stage, text: $0.text + "é\(step)") }
                event = .resync(more)
            case 1: event = .resync(transcript.texts.dropLast())
            case 2: event = .retract("", span: 2..<Int.random(in: 2...9, using: &random), panel: .chat, stage: .chat)
            default: event = Self.chunk(panel("w\(step) "))
            }
            for change in transcript.apply(event) {
                switch change {
                case .rewrite(let texts): screen = texts
                case .append(let piece):
                    if let index = screen.firstIndex(where: { $0.panel == piece.panel }) {
                        screen[index].text += piece.text
                    } else {
                        screen.append(piece)
                    }
                }
            }
            #expect(screen == transcript.texts, "seed \(seed), step \(step)")
        }
    }
}
