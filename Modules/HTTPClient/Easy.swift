internal import CCurlShim

/// Owns one easy handle of libcurl's, used for one transfer after another.
final class Easy {
    let handle: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?
    /// The transfer under way; keeps it alive while libcurl may call it.
    var owner: Transfer?

    /// Bytes of the largest frame that libcurl lets an HTTP/2 server send (RFC 9113 section 4.2).
    private static let largestFrame = 16_384

    /// What all transfers of a client share.
    final class Options {
        fileprivate let share: UnsafeMutableRawPointer?
        fileprivate let certificates: String?

        /// - Parameter certificates: a PEM file to trust in place of the system's authorities.
        init(certificates: String?) {
            self.certificates = certificates
            // Names and TLS sessions are known to all multi handles of the loop. One thread: no locks needed.
            share = curl_share_init()
            medstream_curl_share(share, CURL_LOCK_DATA_DNS)
            medstream_curl_share(share, CURL_LOCK_DATA_SSL_SESSION)
        }

        // Refuses, and so leaks, while a handle still uses it: a client outlives its transfers.
        deinit { curl_share_cleanup(share) }
    }

    init() {
        guard let handle = curl_easy_init() else { fatalError("out of memory") }
        self.handle = handle
    }

    deinit {
        curl_easy_cleanup(handle)
        curl_slist_free_all(headers)
    }

    /// Forgets the last transfer.
    func reset() {
        curl_easy_reset(handle)
        curl_slist_free_all(headers)
        headers = nil
    }

    // MARK: Options

    /// Sets what a request needs; `isOnNew` tells whether it may use no kept connection.
    func prepare(_ request: OutgoingRequest, body: RequestBody?, _ options: Options, onNew isOnNew: Bool) {
        set(CURLOPT_URL, request.url)
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_PROTOCOLS_STR, "http,https")
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        set(CURLOPT_NOSIGNAL, 1)
        set(CURLOPT_NOPROGRESS, 1)
        set(CURLOPT_TCP_NODELAY, 1)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        // The loop's clock ends the wait; libcurl divides the time it knows among the addresses of a host.
        set(CURLOPT_CONNECTTIMEOUT_MS, Int(max(request.deadlines.connect.wholeMilliseconds, 1)))
        // Ending a transfer must not wait for the resolver's thread, which cleans up after itself.
        set(CURLOPT_QUICK_EXIT, 1)
        set(CURLOPT_FRESH_CONNECT, isOnNew ? 1 : 0)
        let isSecure = request.url.lowercased().hasPrefix("https")
        set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        // Where HTTP/2 may be, newcomers wait for the first handshake and share its connection. Over plain HTTP they
        // would wait for the first response.
        set(CURLOPT_PIPEWAIT, isSecure ? 1 : 0)
        // Tokens are small and open streams many. But libcurl 7.88.1 forgets the rest of an HTTP/2 frame that does not
        // fit its buffer until the next one comes, which after the last frame is never.
        set(CURLOPT_BUFFERSIZE, isSecure ? Self.largestFrame : 1024)
        set(CURLOPT_UPLOAD_BUFFERSIZE, 16_384)
        medstream_curl_easy_set_pointer(handle, CURLOPT_SHARE, options.share)
        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        if let certificates = options.certificates { set(CURLOPT_CAINFO, certificates) }
        // With a directory to look in as well, libcurl would read and parse all authorities for each connection.
        medstream_curl_easy_set_string(handle, CURLOPT_CAPATH, nil)
        setMethod(request.method, body: body)
        setHeaders(request.headers)
    }

    private func setMethod(_ method: String, body: RequestBody?) {
        if let body {
            set(CURLOPT_POST, 1)
            medstream_curl_easy_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, Int64(body.count))
            medstream_curl_easy_set_pointer(handle, CURLOPT_POSTFIELDS, body.address)
        } else if method == "POST" {
            set(CURLOPT_POST, 1)
            medstream_curl_easy_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, 0)
            set(CURLOPT_COPYPOSTFIELDS, "")
        } else if method == "HEAD" {
            set(CURLOPT_NOBODY, 1)
        }
        set(CURLOPT_CUSTOMREQUEST, method)
    }

    private func setHeaders(_ fields: [(name: String, value: String)]) {
        // A name without a value keeps libcurl from sending a field of its own.
        var lines = ["Expect:"]
        if !fields.contains(where: { $0.name.lowercased() == "content-type" }) { lines.append("Content-Type:") }
        for field in fields {
            let isEmpty = field.value.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 }
            lines.append(isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        for line in lines { headers = curl_slist_append(headers, line) ?? headers }
        medstream_curl_easy_set_pointer(handle, CURLOPT_HTTPHEADER, headers)
    }

    private func set(_ option: CURLoption, _ value: Int) { medstream_curl_easy_set_long(handle, option, value) }
    private func set(_ option: CURLoption, _ value: String) { medstream_curl_easy_set_string(handle, option, value) }

    // MARK: Callbacks

    /// Has libcurl call `transfer`, for as long as it is the handle's owner.
    func report(to transfer: Transfer) {
        let context = Unmanaged.passUnretained(transfer).toOpaque()
        medstream_curl_easy_set_pointer(handle, CURLOPT_PRIVATE, context)
        medstream_curl_easy_set_pointer(handle, CURLOPT_WRITEDATA, context)
        medstream_curl_easy_set_pointer(handle, CURLOPT_HEADERDATA, context)
        medstream_curl_easy_set_pointer(handle, CURLOPT_PREREQDATA, context)
        medstream_curl_easy_set_receive(handle, CURLOPT_WRITEFUNCTION, onBody)
        medstream_curl_easy_set_receive(handle, CURLOPT_HEADERFUNCTION, onHeader)
        medstream_curl_easy_set_prereq(handle, onConnected)
    }

    /// The transfer that a handle of libcurl's reports to.
    static func transfer(of easy: UnsafeMutableRawPointer) -> Transfer? {
        var context: UnsafeMutableRawPointer?
        medstream_curl_easy_get_pointer(easy, CURLINFO_PRIVATE, &context)
        return context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
    }

    func unpause() { curl_easy_pause(handle, CURLPAUSE_CONT) }

    // MARK: Information

    func long(_ info: CURLINFO) -> Int {
        var value = 0
        medstream_curl_easy_get_long(handle, info, &value)
        return value
    }

    func offset(_ info: CURLINFO) -> Int {
        var value: Int64 = 0
        medstream_curl_easy_get_offset(handle, info, &value)
        return Int(value)
    }

    /// Whether the URL asks for TLS.
    var isSecure: Bool {
        var scheme: UnsafeMutableRawPointer?
        medstream_curl_easy_get_pointer(handle, CURLINFO_SCHEME, &scheme)
        return scheme.map { String(cString: $0.assumingMemoryBound(to: CChar.self)).lowercased() == "https" } ?? false
    }
}

/// Called by libcurl with bytes of the body, valid until it returns.
private let onBody: medstream_curl_receive = { bytes, size, count, context in
    guard let bytes, let context else { return 0 }
    let length = size * count
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    let isTaken = UnsafeRawPointer(bytes).withMemoryRebound(to: UInt8.self, capacity: length) {
        transfer.receive(UnsafeBufferPointer(start: $0, count: length))
    }
    return isTaken ? length : Int(CURL_WRITEFUNC_PAUSE)
}

/// Called by libcurl with one whole line of the head, valid until it returns.
private let onHeader: medstream_curl_receive = { bytes, size, count, context in
    guard let bytes, let context else { return 0 }
    let length = size * count
    let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
    let isTaken = UnsafeRawPointer(bytes).withMemoryRebound(to: UInt8.self, capacity: length) {
        transfer.receive(headerLine: UnsafeBufferPointer(start: $0, count: length).span)
    }
    return isTaken ? length : 0
}

/// Called by libcurl when the connection stands, a fresh or a used one.
///
/// Called once more where a used one broke before anything came back: libcurl then sends the request again of itself.
private let onConnected: curl_prereq_callback = { context, _, _, _, _ in
    guard let context else { return CURL_PREREQFUNC_OK }
    let mayGoOn = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().connected()
    return mayGoOn ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
}
