// Sends requests that want their whole answer at once, checks every character of each, and measures.
//
//     requests --port N --path /x --body JSON --connections N --cells N [--rate PER_SECOND] [--warm S] --window S
//              [--pid PID ...] [--also PID]
//
// Without --rate every connection sends its next request when the last is answered: what is measured is throughput.
// With it requests fall due at even distances, and an answer's time runs from when its request was due, so that a
// server that is late cannot hide it by slowing the load. Prints one JSON line, times in microseconds; --pid and --also
// are as for load.c. Exit 1, and the reason on standard error, when an answer is not 200 or its text is not --cells
// whole cells in order.
#define _GNU_SOURCE
#include "cell.h"
#include "options.h"
#include "process.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIDS = 16, ANSWER = 64 * 1024 };

typedef struct connection {
    int socket, is_busy;
    uint64_t began;
    size_t length;
    char answer[ANSWER];
} connection;

static struct {
    int port, connections, cells, also, pid_count, pids[PIDS];
    const char *path, *body;
    double rate, warm, window;
} options = {.warm = 1};

static connection *connections;
// Idle connections in a ring, the one idle longest first, so that none is idle until its server closes it.
static int poll_fd, is_measuring, idle_first, idle_count, *idle;
static char request[65536];
static size_t request_length, time_count, time_room;
static uint32_t *times;
static uint64_t began, sent;

__attribute__((noreturn)) static void wrong(const char *what, const char *bytes) {
    fprintf(stderr, "%s: %.600s\n", what, bytes);
    exit(1);
}

/// Whether all of the answer is there; the chunks of its body are then joined.
static int is_whole(char *answer, size_t length) {
    char *body = memmem(answer, length, "\r\n\r\n", 4), *end = answer + length, *field, *to, *at;
    if (!body) return 0;
    body += 4;
    if ((field = strcasestr(answer, "\r\ncontent-length:")) && field < body) {
        size_t all = (size_t)(body - answer) + strtoull(field + 17, NULL, 10);
        if (length > all) wrong("more than one answer", answer);
        return length == all;
    }
    if (!(field = strcasestr(answer, "\r\ntransfer-encoding: chunked")) || field > body) wrong("no length", answer);
    if (length < 5 || memcmp(end - 5, "0\r\n\r\n", 5)) return 0;
    for (at = to = body; (field = memmem(at, (size_t)(end - at), "\r\n", 2));) {
        size_t size = strtoull(at, NULL, 16);
        if (size + 4 > (size_t)(end - field)) return 0;
        at = field + size + 4;
        memmove(to, field + 2, size);
        to += size;
        if (!size && at < end) wrong("more than one answer", answer);
        if (!size) break;
    }
    *to = 0;
    return 1;
}

/// Ends the process unless the answer is a 200 that holds the cells and nothing else as its content.
static void check(const char *answer, uint64_t now) {
    if (strncmp(answer, "HTTP/1.1 200", 12)) wrong("refused", answer);
    const char *text = strstr(answer, "\"content\":");
    if (!text) wrong("no content", answer);
    text += strspn(text + 10, " ") + 10;
    if (*text++ != '"') wrong("no content", answer);
    for (int i = 0; i < options.cells; i++, text += CELL) {
        uint32_t age;
        if (!memchr(text, '"', CELL) && cell_read(text, (uint64_t)i, now, &age)) continue;
        wrong("text differs", answer);
    }
    if (*text != '"') wrong("text goes on after its end", answer);
}

static void ask(int number, uint64_t due) {
    connection *c = &connections[number];
    c->is_busy = 1;
    c->began = due;
    c->length = 0;
    sent++;
    if (send(c->socket, request, request_length, MSG_NOSIGNAL) != (ssize_t)request_length) wrong("cannot send", strerror(errno));
}

static void rest(int number) { idle[(idle_first + idle_count++) % options.connections] = number; }

static int wake(void) {
    int number = idle[idle_first];
    idle_first = (idle_first + 1) % options.connections;
    idle_count--;
    return number;
}

static void answered(int number, uint64_t now) {
    connection *c = &connections[number];
    check(c->answer, now);
    c->is_busy = 0;
    if (is_measuring) {
        if (time_count == time_room) {
            time_room = time_room ? time_room * 2 : 1 << 18;
            if (!(times = realloc(times, time_room * sizeof *times))) abort();
        }
        times[time_count++] = (uint32_t)(now - c->began);
    }
    if (options.rate > 0) rest(number); else ask(number, now);
}

static void receive(int number) {
    connection *c = &connections[number];
    ssize_t n = recv(c->socket, c->answer + c->length, ANSWER - 1 - c->length, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) wrong("the connection was closed", n ? strerror(errno) : "at its end");
    if (!c->is_busy) wrong("an answer nobody asked for", c->answer);
    c->answer[c->length += (size_t)n] = 0;
    if (is_whole(c->answer, c->length)) answered(number, now_us());
    else if (c->length == ANSWER - 1) wrong("an answer too long", c->answer);
}

static void run_until(uint64_t end) {
    struct epoll_event events[512];
    for (uint64_t now; (now = now_us()) < end;) {
        uint64_t due = end;
        while (options.rate > 0 && idle_count
               && (due = began + (uint64_t)((double)sent * 1e6 / options.rate)) <= now) ask(wake(), due);
        struct timespec wait = {.tv_nsec = 1000 * (long)(due <= now ? 0 : due - now < 20000 ? due - now : 20000)};
        int n = epoll_pwait2(poll_fd, events, 512, &wait, NULL);
        for (int i = 0; i < n; i++) receive((int)events[i].data.u32);
    }
}

static void open_all(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0, one = 1; i < options.connections; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = (uint32_t)i};
        connection *c = &connections[i];
        c->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(c->socket, (struct sockaddr *)&address, sizeof address)) wrong("no connection", strerror(errno));
        setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->socket, &e);
        if (options.rate > 0) rest(i); else ask(i, now_us());
    }
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t percentile(double share) { return time_count ? times[(size_t)((double)(time_count - 1) * share)] : 0; }

static uint64_t cpu(void) {
    uint64_t sum = 0;
    for (int i = 0; i < options.pid_count; i++) sum += process_cpu_ns(options.pids[i]);
    return sum;
}

static long memory(void) {
    long sum = 0;
    for (int i = 0; i < options.pid_count; i++) sum += process_memory_kib(options.pids[i]);
    return sum;
}

static uint64_t ours(void) { return own_cpu_ns() + (options.also ? process_cpu_ns(options.also) : 0); }

int main(int count, char **arguments) {
    const option known[] = {
        {"--port", INTEGER, &options.port, 1, NULL},
        {"--path", TEXT, &options.path, 1, NULL},
        {"--body", TEXT, &options.body, 1, NULL},
        {"--connections", INTEGER, &options.connections, 1, NULL},
        {"--cells", INTEGER, &options.cells, 1, NULL},
        {"--rate", REAL, &options.rate, 1, NULL},
        {"--warm", REAL, &options.warm, 1, NULL},
        {"--window", REAL, &options.window, 1, NULL},
        {"--pid", INTEGER, options.pids, PIDS, &options.pid_count},
        {"--also", INTEGER, &options.also, 1, NULL},
        {NULL, TEXT, NULL, 0, NULL},
    };
    read_options("requests", known, count, arguments);
    if (!options.port || !options.path || !options.body || options.connections <= 0 || options.window <= 0)
        usage("requests", "something is missing");
    request_length = (size_t)snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
        "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", options.path, strlen(options.body), options.body);
    connections = calloc((size_t)options.connections, sizeof *connections);
    idle = calloc((size_t)options.connections, sizeof *idle);
    if (!connections || !idle || request_length >= sizeof request) abort();
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    began = now_us();
    open_all();
    run_until(now_us() + (uint64_t)(options.warm * 1e6));
    is_measuring = 1;
    uint64_t start = now_us(), cpu_before = cpu(), ours_before = ours(), busy_before = machine_busy_ms();
    run_until(start + (uint64_t)(options.window * 1e6));
    double seconds = (double)(now_us() - start) / 1e6, used = (double)(cpu() - cpu_before);
    double others = (double)(machine_busy_ms() - busy_before) - (used + (double)(ours() - ours_before)) / 1e6;
    if (!time_count) wrong("no answer", "within the window");
    qsort(times, time_count, sizeof *times, ascending);
    printf("{\"seconds\":%.3f,\"requests\":%zu,\"requests_per_second\":%.1f,\"latency_us\":{\"p50\":%u,\"p99\":%u,\"max\":%u},"
           "\"memory_kib\":%ld,\"cpu_us_per_request\":%.2f,\"cpu_share\":%.3f,\"other_cpu_share\":%.3f}\n", seconds, time_count,
           (double)time_count / seconds, percentile(.5), percentile(.99), percentile(1), memory(),
           used / 1e3 / (double)time_count, used / 1e9 / seconds, others / 1e3 / seconds);
    return 0;
}
