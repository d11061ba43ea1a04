import Core
import HTTPServer
import Reactor
import Streaming
import Telemetry

/// What the server counts, for `/metrics`.
final class ServerMetrics: Sendable {
    private let metrics = Metrics()
    private let answers: LabelledCounter<StatusClass>
    private let cut: Counter
    private let bytes: Counter
    private let durations: Histogram

    /// The first digit of a status.
    private enum StatusClass: String, CaseIterable {
        case informational = "1xx"
        case success = "2xx"
        case redirection = "3xx"
        case clientError = "4xx"
        case serverError = "5xx"

        init(_ status: Int) {
            self =
                switch status {
                case ..<200: .informational
                case ..<300: .success
                case ..<400: .redirection
                case ..<500: .clientError
                default: .serverError
                }
        }
    }

    init(loops: [EventLoop], hub: StreamHub) {
        answers = metrics.counter("medstream_http_responses_total", "Answers by class of status.", by: "class")
        cut = metrics.counter("medstream_http_responses_cut_total", "Answers whose client left early.")
        bytes = metrics.counter("medstream_http_body_bytes_total", "Bytes of answers' bodies.")
        durations = metrics.histogram(
            "medstream_http_duration_seconds", "From a request's first byte to its answer's last.",
            bounds: [0.005, 0.025, 0.1, 0.5, 1, 5, 30, 120])
        metrics.gauge("medstream_streams_running", "Answers being written.") { hub.runningCount }
        metrics.gauge("medstream_streams_in_memory", "Streams that can be replayed from memory.") { hub.logCount }
        metrics.gauge("medstream_stream_bytes", "Bytes held by the streams in memory.") { hub.byteCount }
        if let journal = hub.journal { count(journal) }
        count(loops, "medstream_loop_turns_total", "Turns of each loop.") { $0.turns }
        count(loops, "medstream_loop_local_jobs_total", "Jobs that a loop's own thread made ready.") { $0.localJobs }
        count(
            loops, "medstream_loop_remote_jobs_total",
            "Jobs that other threads made ready; none on the path of a token."
        ) { $0.remoteJobs }
        count(
            loops, "medstream_loop_pauses_total",
            "Sleeps of a millisecond at most in which work came together; none while little is written."
        ) { $0.pauses }
    }

    private func count(_ journal: any StreamJournal) {
        metrics.counter("medstream_journal_bytes_total", "Bytes of events on disk.") { journal.statistics.bytes }
        metrics.counter("medstream_journal_commits_total", "Waits for the disk.") { journal.statistics.commits }
        metrics.counter("medstream_journal_failures_total", "Writes that the disk refused; they are tried again.") {
            journal.statistics.failures
        }
        metrics.gauge("medstream_journal_waiting_bytes", "Bytes of events that are not on disk yet.") {
            journal.statistics.waitingBytes
        }
        metrics.gauge("medstream_journal_streams", "Streams that would be rebuilt after a crash.") {
            journal.statistics.streams
        }
        metrics.gauge("medstream_journal_file_bytes", "Bytes of the journal's file and its log.") {
            journal.statistics.fileBytes
        }
    }

    private func count(
        _ loops: [EventLoop], _ name: StaticString, _ help: StaticString,
        _ value: @escaping @Sendable (EventLoop.Statistics) -> Int
    ) {
        metrics.counter(name, help, by: "loop") {
            loops.enumerated().map { (String($0.offset), value($0.element.statistics)) }
        }
    }

    func record(_ summary: Response.Summary) {
        answers.add(to: StatusClass(summary.status))
        bytes.add(summary.bytes)
        durations.record(summary.duration)
        if summary.isCut { cut.add() }
    }

    var text: String { metrics.text }
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
