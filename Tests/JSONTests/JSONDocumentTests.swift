import Core
import Foundation
import JSON
import Testing

@Suite("Looking values up in a document", .timeLimit(.minutes(1)))
struct JSONDocumentTests {
    static let text = #"""
        {"id":"c1","choices":[{"index":0,"delta":{"content":"Take 5 mg","role":null},"odd":[{},[],[1,2]]},{"index":1}],
         "usage":{"total":17,"share":0.5,"huge":18446744073709551615},"a/b":"slash","twice":1,"twice":"last","":"empty"}
        """#

    private func document() throws -> JSONDocument { try JSONDocument(parsing: Array(Self.text.utf8).span) }

    @Test("Strings are found by pointer")
    func strings() throws {
        let document = try document()
        #expect(document.string(at: "/id") == "c1")
        #expect(document.string(at: "/choices/0/delta/content") == "Take 5 mg")
        #expect(document.string(at: "/twice") == "last")
        #expect(document.string(at: "/") == "empty")
        #expect(document.string(at: "/choices/0/index") == nil)
        #expect(document.string(at: "/choices/2/delta") == nil)
        #expect(document.string(at: "/choices/x") == nil)
        #expect(document.string(at: "/choices/") == nil)
        #expect(document.string(at: "/id/more") == nil)
        #expect(document.string(at: "") == nil)
    }

    @Test("The elements of an array come in order, and nothing else has any")
    func elements() throws {
        let document = try document()
        var found: [[JSONValue]] = []
        for path in ["/choices/0/odd", "/choices/0/odd/0", "/id", ""] as [StaticString] {
            guard let place = document.place(at: path) else { continue }
            found.append(document.elements(of: place).map { document.value($0) })
        }
        #expect(found == [[[:], [], [1, 2]], [], [], []])
        let flags = try JSONDocument(parsing: Array(#"[true,false,"true",1,null]"#.utf8).span)
        let truths = flags.elements(of: flags.root).map { flags.isTrue(at: "", in: $0) }
        #expect(truths == [true, false, false, false, false])
        let beyond = flags.isTrue(at: "/9")
        #expect(!beyond)
    }

    @Test("Numbers are found by pointer")
    func numbers() throws {
        let document = try document()
        #expect(document.int(at: "/usage/total") == 17)
        #expect(document.int(at: "/choices/1/index") == 1)
        #expect(document.int(at: "/choices/0/odd/2/1") == 2)
        #expect(document.int(at: "/usage/share") == nil)
        #expect(document.int(at: "/usage/huge") == nil)
        #expect(document.double(at: "/usage/total") == 17)
        #expect(document.double(at: "/usage/share") == 0.5)
        #expect(document.double(at: "/usage/huge") == 0x1p64)
        #expect(document.double(at: "/id") == nil)
    }

    @Test("Null is told from nothing")
    func null() throws {
        let document = try document()
        #expect(document.isNull(at: "/choices/0/delta/role") == true)
        #expect(document.exists(at: "/choices/0/delta/role") == true)
        #expect(document.isNull(at: "/choices/0/delta/name") == false)
        #expect(document.exists(at: "/choices/0/delta/name") == false)
    }

    @Test("A place is looked into from there")
    func places() throws {
        let document = try document()
        // A value that is not copyable cannot stand in a macro's argument, hence the steps.
        let first = document.place(at: "/choices/0")
        let choice = try #require(first)
        #expect(document.isObject(choice) == true)
        #expect(document.string(at: "/delta/content", in: choice) == "Take 5 mg")
        #expect(document.value(choice)["odd"] == [[:], [], [1, 2]])
        let named = document.place(named: "a/b", in: document.root)
        let slash = try #require(named)
        #expect(document.string(slash) == "slash")
        let absent = document.place(named: "a/b", in: choice)
        #expect(absent == nil)
        #expect(try document.value() == JSONValue(parsing: Self.text))
    }

    @Test("Documents may be open at once and be closed in any order")
    func nesting() throws {
        func open(_ number: Int) throws -> JSONDocument {
            try JSONDocument(parsing: Array(#"{"n":\#(number),"s":"\#(number)"}"#.utf8).span)
        }
        let first = try open(1)
        do {
            let second = try open(2)
            let third = try open(3)
            _ = consume second
            let fourth = try open(4)
            #expect(third.string(at: "/s") == "3")
            #expect(fourth.int(at: "/n") == 4)
            #expect(throws: JSONError.self) { _ = try JSONDocument(parsing: [0x7B].span) }
        }
        #expect(first.int(at: "/n") == 1)
        #expect(first.string(at: "/s") == "1")
    }

    @Test("A place of another document stops the process")
    func foreignPlace() async {
        await #expect(processExitsWith: .failure) {
            let first = try JSONDocument(parsing: Array("[1]".utf8).span)
            let second = try JSONDocument(parsing: Array("[1]".utf8).span)
            _ = second.value(first.root)
        }
    }

    @Test("A thread's first text may be empty")
    func firstText() async {
        let error = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                do throws(JSONError) {
                    _ = try JSONDocument(parsing: [UInt8]().span)
                    continuation.resume(returning: JSONError?.none)
                } catch {
                    continuation.resume(returning: error)
                }
            }
        }
        #expect(error == JSONError(.empty, at: 0))
    }

    @Test("A text far larger than those before it is read, and so are small ones after it")
    func growth() throws {
        for size in [10, 5000, 300_000, 10] {
            let text = #"{"text":"\#(String(repeating: "x", count: size))"}"#
            let document = try JSONDocument(parsing: Array(text.utf8).span)
            #expect(document.string(at: "/text")?.utf8.count == size)
        }
    }
}
