// An OpenAI-compatible provider for the benchmark: POST anything, get a chat completion; streamed as chunked SSE when the
// body says `"stream": true`, else whole and at once.
//
//     mock_provider PORT
//
// How many chunks and how far apart is said in the query string (`?n=100&i=50`) or in the request's model name
// (`mock-n100-i50`); `i` is in milliseconds, 0 sends as fast as the socket takes it. The first chunk goes out at once,
// the second after a random part of the interval, so that streams opened together do not tick together.
// `GET /stats` answers its counters as JSON.
#define _GNU_SOURCE
#include "cell.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OUTPUT = 32 * 1024, ROOM_FOR_AN_EVENT = 1024, MOST_WHOLE = 1000, LARGEST_REQUEST = 1 << 20, NOT_WAITING = -1 };

typedef struct connection {
    int socket, place;  // place in the heap of those that wait for their next chunk
    int is_streaming, wants_write;
    uint64_t sent, total, interval, due;
    char *input, *output;
    size_t input_length, input_room, output_start, output_length;
} connection;

static int poll_fd;
static struct { uint64_t active, started, finished, cancelled, chunks, stalls; } stats;

// Waiting streams, the one due first on top.
static connection **heap;
static int heap_count, heap_room;

static void heap_put(int place, connection *c) { heap[place] = c; c->place = place; }

static void heap_settle(int place) {
    connection *c = heap[place];
    while (place > 0 && heap[(place - 1) / 2]->due > c->due) {
        heap_put(place, heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (int child; (child = 2 * place + 1) < heap_count; place = child) {
        if (child + 1 < heap_count && heap[child + 1]->due < heap[child]->due) child++;
        if (heap[child]->due >= c->due) break;
        heap_put(place, heap[child]);
    }
    heap_put(place, c);
}

static void heap_add(connection *c) {
    if (heap_count == heap_room) {
        heap_room = heap_room ? heap_room * 2 : 1024;
        heap = realloc(heap, (size_t)heap_room * sizeof *heap);
        if (!heap) abort();
    }
    heap_put(heap_count++, c);
    heap_settle(c->place);
}

static void heap_remove(connection *c) {
    if (c->place == NOT_WAITING) return;
    int place = c->place;
    c->place = NOT_WAITING;
    if (place == --heap_count) return;
    heap_put(place, heap[heap_count]);
    heap_settle(place);
}

static void drop(connection *c) {
    if (c->is_streaming) { stats.active--; stats.cancelled++; }
    heap_remove(c);
    close(c->socket);
    free(c->input);
    free(c->output);
    free(c);
}

static void watch(connection *c, int write) {
    if (c->wants_write == write) return;
    c->wants_write = write;
    struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP | (write ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->socket, &e);
}

/// 1: all is written; 0: the socket is full; -1: the peer is gone.
static int flush(connection *c) {
    while (c->output_start < c->output_length) {
        ssize_t n = send(c->socket, c->output + c->output_start, c->output_length - c->output_start, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) { watch(c, 1); return 0; }
        if (n < 0) return -1;
        c->output_start += (size_t)n;
    }
    c->output_start = c->output_length = 0;
    watch(c, 0);
    return 1;
}

static void put(connection *c, const char *text, size_t length) {
    memcpy(c->output + c->output_length, text, length);
    c->output_length += length;
}

/// One HTTP chunk that holds one event.
static void put_event(connection *c, const char *choices) {
    char event[ROOM_FOR_AN_EVENT / 2], head[16];
    int length = snprintf(event, sizeof event,
        "data: {\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
        "\"model\":\"mock\",\"system_fingerprint\":\"fp_0\",%s}\n\n", choices);
    put(c, head, (size_t)snprintf(head, sizeof head, "%x\r\n", length));
    put(c, event, (size_t)length);
    put(c, "\r\n", 2);
}

static void put_end(connection *c) {
    static const char done[] = "e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n";
    char usage[160];
    put_event(c, "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]");
    snprintf(usage, sizeof usage, "\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":%llu,"
             "\"total_tokens\":%llu}", (unsigned long long)c->total, (unsigned long long)c->total + 9);
    put_event(c, usage);
    put(c, done, sizeof done - 1);
    c->is_streaming = 0;
    stats.active--;
    stats.finished++;
}

static void put_next(connection *c) {
    if (c->sent == c->total) { put_end(c); return; }
    char choices[160] = "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"", *at = choices + strlen(choices);
    cell_write(at, now_us(), c->sent);
    strcpy(at + CELL, "\"},\"logprobs\":null,\"finish_reason\":null}]");
    put_event(c, choices);
    c->sent++;
    stats.chunks++;
}

/// Sends without pause until the end or until the socket is full; -1 when the peer is gone.
static int pour(connection *c) {
    while (c->is_streaming) {
        while (c->is_streaming && c->output_length < OUTPUT - 2 * ROOM_FOR_AN_EVENT) put_next(c);
        int sent = flush(c);
        if (sent <= 0) return sent;
    }
    return 1;
}

/// The number after `key`, looked for between `from` and `to`.
static uint64_t number(const char *from, const char *to, const char *key, uint64_t otherwise) {
    char *found = memmem(from, (size_t)(to - from), key, strlen(key));
    return found ? strtoull(found + strlen(key), NULL, 10) : otherwise;
}

static int asks_to_stream(const char *body, const char *end) {
    const char *value = memmem(body, (size_t)(end - body), "\"stream\"", 8);
    if (!value) return 0;
    value += 8;
    value += strspn(value, ": ");
    return value < end && *value == 't';
}

/// The whole answer in one body, of at most `MOST_WHOLE` chunks.
static int answer_whole(connection *c) {
    static const char before[] = "{\"id\":\"chatcmpl-mock\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"mock\","
        "\"system_fingerprint\":\"fp_0\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"";
    char head[128], after[256], text[CELL];
    uint64_t now = now_us();
    if (c->total > MOST_WHOLE) c->total = MOST_WHOLE;
    int after_length = snprintf(after, sizeof after, "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":"
        "{\"prompt_tokens\":9,\"completion_tokens\":%llu,\"total_tokens\":%llu}}", (unsigned long long)c->total,
        (unsigned long long)c->total + 9);
    size_t length = sizeof before - 1 + c->total * CELL + (size_t)after_length;
    if (c->output_length + length + sizeof head > OUTPUT) return -1;  // a client that asks and asks and does not read
    put(c, head, (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                  "Content-Length: %zu\r\n\r\n", length));
    put(c, before, sizeof before - 1);
    for (uint64_t i = 0; i < c->total; i++) {
        cell_write(text, now, i);
        put(c, text, CELL);
    }
    put(c, after, (size_t)after_length);
    stats.started++;
    stats.finished++;
    stats.chunks += c->total;
    return flush(c);
}

static int answer(connection *c, const char *request, const char *head_end, const char *end) {
    char head[512];
    if (!strncmp(request, "GET /stats", 10)) {
        char body[256];
        int length = snprintf(body, sizeof body, "{\"active\":%llu,\"started\":%llu,\"finished\":%llu,\"cancelled\":%llu,"
            "\"chunks\":%llu,\"stalls\":%llu}\n", (unsigned long long)stats.active, (unsigned long long)stats.started,
            (unsigned long long)stats.finished, (unsigned long long)stats.cancelled, (unsigned long long)stats.chunks,
            (unsigned long long)stats.stalls);
        put(c, head, (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                      "Content-Length: %d\r\n\r\n%s", length, body));
        return flush(c);
    }
    const char *line_end = memchr(request, '\r', (size_t)(head_end - request));
    c->total = number(request, line_end, "n=", number(head_end, end, "\"mock-n", 100));
    const char *model = memmem(head_end, (size_t)(end - head_end), "\"mock-n", 7);
    c->interval = 1000 * number(request, line_end, "i=", model ? number(model, end, "-i", 50) : 50);
    if (!asks_to_stream(head_end, end)) return answer_whole(c);
    c->sent = 0;
    c->is_streaming = 1;
    stats.active++;
    stats.started++;
    put(c, head, (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n"));
    put_event(c, "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]");
    if (!c->interval) return pour(c);
    put_next(c);
    c->due = now_us() + (uint64_t)rand() % c->interval;
    if (c->is_streaming) heap_add(c);
    return flush(c);
}

/// Answers every whole request that has come in; -1 ends the connection.
static int serve(connection *c) {
    while (!c->is_streaming && c->input_length) {
        c->input[c->input_length] = 0;
        char *head_end = memmem(c->input, c->input_length, "\r\n\r\n", 4);
        if (!head_end) return 0;
        head_end += 4;
        char *field = strcasestr(c->input, "\r\ncontent-length:");
        size_t body = field && field < head_end ? strtoull(field + 17, NULL, 10) : 0;
        size_t length = (size_t)(head_end - c->input) + body;
        if (c->input_length < length) return 0;
        if (answer(c, c->input, head_end, c->input + length) < 0) return -1;
        memmove(c->input, c->input + length, c->input_length -= length);
    }
    return 0;
}

/// -1 when the peer is gone or asks for more than any real request holds.
static int receive(connection *c) {
    if (c->input_room - c->input_length < 2) {
        if (c->input_room >= LARGEST_REQUEST) return -1;
        c->input_room = c->input_room ? c->input_room * 2 : 4096;
        c->input = realloc(c->input, c->input_room);
        if (!c->input) abort();
    }
    ssize_t n = recv(c->socket, c->input + c->input_length, c->input_room - c->input_length - 1, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) return -1;
    if (n > 0) c->input_length += (size_t)n;
    return serve(c);
}

static void accept_all(int listener) {
    int socket, one = 1;
    while ((socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connection *c = calloc(1, sizeof *c);
        if (!c || !(c->output = malloc(OUTPUT))) abort();
        c->socket = socket;
        c->place = NOT_WAITING;
        struct epoll_event e = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, socket, &e);
    }
}

static void tick(void) {
    uint64_t now = now_us();
    while (heap_count && heap[0]->due <= now) {
        connection *c = heap[0];
        if (c->output_length) {
            stats.stalls++;  // the reader is behind by a whole socket buffer
        } else {
            put_next(c);
            if (flush(c) < 0) { drop(c); continue; }
            if (!c->is_streaming) { heap_remove(c); continue; }
        }
        c->due += c->interval;
        heap_settle(0);
    }
}

static struct timespec until_next(void) {
    uint64_t now = now_us(), wait = 1000000;
    if (heap_count) wait = heap[0]->due <= now ? 0 : heap[0]->due - now;
    if (wait > 1000000) wait = 1000000;
    return (struct timespec){.tv_sec = (time_t)(wait / 1000000), .tv_nsec = (long)(wait % 1000000) * 1000};
}

int main(int count, char **arguments) {
    if (count != 2) { fprintf(stderr, "usage: mock_provider PORT\n"); return 64; }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("mock_provider: cannot listen");
        return 1;
    }
    struct epoll_event events[512], e = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        struct timespec wait = until_next();
        int n = epoll_pwait2(poll_fd, events, 512, &wait, NULL);
        for (int i = 0; i < n; i++) {
            connection *c = events[i].data.ptr;
            if (!c) { accept_all(listener); continue; }
            if (events[i].events & EPOLLOUT && (flush(c) < 0 || (!c->interval && pour(c) < 0))) { drop(c); continue; }
            if (events[i].events & ~(uint32_t)EPOLLOUT && receive(c) < 0) drop(c);
        }
        tick();
    }
}
