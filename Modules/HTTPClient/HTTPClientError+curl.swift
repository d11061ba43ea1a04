internal import CCurlShim
internal import Glibc

extension HTTPClientError {
    /// What a failed transfer means.
    ///
    /// The handle is asked for what the code leaves open; `isConnected` tells whether the request was on its way.
    init(_ code: CURLcode, of easy: Easy, host: String, isConnected: Bool) {
        let system = easy.long(CURLINFO_OS_ERRNO)
        let detail = system == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: strerror(Int32(system)))
        self.init(Self.kind(code, of: easy, system: system, isConnected: isConnected), host: host, detail: detail)
    }

    private static func kind(_ code: CURLcode, of easy: Easy, system: Int, isConnected: Bool) -> Kind {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: return .dns
        case CURLE_COULDNT_CONNECT, CURLE_PROXY, CURLE_INTERFACE_FAILED: return .connect
        case CURLE_URL_MALFORMAT: return .invalidURL
        case CURLE_OPERATION_TIMEDOUT: return .timedOut(isConnected ? .total : .connect)
        case CURLE_PARTIAL_FILE: return .truncated
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_HTTP2_STREAM: return .reset
        // A refusal of HTTP/0.9 is an unsupported protocol too, and our own of endless headers a failed write.
        case CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP2, CURLE_UNSUPPORTED_PROTOCOL, CURLE_WRITE_ERROR,
            CURLE_BAD_CONTENT_ENCODING:
            return .protocolError
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_ENGINE_NOTFOUND,
            CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER, CURLE_SSL_CACERT_BADFILE,
            CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT, CURLE_USE_SSL_FAILED:
            return .tls
        case CURLE_RECV_ERROR:
            // A proxy that refuses to tunnel, a connection that broke, and chunks that are none share this code. Only
            // the second leaves an error of the system's, except over TLS, where it leaves none.
            if !isConnected { return .connect }
            return system == 0 && !easy.isSecure ? .protocolError : .reset
        default: return .other(code: Int(code.rawValue))
        }
    }
}
