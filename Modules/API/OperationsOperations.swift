import Chat
import Core
import HTTPServer
import Persistence
import Settings
import Telemetry

extension API {
    /// What this user's client may use.
    var featureOperations: [Operation] {
        [
            Operation(
                "GET", "/features", "Read the feature flags of this user",
                answers: [.json(200, "Flags by name.", Schema.object(["streaming": Schema.flag]))]
            ) { request in
                let flags = live.withLock { $0.flags }.resolved(for: user(request))
                return .json(JSONValue.object(flags.mapValues { .bool($0) }).bytes)
            }
        ]
    }

    /// Calls for those who run the server.
    var operationsOperations: [Operation] {
        [
            Operation(
                "GET", "/healthz", "Tell whether the process lives",
                answers: [.json(200, "It does.", Schema.object(["status": Schema.text, "version": Schema.text]))]
            ) { _ in
                .json(
                    JSONValue.object(["status": "ok", "version": .string(Product.version)]).bytes,
                    headers: ["Cache-Control": "no-store"])
            },
            Operation(
                "GET", "/readyz", "Tell whether the server takes requests",
                answers: [
                    .json(200, "It does.", Schema.object(["status": Schema.text])),
                    .init(
                        503, "It goes down, or its store is damaged or full: the detail says which.",
                        ["application/problem+json": Schema.reference("Problem")]),
                ]
            ) { _ in
                guard isReady.isSet else {
                    throw PlatformError(.shuttingDown, "The server is going down.")
                }
                if let trouble = chat.storeTrouble { throw PlatformError(.unavailable, trouble.sentence) }
                return .json(JSONValue.object(["status": "ready"]).bytes, headers: ["Cache-Control": "no-store"])
            },
            Operation(
                "GET", "/metrics", "Read the metrics",
                answers: [.init(200, "In the text format of Prometheus.", ["text/plain": Schema.text])]
            ) { _ in
                .text(metrics.text, type: Metrics.contentType)
            },
            Operation(
                "GET", "/openapi.json", "Read this document",
                answers: [.json(200, "OpenAPI 3.1.", ["type": "object"])]
            ) { _ in
                .json(OpenAPI(operations: operations).document.bytes)
            },
        ]
    }
}

extension StoreTrouble {
    /// For those who run the server.
    fileprivate var sentence: String {
        switch self {
        case .damaged: "The store's file is damaged, and nothing is written to it. Keep it, and restore a backup."
        case .full: "There is no room for anything new: turns are refused with 507 until there is."
        }
    }
}
