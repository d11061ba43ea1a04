internal import Core
internal import HTTPClient
internal import Reactor

/// One answer over HTTP, for all dialects.
final class HTTPDeltaSource: DeltaSource {
    private let dialect: any Dialect
    private let loop: EventLoop
    /// Let go of once it is sent: it holds the whole conversation.
    private var request: OutgoingRequest?
    private var response: IncomingResponse?
    private var reader: AnswerReader?
    /// Thrown once what came before it has been handed over.
    private var failure: PlatformError?

    init(_ dialect: any Dialect, _ request: OutgoingRequest, on loop: EventLoop) {
        self.dialect = dialect
        self.request = request
        self.loop = loop
    }

    func next(into deltas: inout [Delta]) async throws(PlatformError) -> Bool {
        deltas.removeAll(keepingCapacity: true)
        while deltas.isEmpty {
            if let failure {
                self.failure = nil
                throw failure
            }
            if let request {
                self.request = nil
                await open(request)
            } else if let response {
                await read(response, into: &deltas)
            } else {
                return false
            }
        }
        return true
    }

    private func open(_ request: OutgoingRequest) async {
        do throws(HTTPClientError) {
            let response = try await HTTPClient.on(loop).open(dialect.signed(request, at: .now))
            self.response = response
            let head = ResponseHead(status: response.status, headers: response.headers.pairs)
            attempt { () throws(PlatformError) in reader = try AnswerReader(of: dialect, head) }
        } catch {
            fail(.provider(error.kind, hasBegun: false, cause: error))
        }
    }

    private func read(_ response: IncomingResponse, into deltas: inout [Delta]) async {
        do throws(HTTPClientError) {
            let hasMore = try await response.read { bytes in
                attempt { () throws(PlatformError) in try reader?.read(bytes, into: &deltas) }
            }
            guard !hasMore else { return }
            attempt { () throws(PlatformError) in try reader?.finish(into: &deltas) }
        } catch {
            attempt { () throws(PlatformError) in try reader?.breakOff(error.kind, cause: error, into: &deltas) }
        }
        end()
    }

    private func attempt(_ body: () throws(PlatformError) -> Void) {
        do throws(PlatformError) { try body() } catch { fail(error) }
    }

    private func fail(_ error: PlatformError) {
        failure = error
        end()
    }

    private func end() {
        response = nil
        reader = nil
    }
}
