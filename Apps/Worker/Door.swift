import Core
import HTTPServer
import Jobs
import Persistence
import Reactor
import Settings
import Telemetry

/// The worker's health and metrics over HTTP.
final class Door: Sendable {
    private let server: HTTPServer

    var port: Int { server.port }

    init(to crew: Crew, _ settings: WorkerProcessSettings, on loop: EventLoop) async throws {
        var http = HTTPServerSettings()
        http.host = settings.host
        http.port = settings.port
        http.maxConnections = 100
        let metrics = Metrics.of(crew)
        let noStore: Headers = ["Cache-Control": "no-store"]
        let router = Router([
            Route("GET", "/healthz") { _ in
                .json(
                    Array(JSONValue.object(["status": "ok", "version": .string(Product.version)]).jsonText.utf8),
                    headers: noStore)
            },
            Route("GET", "/readyz") { _ in
                var queues: [String: JSONValue] = [:]
                var isReady = true
                for member in crew.members {
                    let isClosed = await member.worker.breakerState == .closed
                    isReady = isReady && isClosed
                    queues[member.name] = isClosed ? "working" : "waiting"
                }
                let body = JSONValue.object(["status": isReady ? "ready" : "waiting", "queues": .object(queues)])
                return .json(Array(body.jsonText.utf8), status: isReady ? 200 : 503, headers: noStore)
            },
            Route("GET", "/metrics") { _ in .text(metrics.text, type: Metrics.contentType) },
        ])
        server = try await HTTPServer(http, on: [loop]) { try await router.handle($0) }
    }

    func close() async { await server.close() }
}

extension Metrics {
    /// All that a worker counts; a sample's label is the queue's name and the kind, as in `store/save_turn`.
    static func of(_ crew: Crew) -> Metrics {
        let metrics = Metrics()
        func count(_ name: StaticString, _ help: StaticString, _ read: any KeyPath<WorkerCounts.Counts, Int> & Sendable)
        {
            metrics.counter(name, help, by: "jobs") { crew.samples { $0[keyPath: read] } }
        }
        count("medstream_jobs_finished_total", "Jobs whose effect is stored.", \.finished)
        count("medstream_jobs_suppressed_total", "Jobs whose effect was stored already.", \.suppressed)
        count("medstream_jobs_retried_total", "Jobs that failed and wait for another attempt.", \.retried)
        count("medstream_jobs_buried_total", "Jobs that became dead letters.", \.buried)
        count("medstream_jobs_given_back_total", "Jobs given back because of an outage or a stop.", \.givenBack)
        count("medstream_jobs_lost_total", "Jobs that were in other hands when they were to be settled.", \.lost)
        metrics.gauge("medstream_jobs_running", "Jobs in hand.", by: "jobs") { crew.samples { $0.running } }
        metrics.counter("medstream_leases_total", "Batches of jobs that were taken.", by: "queue") {
            crew.members.map { ($0.name, $0.worker.counts.leases) }
        }
        metrics.counter("medstream_leases_lost_total", "Batches that another worker took over.", by: "queue") {
            crew.members.map { ($0.name, $0.worker.counts.lostLeases) }
        }
        metrics.counter("medstream_jobs_reclaimed_total", "Jobs that dead workers had held.", by: "queue") {
            crew.members.map { ($0.name, $0.worker.counts.reclaimed.returned + $0.worker.counts.reclaimed.buried) }
        }
        metrics.counter("medstream_outages_total", "Calls that met a queue or a store that was down.", by: "queue") {
            crew.members.map { ($0.name, $0.worker.counts.outages) }
        }
        metrics.gauge("medstream_breaker_open", "1 while nothing is tried.", by: "queue") {
            crew.members.map { ($0.name, $0.worker.counts.isShut ? 1 : 0) }
        }
        addDepths(of: crew, to: metrics)
        return metrics
    }

    private static func addDepths(of crew: Crew, to metrics: Metrics) {
        func depth(_ name: StaticString, _ help: StaticString, _ read: @escaping @Sendable (KindStatistics) -> Int) {
            metrics.gauge(name, help, by: "jobs") {
                crew.statistics.flatMap { queue, kinds in kinds.map { ("\(queue)/\($0.kind)", read($0)) } }
            }
        }
        depth("medstream_queue_due", "Jobs that are due.") { $0.due }
        depth("medstream_queue_delayed", "Jobs that wait for their time.") { $0.delayed }
        depth("medstream_queue_leased", "Jobs that a worker has.") { $0.leased }
        depth("medstream_queue_dead", "Dead letters.") { $0.dead }
        depth("medstream_queue_oldest_seconds", "Age of the oldest job.") { age($0.oldest) }
        depth("medstream_queue_oldest_lease_seconds", "Age of the oldest lease.") { age($0.oldestLease) }
        metrics.gauge("medstream_store_bytes", "Bytes of the store.") { crew.storeStatistics?.bytes ?? 0 }
        metrics.gauge("medstream_store_wal_bytes", "Bytes of the store's log.") { crew.storeStatistics?.walBytes ?? 0 }
        metrics.gauge("medstream_store_free_bytes", "Bytes free on the store's disk; -1 where nobody knows.") {
            crew.storeStatistics?.freeBytes ?? -1
        }
    }

    private static func age(_ since: Timestamp?) -> Int {
        since.map { max(0, Int((Timestamp.now.milliseconds - $0.milliseconds) / 1000)) } ?? 0
    }
}

extension Crew {
    fileprivate func samples(_ read: @Sendable (WorkerCounts.Counts) -> Int) -> [Metrics.Sample] {
        members.flatMap { member in
            member.worker.counts.byKind.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { ("\(member.name)/\($0.key)", read($0.value)) }
        }
    }
}
