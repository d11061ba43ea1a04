// Opens many event streams at once, checks every character of each, and measures.
//
//     load --port N --path /x [--body JSON] --streams N [--ramp PER_SECOND] [--warm S] --window S [--window S ...]
//          [--complete CHUNKS] [--slow STREAMS] [--may-lag 1] [--pid PID ...] [--also PID]
//
// Prints one JSON line per window: latency and time to first token in microseconds, chunks, and for the processes
// named by --pid CPU time and memory. --also is a process of the benchmark itself, such as the mock provider, whose CPU
// is not to count as other people's. With --complete every stream must run to its end with exactly that many chunks,
// and the window is the longest that this may take. The first --slow streams stop reading after their first chunk, and
// read on after the last window: each must then get more text, or a resync. With --may-lag a stream without text, or
// without its end, in time is counted and is no fault: for targets that may be overloaded.
// Exit 1, and the reasons on standard error, when any text was lost, doubled or changed, or any stream broke.
#define _GNU_SOURCE
#include "options.h"
#include "process.h"
#include "stream.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WINDOWS = 8, PIDS = 16, FAULTS_SHOWN = 5, CATCH_UP_SECONDS = 5 };

static struct {
    int port, streams, ramp, complete, slow, also, may_lag, window_count, pid_count;
    int pids[PIDS];
    const char *path, *body;
    double warm, windows[WINDOWS];
} options = {.ramp = 1000, .warm = 1};

static stream *streams;
static int poll_fd, opened, served, finished, faults;
static char request[65536];
static size_t request_length;

// Ages of the cells that came in the window.
static uint32_t *ages;
static size_t age_count, age_room;
static int is_measuring;
static uint64_t cells;
static long memory_before;

typedef struct { uint64_t at, cpu, own, also, busy, cells; } snapshot;

static void on_stream_cell(stream *s, uint32_t age) {
    cells++;
    if (s->cells == 1) served++;
    if (!is_measuring) return;
    if (age_count == age_room) {
        age_room = age_room ? age_room * 2 : 1 << 20;
        if (!(ages = realloc(ages, age_room * sizeof *ages))) abort();
    }
    ages[age_count++] = age;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t percentile(const uint32_t *sorted, size_t count, double share) {
    return count ? sorted[(size_t)((double)(count - 1) * share)] : 0;
}

static long memory(void) {
    long sum = 0;
    for (int i = 0; i < options.pid_count; i++) sum += process_memory_kib(options.pids[i]);
    return sum;
}

static snapshot look(void) {
    snapshot s = {.at = now_us(), .own = own_cpu_ns(), .busy = machine_busy_ms(), .cells = cells};
    for (int i = 0; i < options.pid_count; i++) s.cpu += process_cpu_ns(options.pids[i]);
    if (options.also) s.also = process_cpu_ns(options.also);
    return s;
}

static void open_one(uint64_t now) {
    stream *s = &streams[opened];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1, small = 4096;
    s->number = opened++;
    s->is_slow = s->number < options.slow;
    s->opened_at = now;
    s->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->socket < 0) { stream_fail(s, "no socket: %s", strerror(errno)); return; }
    setsockopt(s->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (s->is_slow) setsockopt(s->socket, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    if (connect(s->socket, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS)
        stream_fail(s, "no connection: %s", strerror(errno));
    struct epoll_event e = {.events = EPOLLOUT, .data.ptr = s};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, s->socket, &e);
}

/// Closes the socket and counts how the stream went.
static void settle(stream *s) {
    epoll_ctl(poll_fd, EPOLL_CTL_DEL, s->socket, NULL);
    close(s->socket);
    finished++;
    if (!s->fault && !s->is_slow) {
        if (!s->has_ended) stream_fail(s, "ended after %llu chunks with no terminal event", (unsigned long long)s->cells);
        else if (s->cell_fill) stream_fail(s, "a cut chunk at the end: \"%.*s\"", s->cell_fill, s->cell);
        else if (!options.complete) stream_fail(s, "ended by itself after %llu chunks", (unsigned long long)s->cells);
        else if (s->cells != (uint64_t)options.complete)
            stream_fail(s, "%llu chunks of %d", (unsigned long long)s->cells, options.complete);
    }
    if (s->fault && faults++ < FAULTS_SHOWN) fprintf(stderr, "stream %d: %s\n", s->number, s->fault);
}

static void ready(stream *s, uint32_t events) {
    static char buffer[256 * 1024];
    if (!s->is_connected) {
        struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = s};
        s->is_connected = 1;
        if (events & (EPOLLERR | EPOLLHUP)) stream_fail(s, "no connection");
        else if (send(s->socket, request, request_length, MSG_NOSIGNAL) != (ssize_t)request_length)
            stream_fail(s, "the request was not taken whole");
        if (s->fault) settle(s); else epoll_ctl(poll_fd, EPOLL_CTL_MOD, s->socket, &e);
        return;
    }
    ssize_t n = recv(s->socket, buffer, s->is_slow ? 512 : sizeof buffer, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n > 0) stream_receive(s, buffer, (size_t)n, now_us(), on_stream_cell);
    if (n <= 0 || s->stage == CLOSED) { settle(s); return; }
    if (s->is_slow && s->cells && !s->was_stopped) {
        struct epoll_event e = {.events = 0, .data.ptr = s};
        s->was_stopped = 1;
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, s->socket, &e);
    }
}

static void run_until(uint64_t end) {
    struct epoll_event events[512];
    static uint64_t began;
    if (!began) began = now_us();
    for (uint64_t now; (now = now_us()) < end;) {
        if (options.complete && finished == options.streams) return;
        while (opened < options.streams && (now - began) * (uint64_t)options.ramp / 1000000 >= (uint64_t)opened) open_one(now);
        uint64_t left = (end - now) / 1000 + 1;
        int n = epoll_wait(poll_fd, events, 512, opened < options.streams ? 1 : left < 20 ? (int)left : 20);
        for (int i = 0; i < n; i++) ready(events[i].data.ptr, events[i].events);
    }
}

static void report(int window, snapshot a, snapshot b) {
    double seconds = (double)(b.at - a.at) / 1e6, chunks = (double)(b.cells - a.cells);
    double others = (double)(b.busy - a.busy) - (double)(b.cpu - a.cpu + b.own - a.own + b.also - a.also) / 1e6;
    size_t first_count = 0;
    uint32_t *first = malloc(sizeof *first * (size_t)options.streams);
    if (!first) abort();
    for (int i = 0; i < opened; i++)
        if (streams[i].first_at) first[first_count++] = (uint32_t)(streams[i].first_at - streams[i].opened_at);
    qsort(first, first_count, sizeof *first, ascending);
    qsort(ages, age_count, sizeof *ages, ascending);
    printf("{\"window\":%d,\"seconds\":%.3f,\"streams\":%d,\"served\":%d,\"finished\":%d,\"faults\":%d,\"chunks\":%.0f,"
           "\"chunks_per_second\":%.1f,\"latency_us\":{\"p50\":%u,\"p99\":%u,\"p999\":%u,\"max\":%u},"
           "\"first_token_us\":{\"p50\":%u,\"p99\":%u},\"cpu_us_per_chunk\":%.3f,\"cpu_share\":%.4f,"
           "\"client_cpu_us_per_chunk\":%.3f,\"also_cpu_us_per_chunk\":%.3f,\"memory_before_kib\":%ld,\"memory_kib\":%ld,\"memory_kib_per_stream\":%.3f,"
           "\"other_cpu_share\":%.3f}\n",
           window, seconds, options.streams, served, finished, faults, chunks, chunks / seconds,
           percentile(ages, age_count, .5), percentile(ages, age_count, .99), percentile(ages, age_count, .999),
           percentile(ages, age_count, 1), percentile(first, first_count, .5), percentile(first, first_count, .99),
           chunks > 0 ? (double)(b.cpu - a.cpu) / 1e3 / chunks : 0, (double)(b.cpu - a.cpu) / 1e9 / seconds,
           chunks > 0 ? (double)(b.own - a.own) / 1e3 / chunks : 0,
           chunks > 0 ? (double)(b.also - a.also) / 1e3 / chunks : 0, memory_before, memory(),
           (double)(memory() - memory_before) / options.streams, others / 1e3 / seconds);
    fflush(stdout);
    age_count = 0;
    free(first);
}

/// Lets the slow streams read again, and holds it against those that get nothing for five seconds.
static void read_on(void) {
    uint64_t *had = calloc((size_t)options.slow, sizeof *had), end = now_us() + CATCH_UP_SECONDS * 1000000;
    if (!had) abort();
    for (int i = 0; i < options.slow; i++) {
        struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = &streams[i]};
        had[i] = streams[i].cells;
        epoll_ctl(poll_fd, EPOLL_CTL_MOD, streams[i].socket, &e);
    }
    is_measuring = 0;
    int waiting;
    do {
        run_until(now_us() + 50000);
        waiting = 0;
        for (int i = 0; i < options.slow; i++) waiting += !streams[i].has_resynced && streams[i].cells == had[i];
    } while (waiting && now_us() < end);
    if (waiting) fprintf(stderr, "%d slow readers got nothing when they read on\n", waiting);
    faults += waiting;
    free(had);
}

int main(int count, char **arguments) {
    const option known[] = {
        {"--port", INTEGER, &options.port, 1, NULL},
        {"--path", TEXT, &options.path, 1, NULL},
        {"--body", TEXT, &options.body, 1, NULL},
        {"--streams", INTEGER, &options.streams, 1, NULL},
        {"--ramp", INTEGER, &options.ramp, 1, NULL},
        {"--warm", REAL, &options.warm, 1, NULL},
        {"--window", REAL, options.windows, WINDOWS, &options.window_count},
        {"--complete", INTEGER, &options.complete, 1, NULL},
        {"--slow", INTEGER, &options.slow, 1, NULL},
        {"--may-lag", INTEGER, &options.may_lag, 1, NULL},
        {"--pid", INTEGER, options.pids, PIDS, &options.pid_count},
        {"--also", INTEGER, &options.also, 1, NULL},
        {NULL, TEXT, NULL, 0, NULL},
    };
    read_options("load", known, count, arguments);
    if (!options.port || !options.path || options.streams <= 0 || !options.window_count) usage("load", "something is missing");

    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    request_length = (size_t)snprintf(request, sizeof request, options.body
        ? "POST %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"
          "Content-Length: %zu\r\n\r\n%s"
        : "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
        options.path, options.body ? strlen(options.body) : (size_t)0, options.body ? options.body : "");
    if (!(streams = calloc((size_t)options.streams, sizeof *streams))) abort();
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    memory_before = memory();

    uint64_t ramp_us = (uint64_t)options.streams * 1000000u / (uint64_t)options.ramp;
    if (!options.complete) run_until(now_us() + ramp_us + (uint64_t)(options.warm * 1e6));
    is_measuring = 1;
    for (int i = 0; i < options.window_count; i++) {
        snapshot before = look();
        run_until(now_us() + (uint64_t)(options.windows[i] * 1e6));
        report(i, before, look());
    }
    if (options.slow) read_on();
    if (options.may_lag) return faults ? 1 : 0;
    if (options.complete && finished < options.streams) {
        fprintf(stderr, "%d of %d streams did not end in time\n", options.streams - finished, options.streams);
        faults++;
    }
    if (served < options.streams) {
        fprintf(stderr, "%d of %d streams got no text at all\n", options.streams - served, options.streams);
        faults++;
    }
    if (faults > FAULTS_SHOWN) fprintf(stderr, "... %d faults in all\n", faults);
    return faults ? 1 : 0;
}
