import Core
import Jobs
import Persistence
import Testing

@Suite("A digest")
struct DigestTests {
    private static let conversation = ConversationID()
    private static let user = UserID()

    private static func message(_ role: Prompt.Role, _ text: String, _ state: Message.State = .final) -> Message {
        Message(
            conversation: conversation, owner: user, role: role, text: text, state: state, createdAt: .now)
    }

    /// Questions and answers in turn.
    private static func digest(_ texts: String...) -> Digest {
        Digest(of: texts.enumerated().map { message($0.offset % 2 == 0 ? .user : .assistant, $0.element) })
    }

    @Test(
        "has for its title the first sentence that says something",
        arguments: [
            ("What is a Wells score?", "What is a Wells score?"),
            (
                "Hello! How do I dose amoxicillin in a child of 12.5 kg? She is allergic.",
                "How do I dose amoxicillin in a child of 12.5 kg?"
            ),
            ("Hi Dr. Smith here. The patient has chest pain.", "The patient has chest pain."),
            ("chest pain", "chest pain"), ("", ""), ("  \n ", ""),
            ("```\ncode\n```\nWhy does this fail?", "Why does this fail?"),
            (
                "# Case\n\nA man of **54** presents with [dyspnoea](https://x.example). More.",
                "A man of 54 presents with dyspnoea."
            ),
            ("Use e.g. aspirin 2.5 mg/kg now. Then wait.", "Use e.g. aspirin 2.5 mg/kg now."),
        ])
    func title(text: String, title: String) {
        #expect(Self.digest(text).title == title)
    }

    @Test("cuts a long title between words")
    func longTitle() {
        let text = Array(repeating: "paracetamol", count: 20).joined(separator: " ")
        let title = Self.digest(text).title
        #expect(title.count <= Digest.titleLength && title.hasSuffix("paracetamol…"))
        #expect(Self.digest(String(repeating: "x", count: 500)).title.count == Digest.titleLength)
    }

    @Test("sums up the first question, the last, and what weighs most in the answers")
    func summary() {
        let digest = Self.digest(
            "How is community acquired pneumonia treated?",
            """
            ## Treatment

            Community acquired pneumonia is treated with amoxicillin in most patients. Drink enough water too.
            - Severe pneumonia needs amoxicillin together with clarithromycin in hospital.
            - The weather is of no great importance at all here.
            """,
            "Thanks. And if the patient is allergic to penicillin?",
            "In penicillin allergy, pneumonia is treated with doxycycline in place of amoxicillin. Ask which reaction it was."
        )
        #expect(
            digest.summary
                == "How is community acquired pneumonia treated? And if the patient is allergic to penicillin? "
                + "Community acquired pneumonia is treated with amoxicillin in most patients. "
                + "In penicillin allergy, pneumonia is treated with doxycycline in place of amoxicillin.")
    }

    @Test("says nothing that was not said, and the same each time")
    func extractive() {
        let texts = [
            "Which drug lowers potassium fastest?",
            "Insulin with glucose shifts potassium into cells within minutes. "
                + "Salbutamol does so as well. Calcium protects the heart but does not lower potassium at all.",
            "How long does it last?", "The effect of insulin on potassium lasts four to six hours in most adults.",
        ]
        let messages = texts.enumerated().map { Self.message($0.offset % 2 == 0 ? .user : .assistant, $0.element) }
        let digest = Digest(of: messages)
        #expect(Digest(of: messages) == digest)
        let said = texts.joined(separator: " ")
        for sentence in digest.summary.split(separator: /[.?]( |$)/) {
            #expect(said.contains(sentence), "\(sentence)")
        }
        #expect(digest.summary.count <= 2 * 200 + 2 * 300 + 3)
    }

    @Test("passes over what is still being written, and is empty where nothing was asked")
    func empty() {
        #expect(Digest(of: []) == Digest(of: [Self.message(.assistant, "Pneumonia is treated with amoxicillin.")]))
        #expect(Digest(of: []).title == "" && Digest(of: []).summary == "")
        let open = Digest(of: [
            Self.message(.user, "What is it?"),
            Self.message(.assistant, "Pneumonia is an infection of the lungs.", .streaming),
        ])
        #expect(open.summary == "What is it?")
    }
}
