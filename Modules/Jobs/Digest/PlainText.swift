/// What is left of an answer when its Markdown is taken away.
enum PlainText {
    /// The paragraphs of a text: list items and table rows are paragraphs of their own, code blocks are left out, and so
    /// are headings, which are no sentences.
    static func paragraphs(of markdown: Substring) -> [String] {
        var paragraphs: [String] = []
        var open: [Substring] = []
        var isCode = false

        func close() {
            let text = inline(open.joined(separator: " "))
            if !text.isEmpty { paragraphs.append(text) }
            open = []
        }

        for line in markdown.split(separator: /\r\n|\r|\n/, omittingEmptySubsequences: false) {
            let text = line.trimmed
            if text.hasPrefix("```") || text.hasPrefix("~~~") {
                close()
                isCode.toggle()
            } else if isCode || text.isEmpty || text.hasPrefix("#") || text.allSatisfy({ "-=*_|: ".contains($0) }) {
                close()
            } else if let item = text.prefixMatch(of: /([-*+>]|[0-9]{1,3}[.)])[ \t]+/) {
                close()
                open = [text[item.range.upperBound...]]
            } else {
                open.append(text)
            }
        }
        close()
        return paragraphs
    }

    /// Without emphasis, code marks, links' targets and pictures, its white space single.
    private static func inline(_ text: String) -> String {
        text.replacing(/!\[[^\]]*\]\([^)]*\)/, with: "")
            .replacing(/\[([^\]]*)\]\([^)]*\)/) { $0.1 }
            .replacing(/\*\*|__|`/, with: "")
            .replacing(/(^|[\s(])[*_]([^*_]+)[*_]/) { $0.1 + $0.2 }
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}

extension Substring {
    /// Without white space at either end.
    var trimmed: Substring {
        let start = drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return start[...last]
    }
}
