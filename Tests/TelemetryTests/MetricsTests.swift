import Telemetry
import Testing

@Suite("Metrics", .timeLimit(.minutes(1)))
struct MetricsTests {
    private enum Colour: String, CaseIterable { case red, green = "gr\"een" }

    @Test("A page has every family, in order, as Prometheus reads it")
    func page() {
        let metrics = Metrics()
        let requests = metrics.counter("requests_total", "Requests.")
        let colours: LabelledCounter<Colour> = metrics.counter("colours_total", "By colour.", by: "colour")
        let open = metrics.gauge("open_streams", "Streams that are open.")
        let durations = metrics.histogram("duration_seconds", "How long.", bounds: [0.1, 1])
        metrics.gauge("queue_bytes", "Bytes that wait.") { 42 }
        metrics.counter("turns_total", "Turns.", by: "loop") { [("0", 7), ("1", 8)] }
        requests.add()
        requests.add(2)
        colours.add(3, to: .green)
        open.set(5)
        open.add(-2)
        for milliseconds in [50, 100, 101, 2500] { durations.record(.milliseconds(milliseconds)) }
        #expect(
            metrics.text == """
                # HELP requests_total Requests.
                # TYPE requests_total counter
                requests_total 3
                # HELP colours_total By colour.
                # TYPE colours_total counter
                colours_total{colour="red"} 0
                colours_total{colour="gr\\"een"} 3
                # HELP open_streams Streams that are open.
                # TYPE open_streams gauge
                open_streams 3
                # HELP duration_seconds How long.
                # TYPE duration_seconds histogram
                duration_seconds_bucket{le="0.1"} 2
                duration_seconds_bucket{le="1.0"} 3
                duration_seconds_bucket{le="+Inf"} 4
                duration_seconds_sum 2.751
                duration_seconds_count 4
                # HELP queue_bytes Bytes that wait.
                # TYPE queue_bytes gauge
                queue_bytes 42
                # HELP turns_total Turns.
                # TYPE turns_total counter
                turns_total{loop="0"} 7
                turns_total{loop="1"} 8

                """)
    }

    @Test("Help and labels are escaped")
    func escaping() {
        let metrics = Metrics()
        metrics.gauge("odd", "Back\\slash and\nline \"quoted\".", by: "name") { [("a\\b\n\"c\"", 1)] }
        #expect(
            metrics.text == """
                # HELP odd Back\\\\slash and\\nline "quoted".
                # TYPE odd gauge
                odd{name="a\\\\b\\n\\"c\\""} 1

                """)
    }

    @Test("Samples without end are summed up")
    func bounded() {
        let metrics = Metrics()
        metrics.counter("many_total", "Many.", by: "user") { (0..<150).map { ("\($0)", 2) } }
        let lines = metrics.text.split(separator: "\n")
        #expect(lines.count == 2 + Metrics.maxLabels + 1)
        #expect(lines.last == "many_total{user=\"other\"} 100")
    }

    @Test("What is counted at once is counted")
    func concurrency() async {
        let metrics = Metrics()
        let counter = metrics.counter("counter_total", "")
        let labelled: LabelledCounter<Colour> = metrics.counter("labelled_total", "", by: "colour")
        let gauge = metrics.gauge("gauge", "")
        let histogram = metrics.histogram("histogram_seconds", "", bounds: [1])
        await withTaskGroup { group in
            for task in 0..<8 {
                group.addTask {
                    for _ in 0..<2000 {
                        counter.add()
                        labelled.add(to: task.isMultiple(of: 2) ? .red : .green)
                        gauge.add(task.isMultiple(of: 2) ? 2 : -1)
                        histogram.record(.milliseconds(1))
                        if task == 0, counter.count.isMultiple(of: 500) { _ = metrics.text }
                    }
                }
            }
        }
        #expect(counter.count == 16_000)
        #expect(labelled.count(of: .red) == 8000)
        #expect(labelled.count(of: .green) == 8000)
        #expect(gauge.value == 8000)
        let lines = metrics.text.split(separator: "\n")
        #expect(lines.contains("histogram_seconds_bucket{le=\"1.0\"} 16000"))
        #expect(lines.contains("histogram_seconds_sum 16.0"))
        #expect(lines.contains("histogram_seconds_count 16000"))
    }

    @Test("A counter never falls, and a duration is never less than nothing")
    func monotonic() {
        let metrics = Metrics()
        let counter = metrics.counter("a_total", "")
        let histogram = metrics.histogram("b_seconds", "", bounds: [2, .infinity, 1, 1])
        counter.add(3)
        counter.add(-5)
        histogram.record(.seconds(-5))
        histogram.record(.seconds(Int64.max))
        #expect(counter.count == 3)
        let lines = metrics.text.split(separator: "\n").filter { $0.contains("bucket") }
        #expect(
            lines == [
                "b_seconds_bucket{le=\"1.0\"} 1", "b_seconds_bucket{le=\"2.0\"} 1", "b_seconds_bucket{le=\"+Inf\"} 2",
            ])
    }

    @Test("A name that Prometheus would not take stops the process")
    func names() async {
        await #expect(processExitsWith: .failure) { Metrics().gauge("Größe", "") { 0 } }
        await #expect(processExitsWith: .failure) { Metrics().gauge("9lives", "") { 0 } }
        await #expect(processExitsWith: .failure) { Metrics().counter("requests", "") { 0 } }
        await #expect(processExitsWith: .failure) {
            let metrics = Metrics()
            metrics.gauge("twice", "") { 0 }
            metrics.gauge("twice", "") { 0 }
        }
    }
}
