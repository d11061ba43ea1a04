#pragma once
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Why a text was refused.
enum {
    MEDSTREAM_JSON_OK = 0,
    MEDSTREAM_JSON_EMPTY,
    MEDSTREAM_JSON_SYNTAX,
    MEDSTREAM_JSON_UTF8,
    MEDSTREAM_JSON_STRING,
    MEDSTREAM_JSON_NUMBER,
    MEDSTREAM_JSON_DEPTH,
    MEDSTREAM_JSON_LARGE,
};

/// One parsed text: simdjson's tape and string buffer, valid until closed.
///
/// The tape is laid out as simdjson's doc/tape.md says; a string lies in `strings` as a 32-bit length, its bytes and a
/// NUL. `serial` differs between any two documents of one process.
typedef struct medstream_json_document {
    void *parser;
    const uint64_t *tape;
    const uint8_t *strings;
    uint64_t serial;
    int error;
} medstream_json_document;

/// Copies the text into a padded buffer and parses it with a parser that this thread keeps for reuse.
///
/// Several documents may be open on one thread, each with its own parser, and may be closed in any order and on any
/// thread. When `error` is set, nothing else is, and there is nothing to close.
medstream_json_document medstream_json_open(const uint8_t *bytes, size_t length, size_t depth);

/// Hands the parser back to the calling thread.
void medstream_json_close(medstream_json_document document);

#ifdef __cplusplus
}
#endif
