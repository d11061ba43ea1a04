import Core
import HTTPServer

extension PlatformError {
    /// The error as problem details (RFC 9457); the cause stays here.
    var response: Response { response() }

    /// The same; `instance` is the path of what it happened to.
    func response(instance: String? = nil) -> Response {
        var headers = Headers()
        headers["Retry-After"] = waiting(status: code.httpStatus)
        return .problem(
            status: code.httpStatus, code: code.rawValue, message, field: field, instance: instance, headers: headers)
    }

    /// What `Retry-After` says, in seconds; nothing where neither the error nor its status asks to wait.
    func waiting(status: Int) -> String? {
        if let retryAfter { return String(max(1, retryAfter.components.seconds)) }
        return status == 503 || status == 429 ? "2" : nil
    }
}
