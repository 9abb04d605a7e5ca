// component.yaml: what a component declares about itself, read with file, line and remedy for every mistake.
//
// Memory: all in `struct component_file`, nothing to free. Names are letters, digits, `_` and `-`, begin with a letter, and
// differ also as C names.
#ifndef TENON_CLI_COMPONENT_FILE_H
#define TENON_CLI_COMPONENT_FILE_H

#include <stdio.h>

#include "core/manifest.h"
#include "orchestrator/document.h"

#define PATH_SIZE_MAX 1024
// Enough for C code that keeps small arrays on the stack; limits.stack says otherwise.
#define COMPONENT_STACK_DEFAULT 1024
#define COMPONENT_MEMORY_DEFAULT 4096
// A few hundred are usual; 100,000 are 1 ms of the fast interpreter.
#define COMPONENT_INSTRUCTIONS_DEFAULT 100000

struct component_file {
    struct manifest manifest; // inbox_bytes and state_bytes are 0: they are read from the compiled module
    char path[PATH_SIZE_MAX];
    char source[PATH_SIZE_MAX]; // relative to the working directory, like `path`
    uint32_t stack_bytes;
    bool declares_state; // manifest.state_version is given
};

// Reads the file. On failure `error` says what is wrong and where.
MUST_CHECK bool component_file_read(const char *path, struct component_file *out, struct document_error *error);

// Writes ports.h: the numbers of inputs, parameters and outputs as enumerators.
void component_file_write_ports(const struct component_file *file, FILE *out);

#endif
