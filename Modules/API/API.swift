import Chat
import Core
import Foundation
import HTTPServer
import Persistence
import Settings
import Streaming
import Telemetry

/// The HTTP surface: all routes with what stands before them.
struct API: Sendable {
    let chat: ChatService
    let live: LiveSettings
    let metrics: ServerMetrics
    let isReady: ReadyFlag

    /// Every call there is.
    ///
    /// Our own stand under `/api/v1`, those of OpenAI's API and those for operations at the root.
    var operations: [Operation] {
        let own = (chatOperations + streamOperations + conversationOperations + usageOperations + featureOperations)
            .map { $0.under("/api/v1") }
        return own + completionOperations + operationsOperations
    }

    func handler(log: Log) throws -> Handler {
        let settings = live.withLock { $0 }
        let files = try settings.staticDirectory.map { try StaticFiles(folder: URL(filePath: $0)) }
        let live = live
        let middleware: [Middleware] = [
            requestID { UUIDv7.make() },
            accessLog(log, metrics) { live.withLock { $0.logs.access } },
            securityHeaders(),
            problems(log),
            localOnly { live.withLock { $0.server.allowedOrigins } },
            crossOrigin { live.withLock { $0.server.allowedOrigins } },
        ]
        let router = Router(operations.map(\.route), middleware: middleware) { request in
            if let response = files?.answer(request) { return response }
            throw HTTPError(404, code: "not_found", "There is nothing at this address.")
        }
        return { try await router.handle($0) }
    }

    /// Who asks.
    ///
    /// In development mode everyone is the one local user.
    func user(_ request: Request) -> UserID { .local }

    var events: EventStream { EventStream(heartbeat: live.withLock { $0.streaming.heartbeat }) }
}

extension UserID {
    /// The one user of `auth.mode: development`: the nil UUID but for its version, so that no account can have it.
    static let local: UserID = {
        guard let id = UserID("00000000-0000-7000-8000-000000000000") else { preconditionFailure("a valid UUID") }
        return id
    }()
}

/// Turns errors into problem details, or into what OpenAI's API has for them, and logs what the caller must not see.
private func problems(_ log: Log) -> Middleware {
    { request, next in
        let isOpenAI = request.path.hasPrefix(OpenAIError.paths)
        func response(_ error: PlatformError) -> Response {
            isOpenAI ? OpenAIError(error).response : error.response
        }
        do {
            return try await next(request)
        } catch let error as PlatformError {
            if let cause = error.cause {
                log.warning("request_failed", [.text("request", request.id), .code("code", error.code)], detail: cause)
            }
            return response(error)
        } catch let error as HTTPError {
            return isOpenAI ? OpenAIError(error).response : error.response
        } catch is CancellationError {
            return response(PlatformError(.cancelled, "The request was cancelled."))
        } catch {
            log.error("request_failed", [.text("request", request.id), .code("code", .internalError)], detail: error)
            return response(PlatformError(.internalError, "Something went wrong on our side. Try again."))
        }
    }
}

/// Guards `auth.mode: development`, which trusts the machine it runs on: a page of another site must not reach it.
///
/// A browser names the site that a request comes from (`Sec-Fetch-Site`), and the host it believes to talk to: a name
/// that is not the loopback's has been pointed at us by someone else (DNS rebinding).
private func localOnly(allowed: @escaping @Sendable () -> [String]) -> Middleware {
    { request, next in
        guard isLoopback(host: request.headers["host"] ?? "") else {
            throw PlatformError(
                .forbidden, "In development mode the server answers to localhost alone.", field: "Host")
        }
        let isForeign = request.headers["sec-fetch-site"] == "cross-site"
        let isAllowed = request.headers["origin"].map { allowed().contains($0) } ?? false
        let isCall = request.path.hasPrefix("/api/") || request.path.hasPrefix(OpenAIError.paths)
        guard !isForeign || isAllowed || !isCall else {
            throw PlatformError(.forbidden, "Pages of other sites may not call this server.")
        }
        return try await next(request)
    }
}

/// Whether a `Host` field, with or without a port, names this machine.
private func isLoopback(host: String) -> Bool {
    if host.isEmpty || host.hasPrefix("[::1]") { return true }
    let name = host.prefix { $0 != ":" }.lowercased()
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return name == "localhost" || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
}
