import Core
import HTTPServer

/// An error in the form of OpenAI's API: `{"error":{"message","type","param","code"}}`.
struct OpenAIError {
    var status: Int
    /// Clients choose what to do by it where they do not look at the status, as in the middle of a stream.
    var type: String
    var code: String
    var message: String
    /// The member of the request that is wrong.
    var param: String?
    var headers = Headers()

    /// Where the calls of OpenAI's API stand.
    static let paths = "/v1/"

    init(_ error: PlatformError) {
        status = Self.status(error)
        type = Self.type(status)
        code = Self.code(error)
        message = error.message
        param = error.field
        headers["Retry-After"] = error.waiting(status: status)
        // OpenAI's own clients repeat every 5xx; this tells them where that is of no use.
        headers["x-should-retry"] = error.code.isRetryable ? "true" : "false"
    }

    init(_ error: HTTPError) {
        (status, code, message, headers) = (error.status, error.code, error.message, error.headers)
        type = Self.type(status)
    }

    /// OpenAI answers everything that is wrong with a request with 400, a rejected parameter included, which is the
    /// caller's here: clients have a class of errors for it.
    private static func status(_ error: PlatformError) -> Int {
        switch error.code {
        case .invalidRequest, .malformedBody, .contentBlocked, .contextTooLong, .providerRejected: 400
        default: error.code.httpStatus
        }
    }

    private static func type(_ status: Int) -> String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 429: "rate_limit_error"
        case ..<500: "invalid_request_error"
        default: "server_error"
        }
    }

    /// OpenAI's word where it has one that clients look for, ours otherwise.
    private static func code(_ error: PlatformError) -> String {
        switch error.code {
        case .contextTooLong: "context_length_exceeded"
        case .contentBlocked: "content_filter"
        case .rateLimited: "rate_limit_exceeded"
        case .notFound where error.field == "model": "model_not_found"
        default: error.code.rawValue
        }
    }

    var json: JSONValue {
        [
            "error": [
                "message": .string(message), "type": .string(type), "param": .text(param), "code": .string(code),
            ]
        ]
    }

    var response: Response {
        var headers = headers
        headers["Cache-Control"] = "no-store"
        return .json(json.bytes, status: status, headers: headers)
    }

    static let schema = Schema.object(
        [
            "error": Schema.object(
                [
                    "message": Schema.text, "type": Schema.text, "param": Schema.optionalText,
                    "code": Schema.optionalText,
                ], required: ["message", "type", "param", "code"])
        ], required: ["error"])
}
