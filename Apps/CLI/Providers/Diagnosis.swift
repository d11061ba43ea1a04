import Core
import HTTPClient
import Providers

/// Says what is wrong with a provider, and what to do, in words that hold no secret.
struct Diagnosis {
    private let facts: ProviderFacts

    init(_ facts: ProviderFacts) { self.facts = facts }

    private var section: String { "providers.\(facts.name)" }
    private var host: String { facts.host ?? facts.name }

    /// What is wrong with an answer that came to its end; `nil` when nothing is.
    func problem(isStreamed: Bool, hasText: Bool, _ finish: FinishReason?) -> Checkup.Problem? {
        if finish == .contentFilter {
            return Checkup.Problem(
                code: "content_blocked", what: "Its content filter withheld the answer to a harmless question.",
                advice: "Look at the filter's settings in \(section) and in the provider's account.")
        }
        if !hasText {
            let isCut = finish == .length
            return Checkup.Problem(
                code: "empty_answer",
                what: isCut ? "The answer reached its length limit before any text." : "The answer has no text.",
                advice: isCut
                    ? "The model spends its tokens on reasoning: raise \(section).parameters.max_output_tokens."
                    : "See what it says: medstream providers try \(facts.name) \"Hello\".")
        }
        guard !isStreamed else { return nil }
        return Checkup.Problem(
            code: "not_streamed", what: "The answer came at once, though a stream was asked for.",
            advice:
                "Clinicians would wait for the whole answer. Look for a proxy at \(host) that collects answers, or a "
                + "server that does not stream.")
    }

    /// What a failed request means.
    func problem(_ error: PlatformError) -> Checkup.Problem {
        let (what, advice) = sentences(ProviderFailure(error), error)
        return Checkup.Problem(code: error.code.rawValue, what: what, advice: advice)
    }

    private func sentences(_ failure: ProviderFailure, _ error: PlatformError) -> (String, String) {
        let told = error.cause as? ErrorAnswer
        let status = status(of: told)
        switch failure.kind {
        case .authentication:
            return facts.hasKey
                ? (
                    "It refuses the key\(status).",
                    "Look at the key in \(section): it may be mistyped, withdrawn, of another account or region, or not "
                        + "allowed to use \(facts.model)."
                )
                : ("It wants a key, and none is set\(status).", "Set the key in \(section).")
        case .quota:
            return (
                "The account is used up or not paid for\(status).",
                "Add credit, or raise the account's limit, where the key of \(section) was made."
            )
        case .rateLimited:
            return (
                "It is asked too much at the moment\(status).",
                "Check again \(later(failure.wait)); where it lasts, raise the account's limits."
            )
        case .modelNotFound: return missingModel(status, told)
        case .rejected: return rejection(status, told)
        case .contentBlocked:
            return (
                "Its content filter refuses a harmless question\(status).",
                "Look at the filter's settings in \(section) and in the provider's account."
            )
        case .contextTooLong:
            return (
                "It says that a question of one line is too long\(status).",
                "Look at \(section).parameters.max_output_tokens and at the context size that the server was started with."
            )
        case .overloaded, .failed, .upstreamTimeout:
            return ("It has trouble of its own\(status).", "Check again \(later(failure.wait)).")
        case .unreachable, .staleConnection, .connectTimeout: return noConnection(error)
        case .firstByteTimeout, .idleTimeout, .totalTimeout, .cancelled:
            return (
                "It did not answer in time.",
                "Give it longer with --timeout; a model that is being loaded or that reasons for long may need it. See "
                    + "\(section).timeouts too."
            )
        case .truncated:
            return (
                "The answer began and broke off.",
                "Check again; where it lasts, look for a proxy before \(host) that cuts connections."
            )
        case .protocolError:
            return (
                "What \(host) answers is not of the kind '\(facts.kind)'.",
                "Look at \(section).kind, and at the address: asked was \(facts.url ?? host)."
            )
        case .local: return (error.message, "Look at \(section).")
        }
    }

    private func missingModel(_ status: String, _ told: ErrorAnswer?) -> (String, String) {
        // An error without a code of the provider's is mostly not the provider's at all.
        if told?.names.isEmpty ?? true {
            return (
                "There is nothing at the address that was asked, or no model '\(facts.model)'\(status).",
                "Look at the address, \(facts.url ?? host), and at \(section).model."
            )
        }
        return (
            "It does not know the model '\(facts.model)'\(status), or the key may not use it.",
            "Look at \(section).model, and at the address: asked was \(facts.url ?? host)."
        )
    }

    private func rejection(_ status: String, _ told: ErrorAnswer?) -> (String, String) {
        if let code = told?.status, (300..<400).contains(code) {
            return (
                "It points to another address\(status).",
                "Redirects are not followed, for the key's sake. Give the address itself; asked was \(facts.url ?? host)."
            )
        }
        return (
            "It refuses the request\(status).",
            "A setting may not suit the model: try without \(section).parameters, then put them back one by one. Asked "
                + "was \(facts.url ?? host)."
        )
    }

    private func noConnection(_ error: PlatformError) -> (String, String) {
        let transport = error.cause as? HTTPClientError
        let detail = transport.map { $0.detail.isEmpty ? "" : " (\($0.detail))" } ?? ""
        switch transport?.kind {
        case .dns:
            return (
                "The name \(host) is not known\(detail).",
                "Look at the address in \(section), and at this machine's network, DNS and proxy settings."
            )
        case .tls:
            return (
                "There is no trusted TLS connection to \(host)\(detail).",
                "Look at its certificate, at http against https in the address, and at this machine's certificates."
            )
        case .reset, .staleConnection:
            return (
                "\(host) broke the connection off before it answered\(detail).", "Look at the server and any proxy."
            )
        default:
            return (
                "There is no connection to \(host)\(detail).",
                "Is the server running, and the port right? Look at firewalls and proxy settings too."
            )
        }
    }

    /// What the provider said, in parentheses; of its words only codes.
    private func status(of told: ErrorAnswer?) -> String {
        guard let told else { return "" }
        let parts = [told.status.map { "status \($0)" }].compactMap(\.self) + told.names
        return parts.isEmpty ? "" : " (\(parts.joined(separator: ", ")))"
    }

    private func later(_ wait: Duration?) -> String { wait.map { "in \(Amounts.time($0))" } ?? "later" }
}
