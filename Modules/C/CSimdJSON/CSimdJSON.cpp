#include "CSimdJSON.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <simdjson.h>
#include <vector>

namespace {

/// A parser with its input buffer. About 14 bytes are allocated for each byte of the largest text it has seen.
struct Parser {
    simdjson::dom::parser parser;
    std::unique_ptr<char[]> input;
    size_t capacity = 0;
    uint64_t serial;
    uint32_t uses = 0;

    Parser() {
        static std::atomic<uint32_t> count{0};
        serial = uint64_t(++count) << 32;
    }

    /// Makes room in powers of two, so that texts of similar size never allocate again.
    bool reserve(size_t length, size_t depth) {
        if (input && length <= capacity && depth == parser.max_depth()) { return true; }
        size_t size = 4096;
        while (size < length) { size *= 2; }
        input.reset(new (std::nothrow) char[size + simdjson::SIMDJSON_PADDING]);
        capacity = 0;
        if (!input || parser.allocate(size, depth) || parser.doc.allocate(size)) { return false; }
        capacity = size;
        return true;
    }
};

/// Parsers at rest on one thread. More than a few are only open at once in nested parsing, and one that has grown
/// past about a mebibyte in all is not worth keeping.
constexpr size_t kept = 4;
constexpr size_t keptCapacity = 1 << 16;
thread_local std::vector<std::unique_ptr<Parser>> resting;

int reason(simdjson::error_code error) {
    switch (error) {
    case simdjson::SUCCESS: return MEDSTREAM_JSON_OK;
    case simdjson::EMPTY: return MEDSTREAM_JSON_EMPTY;
    case simdjson::UTF8_ERROR: return MEDSTREAM_JSON_UTF8;
    case simdjson::STRING_ERROR:
    case simdjson::UNCLOSED_STRING:
    case simdjson::UNESCAPED_CHARS: return MEDSTREAM_JSON_STRING;
    case simdjson::NUMBER_ERROR: return MEDSTREAM_JSON_NUMBER;
    case simdjson::DEPTH_ERROR: return MEDSTREAM_JSON_DEPTH;
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC: return MEDSTREAM_JSON_LARGE;
    default: return MEDSTREAM_JSON_SYNTAX;
    }
}

void rest(std::unique_ptr<Parser> parser) {
    if (resting.size() < kept && parser->capacity <= keptCapacity) { resting.push_back(std::move(parser)); }
}

}  // namespace

extern "C" medstream_json_document medstream_json_open(const uint8_t *bytes, size_t length, size_t depth) {
    medstream_json_document document = {nullptr, nullptr, nullptr, 0, MEDSTREAM_JSON_OK};
    if (length > simdjson::SIMDJSON_MAXSIZE_BYTES / 2) {
        document.error = MEDSTREAM_JSON_LARGE;
        return document;
    }
    std::unique_ptr<Parser> parser;
    if (resting.empty()) {
        parser = std::make_unique<Parser>();
    } else {
        parser = std::move(resting.back());
        resting.pop_back();
    }
    if (!parser->reserve(length, depth)) {
        document.error = MEDSTREAM_JSON_LARGE;
        return document;
    }
    if (length > 0) { std::memcpy(parser->input.get(), bytes, length); }
    std::memset(parser->input.get() + length, 0, simdjson::SIMDJSON_PADDING);
    // The buffer is padded, so simdjson need not copy it into one of its own at every call.
    document.error = reason(parser->parser.parse(parser->input.get(), length, false).error());
    if (document.error != MEDSTREAM_JSON_OK) {
        rest(std::move(parser));
        return document;
    }
    document.tape = parser->parser.doc.tape.get();
    document.strings = parser->parser.doc.string_buf.get();
    document.serial = parser->serial | ++parser->uses;
    document.parser = parser.release();
    return document;
}

extern "C" void medstream_json_close(medstream_json_document document) {
    rest(std::unique_ptr<Parser>(static_cast<Parser *>(document.parser)));
}
