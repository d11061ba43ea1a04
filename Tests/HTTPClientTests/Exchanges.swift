import HTTPClient
import Reactor
import TestSupport

extension IncomingResponse {
    /// The whole body.
    func readAll() async throws(HTTPClientError) -> [UInt8] {
        var bytes: [UInt8] = []
        while try await read({ span in for index in span.indices { bytes.append(span[index]) } }) {}
        return bytes
    }

    func readText() async throws(HTTPClientError) -> String { String(decoding: try await readAll(), as: UTF8.self) }
}

extension LoopActor {
    /// The client of the actor's loop.
    var client: HTTPClient { HTTPClient.on(loop) }

    func text(_ request: OutgoingRequest) async throws -> String { try await client.open(request).readText() }
}

/// What a whole exchange on a fresh loop failed with.
func failure(_ request: OutgoingRequest) async -> HTTPClientError? {
    await onLoop { actor in
        do throws(HTTPClientError) {
            _ = try await actor.client.open(request).readAll()
            return nil
        } catch {
            return error
        }
    }
}

/// Deadlines of which only the named ones can pass while a test runs.
func deadlines(
    connect: Duration = .seconds(300), firstByte: Duration = .seconds(300), idle: Duration = .seconds(300),
    total: Duration = .seconds(300)
) -> Deadlines {
    var deadlines = Deadlines()
    deadlines.connect = connect
    deadlines.firstByte = firstByte
    deadlines.idle = idle
    deadlines.total = total
    return deadlines
}

let chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

func chunk(_ text: String) -> String { String(text.utf8.count, radix: 16) + "\r\n\(text)\r\n" }
