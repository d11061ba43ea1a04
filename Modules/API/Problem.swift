import Core
import HTTPServer

extension PlatformError {
    /// The error as problem details (RFC 9457); the cause stays here.
    var response: Response { response() }

    /// The same; `instance` is the path of what it happened to.
    func response(instance: String? = nil) -> Response {
        var headers = Headers()
        if let retryAfter {
            headers["Retry-After"] = String(max(1, retryAfter.components.seconds))
        } else if code.httpStatus == 503 {
            headers["Retry-After"] = "2"
        }
        return .problem(
            status: code.httpStatus, code: code.rawValue, message, field: field, instance: instance, headers: headers)
    }
}
