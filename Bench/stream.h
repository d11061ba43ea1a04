// One stream as the client sees it: HTTP/1.1 head, chunked body, event stream, and the cells inside the events.
//
// Every character of the text is checked: cells must come whole, in order, once. How the server cut the text into
// events does not matter. The first thing that is wrong ends the stream and is kept in `fault`.
#pragma once
#include "cell.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum stage { HEAD, SIZE, DATA, DATA_END, TRAILER, PLAIN, CLOSED };

typedef struct stream {
    int socket, is_connected, is_slow, was_stopped, has_resynced, number;
    enum stage stage;
    int is_chunked, has_ended;  // whether the terminal event came: [DONE], or stream_done
    uint64_t chunk_left, opened_at, first_at, cells;
    char cell[CELL];
    int cell_fill;
    char *line;  // what came of a line that is not whole yet
    size_t line_length, line_room;
    char *fault;
} stream;

/// Called for each whole cell with its age in microseconds.
typedef void on_cell(stream *s, uint32_t age);

__attribute__((format(printf, 2, 3))) static void stream_fail(stream *s, const char *format, ...) {
    char text[512];
    va_list arguments;
    if (s->fault) return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    s->fault = strdup(text);
    s->stage = CLOSED;
}

static void stream_text(stream *s, const char *text, size_t length, uint64_t now, on_cell *report) {
    while (length) {
        size_t part = (size_t)(CELL - s->cell_fill) < length ? (size_t)(CELL - s->cell_fill) : length;
        memcpy(s->cell + s->cell_fill, text, part);
        s->cell_fill += (int)part;
        text += part;
        length -= part;
        if (s->cell_fill < CELL) return;
        uint32_t age;
        if (!cell_read(s->cell, s->cells, now, &age)) {
            stream_fail(s, "text differs at chunk %llu: got \"%.10s\"", (unsigned long long)s->cells, s->cell);
            return;
        }
        s->cell_fill = 0;
        s->cells++;
        if (!s->first_at) s->first_at = now;
        report(s, age);
    }
}

static int has(const char *line, size_t length, const char *what) {
    return memmem(line, length, what, strlen(what)) != NULL;
}

/// One line of the event stream: chunks of an OpenAI-compatible provider, or events of Medstream.
static void stream_line(stream *s, const char *line, size_t length, uint64_t now, on_cell *report) {
    static const char type_key[] = "\"type\":\"", text_key[] = "\"content\":\"";
    if (length < 5 || memcmp(line, "data:", 5)) return;
    if (has(line, length, "[DONE]")) { s->has_ended = 1; return; }
    const char *end = line + length, *type = memmem(line, length, type_key, sizeof type_key - 1);
    if (type) {
        type += sizeof type_key - 1;
        size_t room = (size_t)(end - type);
        if (room > 11 && !memcmp(type, "stream_done", 11)) {
            s->has_ended = 1;
            if (!has(line, length, "\"complete\"")) stream_fail(s, "the stream ended with: %.300s", line);
            return;
        }
        if (room > 6 && !memcmp(type, "resync", 6) && s->is_slow) { s->has_resynced = 1; s->stage = CLOSED; return; }
        if (room > 6 && (!memcmp(type, "error\"", 6) || !memcmp(type, "resync", 6) || !memcmp(type, "splice", 6))) {
            stream_fail(s, "an event that should not be: %.*s", length < 300 ? (int)length : 300, line);
            return;
        }
        if (room <= 13 || memcmp(type, "content_chunk", 13)) return;
    }
    const char *text = memmem(line, length, text_key, sizeof text_key - 1);
    if (!text) return;
    text += sizeof text_key - 1;
    const char *close = memchr(text, '"', (size_t)(end - text));
    if (!close) { stream_fail(s, "a broken event: %.*s", length < 300 ? (int)length : 300, line); return; }
    stream_text(s, text, (size_t)(close - text), now, report);
}

static void stream_keep(stream *s, const char *bytes, size_t length) {
    if (s->line_length + length + 1 > s->line_room) {
        s->line_room = (s->line_length + length + 1) * 2;
        if (!(s->line = realloc(s->line, s->line_room))) abort();
    }
    memcpy(s->line + s->line_length, bytes, length);
    s->line_length += length;
    s->line[s->line_length] = 0;
}

static void stream_body(stream *s, const char *bytes, size_t length, uint64_t now, on_cell *report) {
    while (length && !s->fault) {
        const char *end = memchr(bytes, '\n', length);
        if (!end) { stream_keep(s, bytes, length); return; }
        size_t part = (size_t)(end - bytes);
        if (s->line_length) {
            stream_keep(s, bytes, part);
            stream_line(s, s->line, s->line_length, now, report);
            s->line_length = 0;
        } else {
            stream_line(s, bytes, part, now, report);
        }
        bytes += part + 1;
        length -= part + 1;
    }
}

/// Takes what belongs to the head; `s->stage` has moved on when the head is whole.
static size_t stream_head(stream *s, const char *bytes, size_t length) {
    size_t before = s->line_length;
    stream_keep(s, bytes, length);
    char *end = memmem(s->line, s->line_length, "\r\n\r\n", 4);
    if (!end) return length;
    end[2] = 0;
    size_t taken = (size_t)(end + 4 - s->line) - before;
    if (!strstr(s->line, "HTTP/1.1 200")) {
        stream_fail(s, "refused: %.300s", s->line);
    } else {
        s->is_chunked = strcasestr(s->line, "\r\ntransfer-encoding: chunked\r\n") != NULL;
        s->stage = s->is_chunked ? SIZE : PLAIN;
    }
    s->line_length = 0;
    s->chunk_left = 0;
    return taken;
}

/// Takes the bytes in; afterwards `stage` is `CLOSED` when the response is over or wrong.
static void stream_receive(stream *s, const char *bytes, size_t length, uint64_t now, on_cell *report) {
    while (length && s->stage != CLOSED) {
        size_t taken = 1;
        switch (s->stage) {
        case HEAD: taken = stream_head(s, bytes, length); break;
        case SIZE: {
            char c = *bytes;
            int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
            if (digit >= 0) s->chunk_left = s->chunk_left * 16 + (uint64_t)digit;
            else if (c == '\n') s->stage = s->chunk_left ? DATA : TRAILER;
            else if (c != '\r') stream_fail(s, "a broken chunk size");
            break;
        }
        case DATA:
            taken = length < s->chunk_left ? length : (size_t)s->chunk_left;
            stream_body(s, bytes, taken, now, report);
            if (!(s->chunk_left -= taken) && s->stage == DATA) s->stage = DATA_END;
            break;
        case DATA_END:
            if (*bytes == '\n') s->stage = SIZE;
            break;
        case TRAILER:
            if (*bytes == '\n') s->stage = CLOSED;
            break;
        case PLAIN:
            taken = length;
            stream_body(s, bytes, length, now, report);
            break;
        case CLOSED: break;
        }
        bytes += taken;
        length -= taken;
    }
}
