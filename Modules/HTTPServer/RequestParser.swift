internal import CLlhttp

/// One HTTP/1.1 message at a time, parsed by llhttp in strict mode. Loop-confined.
final class RequestParser {
    /// What the head of a request says.
    struct Head {
        var method = ""
        var target = ""
        var headers = Headers()
        var isHTTP11 = true
        var keepsAlive = true
        /// `nil` when there is no body or it comes in chunks.
        var contentLength: Int?
        var isChunked = false
    }

    enum Progress {
        case needsMore
        /// The message is whole.
        case complete
    }

    private let parser = UnsafeMutablePointer<llhttp_t>.allocate(capacity: 1)
    private var target: [UInt8] = []
    private var name: [UInt8] = []
    private var value: [UInt8] = []
    private var headers = Headers()
    private(set) var body: [UInt8] = []
    private var isComplete = false

    init() {
        llhttp_init(parser, HTTP_REQUEST, Self.settings)
        parser.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit { parser.deallocate() }

    /// Makes ready for the next message.
    func reset() {
        llhttp_reset(parser)
        parser.pointee.data = Unmanaged.passUnretained(self).toOpaque()
        target = []
        headers = Headers()
        body = []
        isComplete = false
    }

    /// Parses a whole head, as ``HeadScanner`` found it.
    func parse(head: Span<UInt8>) throws(HTTPError) -> Head {
        _ = try execute(head)
        var result = Head()
        result.method = String(cString: llhttp_method_name(llhttp_method_t(UInt32(parser.pointee.method))))
        guard parser.pointee.http_major == 1, parser.pointee.http_minor <= 1 else {
            throw HTTPError(505, code: "version_not_supported", "Use HTTP/1.1.")
        }
        result.isHTTP11 = parser.pointee.http_minor == 1
        guard let target = String(validating: target, as: UTF8.self) else {
            throw HTTPError.malformed("The URL is not valid UTF-8.")
        }
        result.target = target
        result.headers = headers
        result.keepsAlive = llhttp_should_keep_alive(parser) != 0
        result.contentLength = headers["content-length"].flatMap { Int($0) }
        if headers["content-length"] != nil, result.contentLength == nil {
            throw HTTPError.malformed("Content-Length is not a number that fits.")
        }
        result.isChunked = headers["transfer-encoding"] != nil
        if result.isChunked {
            let codings = headers.values("transfer-encoding")
            guard codings.count == 1, Headers.same(codings[0], "chunked"), result.isHTTP11 else {
                throw HTTPError(501, code: "transfer_coding", "Only the transfer coding 'chunked' is understood.")
            }
        }
        return result
    }

    /// Whether the message ended with its head.
    var isWhole: Bool { isComplete }

    /// Parses more of the body.
    ///
    /// - Returns: how many bytes belonged to this message.
    func parse(body bytes: Span<UInt8>, limit: Int) throws(HTTPError) -> Int {
        let used = try execute(bytes)
        guard body.count <= limit else {
            throw HTTPError(413, code: "body_too_large", "The body is larger than \(limit) bytes.")
        }
        return used
    }

    private func execute(_ bytes: Span<UInt8>) throws(HTTPError) -> Int {
        let (failure, used) = bytes.withUnsafeBytes { raw -> (llhttp_errno, Int) in
            let base = raw.baseAddress?.assumingMemoryBound(to: CChar.self)
            let failure = llhttp_execute(parser, base, raw.count)
            guard failure != HPE_OK, let base, let position = llhttp_get_error_pos(parser) else {
                return (failure, raw.count)
            }
            return (failure, position - base)
        }
        switch failure {
        case HPE_OK: return used
        case HPE_PAUSED:
            llhttp_resume(parser)
            return used
        case HPE_PAUSED_UPGRADE:
            // We speak HTTP/1.1 alone here: what follows is the next request.
            llhttp_resume_after_upgrade(parser)
            isComplete = true
            return used
        case HPE_INVALID_METHOD:
            throw HTTPError(501, code: "method_unknown", "The request method is not known.")
        case HPE_INVALID_VERSION:
            throw HTTPError(505, code: "version_not_supported", "Use HTTP/1.1.")
        default:
            let reason = llhttp_get_error_reason(parser).map { String(cString: $0) } ?? ""
            throw HTTPError.malformed("The request is not valid HTTP. \(reason)")
        }
    }

    // MARK: Callbacks

    private static func of(_ parser: UnsafeMutablePointer<llhttp_t>?) -> RequestParser? {
        parser?.pointee.data.map { Unmanaged<RequestParser>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func bytes(_ start: UnsafePointer<CChar>?, _ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Shared by all parsers, and never written again.
    private nonisolated(unsafe) static let settings: UnsafeMutablePointer<llhttp_settings_t> = {
        let settings = UnsafeMutablePointer<llhttp_settings_t>.allocate(capacity: 1)
        llhttp_settings_init(settings)
        settings.pointee.on_url = { parser, start, count in
            of(parser)?.target.append(contentsOf: bytes(start, count))
            return 0
        }
        settings.pointee.on_header_field = { parser, start, count in
            of(parser)?.name.append(contentsOf: bytes(start, count))
            return 0
        }
        settings.pointee.on_header_value = { parser, start, count in
            of(parser)?.value.append(contentsOf: bytes(start, count))
            return 0
        }
        settings.pointee.on_header_value_complete = { parser in
            of(parser)?.endHeader()
            return 0
        }
        settings.pointee.on_body = { parser, start, count in
            of(parser)?.body.append(contentsOf: bytes(start, count))
            return 0
        }
        settings.pointee.on_message_complete = { parser in
            of(parser)?.isComplete = true
            return Int32(HPE_PAUSED.rawValue)
        }
        return settings
    }()

    private func endHeader() {
        // Trailers of a chunked body come here too, after the head has been handed over: they are dropped.
        let (name, value) = (String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
        headers.append(name, value)
        self.name.removeAll(keepingCapacity: true)
        self.value.removeAll(keepingCapacity: true)
    }
}
