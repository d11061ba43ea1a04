internal import CLlhttp

/// One HTTP/1.1 message at a time, parsed by llhttp in strict mode; loop-confined.
final class RequestParser {
    private let parser = UnsafeMutablePointer<llhttp_t>.allocate(capacity: 1)
    private let limits: HTTPServerSettings
    private var chunks: ChunkScanner?
    private var target: [UInt8] = []
    private var name: [UInt8] = []
    private var value: [UInt8] = []
    private var headers = Headers()
    private var isHeadComplete = false
    /// What has come of the body so far.
    private(set) var body: [UInt8] = []
    /// Whether the message has ended.
    private(set) var isWhole = false

    init(_ settings: HTTPServerSettings) {
        limits = settings
        llhttp_init(parser, HTTP_REQUEST, Self.callbacks)
        parser.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    }

    deinit { parser.deallocate() }

    /// Makes ready for the next message, and gives back the memory of this one: most connections are idle.
    func reset() {
        llhttp_reset(parser)
        chunks = nil
        target = []
        name = []
        value = []
        headers = Headers()
        isHeadComplete = false
        body = []
        isWhole = false
    }

    /// Parses a whole head, as ``HeadScanner`` found it.
    func parse(head bytes: Span<UInt8>) throws(HTTPError) -> RequestHead {
        guard RequestLine.isWellFormed(bytes) else {
            throw HTTPError.malformed("A request begins with a method, a target and a version of HTTP.")
        }
        let used = try execute(bytes)
        guard parser.pointee.http_major == 1, parser.pointee.http_minor <= 1 else {
            throw Self.versionNotSupported
        }
        guard isHeadComplete, used == bytes.count else {
            throw HTTPError.malformed("The request's header has no clear end.")
        }
        var head = RequestHead()
        head.method = String(cString: llhttp_method_name(llhttp_method_t(UInt32(parser.pointee.method))))
        head.isHTTP11 = parser.pointee.http_minor == 1
        head.keepsAlive = llhttp_should_keep_alive(parser) != 0
        head.target = String(decoding: target, as: UTF8.self)
        head.headers = headers
        if let length = headers["content-length"] {
            guard let number = Int(length) else {
                throw HTTPError.malformed("Content-Length is not a number that fits.")
            }
            head.contentLength = number
        }
        let codings = headers.values("transfer-encoding")
        guard !codings.isEmpty else { return head }
        guard head.isHTTP11 else { throw HTTPError.malformed("HTTP/1.0 has no transfer codings.") }
        guard codings.count == 1, Headers.same(codings[0], "chunked") else {
            throw HTTPError(501, code: "transfer_coding", "Only the transfer coding 'chunked' is understood.")
        }
        head.isChunked = true
        chunks = ChunkScanner(limits)
        return head
    }

    /// Parses more of the body.
    ///
    /// - Returns: how many bytes belonged to this message.
    func parse(body bytes: Span<UInt8>) throws(HTTPError) -> Int {
        guard let framed = try chunks?.scan(bytes) else { return try execute(bytes) }
        let used = try execute(bytes.extracting(..<framed))
        guard used == framed else { throw HTTPError.malformed("The chunks of the body have no clear end.") }
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
            return used
        case HPE_INVALID_METHOD:
            throw HTTPError(501, code: "method_unknown", "The request method is not known.")
        case HPE_INVALID_VERSION, HPE_PAUSED_H2_UPGRADE:
            throw Self.versionNotSupported
        default:
            let reason = llhttp_get_error_reason(parser).map { String(cString: $0) } ?? ""
            throw HTTPError.malformed("The request is not valid HTTP. \(reason)")
        }
    }

    private static var versionNotSupported: HTTPError {
        HTTPError(505, code: "version_not_supported", "Use HTTP/1.1.")
    }

    // MARK: Callbacks

    private static func of(_ parser: UnsafeMutablePointer<llhttp_t>?) -> RequestParser? {
        parser?.pointee.data.map { Unmanaged<RequestParser>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func bytes(_ start: UnsafePointer<CChar>?, _ count: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: start, count: count)
    }

    /// Shared by all parsers, and never written again.
    private nonisolated(unsafe) static let callbacks: UnsafeMutablePointer<llhttp_settings_t> = {
        let callbacks = UnsafeMutablePointer<llhttp_settings_t>.allocate(capacity: 1)
        llhttp_settings_init(callbacks)
        callbacks.pointee.on_url = { parser, start, count in
            of(parser)?.target.append(contentsOf: bytes(start, count))
            return 0
        }
        callbacks.pointee.on_header_field = { parser, start, count in
            of(parser)?.name.append(contentsOf: bytes(start, count))
            return 0
        }
        callbacks.pointee.on_header_value = { parser, start, count in
            of(parser)?.value.append(contentsOf: bytes(start, count))
            return 0
        }
        callbacks.pointee.on_header_value_complete = { parser in
            of(parser)?.endHeader()
            return 0
        }
        callbacks.pointee.on_headers_complete = { parser in
            of(parser)?.isHeadComplete = true
            return 0
        }
        callbacks.pointee.on_body = { parser, start, count in
            of(parser)?.body.append(contentsOf: bytes(start, count))
            return 0
        }
        callbacks.pointee.on_message_complete = { parser in
            of(parser)?.isWhole = true
            return Int32(HPE_PAUSED.rawValue)
        }
        return callbacks
    }()

    private func endHeader() {
        defer {
            name.removeAll(keepingCapacity: true)
            value.removeAll(keepingCapacity: true)
        }
        // The trailers of a chunked body come here too, after the head was handed over: nobody may rely on them.
        guard !isHeadComplete else { return }
        // Blanks after a value are no part of it (RFC 9112, section 5.1); the parser drops those before it alone.
        while value.last == 0x20 || value.last == 0x09 { value.removeLast() }
        headers.append(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
    }
}
