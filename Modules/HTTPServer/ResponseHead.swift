import Glibc
import Reactor

/// The status line and header of an answer, as bytes.
enum ResponseHead {
    static func append(
        _ response: Response, length: Int?, isChunked: Bool, keepsAlive: Bool, isHTTP11: Bool,
        to output: inout ByteBuffer
    ) {
        output.append("HTTP/1.1 ")
        output.append(String(response.status))
        output.append(" ")
        output.append(Response.reason(of: response.status))
        output.append("\r\nDate: ")
        output.append(HTTPDate.now)
        for field in response.headers.fields where isSafe(field) && !isOurs(field.name) {
            output.append("\r\n")
            output.append(field.name)
            output.append(": ")
            output.append(field.value)
        }
        if let length {
            output.append("\r\nContent-Length: ")
            output.append(String(length))
        } else if isChunked {
            output.append("\r\nTransfer-Encoding: chunked")
        }
        if !keepsAlive {
            output.append("\r\nConnection: close")
        } else if !isHTTP11 {
            output.append("\r\nConnection: keep-alive")
        }
        output.append("\r\n\r\n")
    }

    /// Whether the server alone can say it truly: a second statement about the framing would split the answer.
    private static func isOurs(_ name: String) -> Bool {
        ["content-length", "transfer-encoding", "connection", "date"].contains { Headers.same(name, $0) }
    }

    /// A value with a line end would let its author write header fields of his own.
    private static func isSafe(_ field: Headers.Field) -> Bool {
        !field.name.isEmpty && field.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }
            && field.value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
    }
}

/// The date in the form of RFC 9110, section 5.6.7.
enum HTTPDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    static var now: String { text(of: time(nil)) }

    static func text(of seconds: Int) -> String {
        var seconds = time_t(seconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map(twoDigits).joined(separator: ":")
        let day = "\(days[Int(parts.tm_wday)]), \(twoDigits(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
        return "\(day) \(parts.tm_year + 1900) \(clock) GMT"
    }

    private static func twoDigits(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
