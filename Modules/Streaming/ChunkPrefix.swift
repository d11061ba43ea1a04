import Core

/// What stands before the text of every chunk of one panel, written once per stream.
struct ChunkPrefix: Sendable {
    /// Up to the offset: `id: <stream>-`.
    let id: String
    private let prefixes: [String]

    init(_ stream: StreamID) {
        id = "id: \(stream.text)-"
        prefixes = Self.shared
    }

    func append(_ panel: Panel, _ stage: Stage, to text: inout JSONWriter) {
        text.raw(prefixes[Self.place(panel, stage)])
    }

    private static func place(_ panel: Panel, _ stage: Stage) -> Int {
        (Stage.allCases.firstIndex(of: stage) ?? 0) * 2 + (panel == .chat ? 1 : 0)
    }

    private static let shared: [String] = Stage.allCases.flatMap { stage in
        [Panel.reasoning, .chat].map { panel in
            "\ndata: {\"type\":\"content_chunk\",\"panel\":\"\(panel.rawValue)\",\"stage\":\"\(stage.rawValue)\",\"content\":\""
        }
    }
}
