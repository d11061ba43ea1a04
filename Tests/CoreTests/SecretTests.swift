import Core
import Testing

@Suite("A secret")
struct SecretTests {
    @Test("is told to who asks for it, and stands in no text, however it is made")
    func hidden() {
        let secret = Secret("hush")
        #expect(secret.reveal() == "hush")
        let holder: [String: Secret?] = ["key": secret]
        var dumped = ""
        dump(holder, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), "\(holder)", String(reflecting: holder)] {
            #expect(text.contains("<secret>"))
            #expect(!text.contains("hush"))
        }
        #expect(!dumped.contains("hush"))
        #expect(Mirror(reflecting: secret).children.isEmpty)
    }
}
