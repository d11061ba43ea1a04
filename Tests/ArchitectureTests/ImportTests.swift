import Foundation
import Testing

@Suite("The imports", .timeLimit(.minutes(1)))
struct ImportTests {
    @Test("A module imports what its line in the manifest names, and all of it")
    func agree() throws {
        let manifest = try Manifest.load()
        let ours = Set(manifest.targets.map(\.name))
        for target in manifest.targets where target.path.hasPrefix("Modules/") || target.path.hasPrefix("Apps/") {
            guard Layer(of: target) != .door else { continue }
            let imported = try Self.imports(in: Manifest.root.appending(path: target.path)).intersection(ours)
            let named = Set(target.dependencies)
            #expect(imported.subtracting(named) == [], "\(target.name) imports what the manifest does not name.")
            #expect(named.subtracting(imported) == [], "The manifest names what \(target.name) does not import.")
        }
    }

    @Test("Core reaches for nothing outside itself", arguments: ["Foundation", "Dispatch"])
    func core(outside: String) throws {
        #expect(try !Self.imports(in: Manifest.root.appending(path: "Modules/Core")).contains(outside))
    }

    @Test(
        "An import is read in every form",
        arguments: [
            ("import Core", "Core"), ("public import Reactor", "Reactor"), ("internal import CUV // loop", "CUV"),
            ("@testable import Chat", "Chat"), ("@preconcurrency public import JSON", "JSON"),
            ("import struct Core.Panel", "Core"), ("    import Core", "Core"), ("// import Core", nil),
            ("let important = 1", nil), ("/// import Core", nil),
        ])
    func forms(line: String, module: String?) {
        #expect(Self.imports(inText: line) == Set([module].compactMap(\.self)))
    }

    private static func imports(in folder: URL) throws -> Set<String> {
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        var names: Set<String> = []
        for case let file as URL in files ?? .init() where file.pathExtension == "swift" {
            names.formUnion(imports(inText: try String(contentsOf: file, encoding: .utf8)))
        }
        return names
    }

    private static func imports(inText text: String) -> Set<String> {
        let pattern =
            /^\s*(?:(?:@\w+|public|package|internal|fileprivate|private)\s+)*import\s+(?:(?:struct|class|enum|protocol|func|typealias|let|var)\s+)?(\w+)/
        return Set(
            text.split(whereSeparator: \.isNewline).compactMap { try? pattern.prefixMatch(in: $0)?.output.1 }.map(
                String.init))
    }
}
