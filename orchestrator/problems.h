// What is wrong with a policy, all of it at once, each with its line and what to do about it.
//
// A list of at most PROBLEMS_MAX; further ones are counted and not kept. No allocation.
#ifndef TENON_ORCHESTRATOR_PROBLEMS_H
#define TENON_ORCHESTRATOR_PROBLEMS_H

#include "core/bytes.h"

#define PROBLEMS_MAX 50

struct problem {
    uint32_t line; // 0 when no line can be named
    bool warning;  // the policy can be applied nevertheless
    char what[288];
    char remedy[256];
};

struct problems {
    uint32_t count;
    uint32_t errors; // with those that were not kept
    uint32_t dropped;
    struct problem items[PROBLEMS_MAX];
};

// Adds a problem; equal ones (of a line that `each` repeats) are kept once. Formats are printf's.
__attribute__((format(printf, 4, 5))) void problems_error(struct problems *problems, uint32_t line, const char *remedy,
                                                          const char *format, ...);
__attribute__((format(printf, 4, 5))) void problems_warning(struct problems *problems, uint32_t line, const char *remedy,
                                                            const char *format, ...);

// Sorts by line, keeping the order of finding within one line.
void problems_sort(struct problems *problems);

// Writes "file:line: what; remedy" (or "file:line: warning: what; remedy") for one problem.
void problem_text(const struct problem *problem, const char *file, char *out, size_t size);

// Writes all of them, a line each, cut to `size`; returns the bytes written without the NUL.
size_t problems_text(const struct problems *problems, const char *file, char *out, size_t size);

#endif
