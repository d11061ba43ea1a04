internal import CCurlShim
internal import Glibc
public import Reactor

/// Sends HTTP requests from an event loop and streams the responses on it.
///
/// One call is one request on the wire; only one of a method that may be repeated (RFC 9110 section 9.2.2) is sent again,
/// when the kept connection that it went over turns out to be closed.
///
/// One client belongs to one loop. Connections are kept for the next request to the same host, HTTP/2 is used over TLS
/// where the server offers it, certificates are always checked, redirects are never followed, and proxies are taken
/// from the environment (`http_proxy`, `https_proxy`, `no_proxy`).
///
/// Loop-confined: called by code that is isolated to an actor of the loop.
public final class HTTPClient {
    private let loop: EventLoop
    private let options: Easy.Options
    private var multis: [Multi] = []
    private var spares: [Easy] = []
    /// Hosts of which a kept connection was found broken: others that were kept may be as well.
    private var doubtful: Set<String> = []

    /// Handles kept for later requests; about 5 KiB each.
    private static let maxSpares = 256

    /// The client of a loop, made at the first call.
    ///
    /// On the loop's thread only. Certificates are checked against the system's, or against the file that `SSL_CERT_FILE` names.
    public static func on(_ loop: EventLoop) -> HTTPClient {
        loop.local { HTTPClient(on: loop, trusting: Environment.certificateFile) }
    }

    /// A client that trusts the authorities in a PEM file in place of the system's.
    package init(on loop: EventLoop, trusting certificates: String? = nil) {
        loop.preconditionOnLoop()
        Library.start()
        self.loop = loop
        options = Easy.Options(certificates: certificates)
    }

    /// Sends a request and waits for the status and the headers of its response.
    ///
    /// A response of any status is a response; that of a redirect too. Cancelling the task closes the connection.
    ///
    /// - Returns: the response, whose body is yet to be read.
    /// - Throws: ``HTTPClientError`` when no response came.
    public func open(_ request: OutgoingRequest) async throws(HTTPClientError) -> IncomingResponse {
        loop.preconditionOnLoop()
        let transfer = try start(request)
        while !transfer.head.isComplete, !transfer.hasEnded { await transfer.wait() }
        if Task.isCancelled { transfer.cancel() }
        if let failure = transfer.failure, failure.kind == .cancelled || !transfer.head.isComplete { throw failure }
        return IncomingResponse(transfer)
    }

    /// Sends a request whose response is handed over as it comes.
    ///
    /// - Parameters:
    ///   - request: what is asked.
    ///   - receiver: kept until the response has ended.
    /// - Returns: what the request is waited for and cancelled by.
    /// - Throws: ``HTTPClientError`` when the request cannot be sent at all.
    public func deliver(
        _ request: OutgoingRequest, to receiver: any ResponseReceiver
    ) throws(HTTPClientError) -> Delivery {
        loop.preconditionOnLoop()
        return Delivery(try start(request, receiver))
    }

    /// Requests under way, for tests.
    package var openTransfers: [Int] { multis.map(\.transfers) }

    private func start(
        _ request: OutgoingRequest, _ receiver: (any ResponseReceiver)? = nil
    ) throws(HTTPClientError) -> Transfer {
        let target = try Target(of: request)
        let easy = spares.popLast() ?? Easy()
        let multi = multis.first { $0.hasRoom } ?? another()
        let transfer = Transfer(
            of: request, to: target.host, on: loop, receiver,
            recycling: { [weak self] easy, isStale in
                guard let self else { return }
                if isStale { doubtful.insert(target.host) }
                // An error of the system's stays with its handle, and would be taken for that of the next transfer.
                guard spares.count < Self.maxSpares, easy.long(CURLINFO_OS_ERRNO) == 0 else { return }
                easy.reset()
                spares.append(easy)
            })
        let isDoubtful = doubtful.remove(target.host) != nil
        transfer.start(easy, with: request, options, in: multi, onNew: isDoubtful)
        return transfer
    }

    private func another() -> Multi {
        let multi = Multi(on: loop)
        multis.append(multi)
        return multi
    }
}

/// What is set up once for the process.
private enum Library {
    /// - Note: ignores `SIGPIPE`, because the TLS library writes to sockets whose peer may have gone.
    static func start() { _ = started }

    private static let started: Bool = {
        signal(SIGPIPE, SIG_IGN)
        // CURL_GLOBAL_DEFAULT, a macro that is not imported.
        return curl_global_init(Int(CURL_GLOBAL_SSL) | Int(CURL_GLOBAL_WIN32)) == CURLE_OK
    }()
}

private enum Environment {
    /// libcurl's command line and OpenSSL read the same variable; libcurl the library does not.
    static let certificateFile: String? = getenv("SSL_CERT_FILE").map { String(cString: $0) }
}
