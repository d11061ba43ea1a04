// The text of one benchmark chunk: ten characters that say when they were made, which they are, and whether they are whole.
//
//     TTTTT SSS C ' '      T  microseconds of CLOCK_MONOTONIC modulo 26^5 (11.9 s), S  sequence modulo 26^3, C  check
//
// Letters only, nine and a space: a chunker that keeps words and numbers with their units whole has no reason to hold a
// cell back or to cut it, and a screen finds nothing in it.
#pragma once
#include <stdint.h>
#include <time.h>

enum { CELL = 10, CELL_TIME = 5, CELL_SEQUENCE = 3 };
static const uint32_t cell_time_range = 26u * 26 * 26 * 26 * 26, cell_sequence_range = 26u * 26 * 26;

static inline uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

static inline void cell_letters(char *out, int count, uint32_t value) {
    for (int i = count - 1; i >= 0; i--, value /= 26) out[i] = (char)('a' + value % 26);
}

static inline char cell_check(const char *cell) {
    uint32_t sum = 0;
    for (int i = 0; i < CELL_TIME + CELL_SEQUENCE; i++) sum = sum * 31 + (uint8_t)cell[i];
    return (char)('a' + sum % 26);
}

static inline void cell_write(char *out, uint64_t time, uint64_t sequence) {
    cell_letters(out, CELL_TIME, (uint32_t)(time % cell_time_range));
    cell_letters(out + CELL_TIME, CELL_SEQUENCE, (uint32_t)(sequence % cell_sequence_range));
    out[8] = cell_check(out);
    out[9] = ' ';
}

/// Whether `cell` is whole and is number `sequence`; its age at `now` goes to `age` in microseconds.
static inline int cell_read(const char *cell, uint64_t sequence, uint64_t now, uint32_t *age) {
    char expected[CELL_SEQUENCE];
    cell_letters(expected, CELL_SEQUENCE, (uint32_t)(sequence % cell_sequence_range));
    uint32_t time = 0;
    for (int i = 0; i < CELL_TIME; i++) {
        if (cell[i] < 'a' || cell[i] > 'z') return 0;
        time = time * 26 + (uint32_t)(cell[i] - 'a');
    }
    for (int i = 0; i < CELL_SEQUENCE; i++)
        if (cell[CELL_TIME + i] != expected[i]) return 0;
    if (cell[8] != cell_check(cell) || cell[9] != ' ') return 0;
    *age = (uint32_t)((now % cell_time_range + cell_time_range - time) % cell_time_range);
    return 1;
}
