// The options of the tools beside this file: `--name value`, in any order.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// One option and the variable that it sets; the last counts. With a `count` it may be given up to `room` times, and fills
/// an array.
typedef struct option {
    const char *name;
    enum { INTEGER, REAL, TEXT } kind;
    void *variable;
    int room, *count;
} option;

/// Says what is wrong with the command line and ends the process.
__attribute__((noreturn)) static void usage(const char *tool, const char *what) {
    fprintf(stderr, "%s: %s; the comment at the top of %s.c has the options\n", tool, what, tool);
    exit(64);
}

/// Sets what the command line says; `options` ends with an entry without a name.
static void read_options(const char *tool, const option *options, int count, char **arguments) {
    for (int i = 1; i < count; i += 2) {
        const char *name = arguments[i], *value = arguments[i + 1];
        const option *o = options;
        while (o->name && strcmp(o->name, name)) o++;
        if (!o->name) usage(tool, name);
        if (!value) usage(tool, "an option needs a value");
        if (o->count && *o->count == o->room) usage(tool, name);
        int place = o->count ? (*o->count)++ : 0;
        switch (o->kind) {
        case INTEGER: ((int *)o->variable)[place] = atoi(value); break;
        case REAL: ((double *)o->variable)[place] = atof(value); break;
        case TEXT: ((const char **)o->variable)[place] = value; break;
        }
    }
}
