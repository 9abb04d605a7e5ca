// The list of problems of a policy. Plain arrays; nothing is allocated.
#include "orchestrator/problems.h"

#include <stdarg.h>
#include <stdio.h>

static void add(struct problems *problems, const struct problem *problem) {
    problems->errors += problem->warning ? 0 : 1;
    for (uint32_t i = 0; i < problems->count; i++) {
        if (problems->items[i].line == problem->line && strcmp(problems->items[i].what, problem->what) == 0) {
            return;
        }
    }
    if (problems->count == PROBLEMS_MAX) {
        problems->dropped++;
        return;
    }
    problems->items[problems->count++] = *problem;
}

void problems_error(struct problems *problems, uint32_t line, const char *remedy, const char *format, ...) {
    struct problem problem = {.line = line};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem.what, sizeof problem.what, format, arguments);
    va_end(arguments);
    snprintf(problem.remedy, sizeof problem.remedy, "%s", remedy);
    add(problems, &problem);
}

void problems_warning(struct problems *problems, uint32_t line, const char *remedy, const char *format, ...) {
    struct problem problem = {.line = line, .warning = true};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem.what, sizeof problem.what, format, arguments);
    va_end(arguments);
    snprintf(problem.remedy, sizeof problem.remedy, "%s", remedy);
    add(problems, &problem);
}

void problems_sort(struct problems *problems) {
    for (uint32_t i = 1; i < problems->count; i++) {
        struct problem moved = problems->items[i];
        uint32_t j = i;
        while (j > 0 && problems->items[j - 1].line > moved.line) {
            problems->items[j] = problems->items[j - 1];
            j--;
        }
        problems->items[j] = moved;
    }
}

void problem_text(const struct problem *problem, const char *file, char *out, size_t size) {
    const char *kind = problem->warning ? "warning: " : "";
    if (problem->line == 0) {
        snprintf(out, size, "%s: %s%s; %s", file, kind, problem->what, problem->remedy);
    } else {
        snprintf(out, size, "%s:%u: %s%s; %s", file, problem->line, kind, problem->what, problem->remedy);
    }
}

size_t problems_text(const struct problems *problems, const char *file, char *out, size_t size) {
    size_t used = 0;
    out[0] = '\0';
    for (uint32_t i = 0; i < problems->count && used + 2 < size; i++) {
        problem_text(&problems->items[i], file, out + used, size - used - 1);
        used += strlen(out + used);
        out[used++] = '\n';
        out[used] = '\0';
    }
    if (problems->dropped > 0 && used + 64 < size) {
        used +=
            (size_t)snprintf(out + used, size - used, "%s: and %u more problems; mend these first\n", file, problems->dropped);
    }
    return used;
}
