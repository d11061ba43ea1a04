import Core
import HTTPServer
import Reactor
import Streaming
import Telemetry

/// What the server counts, for `/metrics`.
final class ServerMetrics: Sendable {
    private let loops: [EventLoop]
    private let hub: StreamHub
    /// Answers by the first digit of their status.
    private let answers = (0...5).map { _ in Counter() }
    private let cut = Counter()
    private let bytes = Counter()
    private let durations = Histogram(bounds: [0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120])

    init(loops: [EventLoop], hub: StreamHub) {
        self.loops = loops
        self.hub = hub
    }

    func record(_ summary: Response.Summary) {
        answers[min(max(summary.status / 100, 0), 5)].add()
        bytes.add(summary.bytes)
        durations.record(summary.duration)
        if summary.isCut { cut.add() }
    }

    var text: String {
        var text = MetricsText()
        text.counter(
            "medstream_http_responses_total", "Answers by class of status.",
            (1...5).map { ("class=\"\($0)xx\"", answers[$0].count) })
        text.counter("medstream_http_responses_cut_total", "Answers whose client left early.", [("", cut.count)])
        text.counter("medstream_http_body_bytes_total", "Bytes of answers' bodies.", [("", bytes.count)])
        text.histogram(
            "medstream_http_duration_seconds", "From a request's first byte to its answer's last.", durations)
        text.gauge("medstream_streams_running", "Answers being written.", [("", hub.runningCount)])
        text.gauge("medstream_streams_in_memory", "Streams that can be replayed from memory.", [("", hub.logCount)])
        text.gauge("medstream_stream_bytes", "Bytes held by the streams in memory.", [("", hub.byteCount)])
        let statistics = loops.map(\.statistics)
        text.counter("medstream_loop_turns_total", "Turns of each loop.", samples(statistics.map(\.turns)))
        text.counter(
            "medstream_loop_local_jobs_total", "Jobs that a loop's own thread made ready.",
            samples(statistics.map(\.localJobs)))
        text.counter(
            "medstream_loop_remote_jobs_total", "Jobs that other threads made ready; none on the path of a token.",
            samples(statistics.map(\.remoteJobs)))
        return text.text
    }

    private func samples(_ values: [Int]) -> [(label: String, value: Int)] {
        values.enumerated().map { ("loop=\"\($0.offset)\"", $0.element) }
    }
}

/// Counts each answer and logs it when it is through.
///
/// `isLogging`: whether requests are logged; failures of ours always are.
func accessLog(
    _ log: Log, _ metrics: ServerMetrics, isLogging: @escaping @Sendable () -> Bool
) -> Middleware {
    { request, next in
        var response = try await next(request)
        // The pattern, not the path: what a stranger writes into a path must not reach the log.
        let (id, method, route, logs) = (request.id, request.method, request.route, isLogging())
        response.onFinish.append { summary in
            metrics.record(summary)
            guard logs || summary.status >= 500 else { return }
            log.info(
                "request",
                [
                    .text("request", id), .text("method", method), .text("route", route),
                    .count("status", summary.status), .count("bytes", summary.bytes),
                    .duration("duration", summary.duration), .flag("cut", summary.isCut),
                ])
        }
        return response
    }
}
