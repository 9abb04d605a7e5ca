// The node's log: the last LOG_LINES_MAX lines in memory for GET /log, and every line to the port, which writes it
// where the service manager finds it.
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "node/node_private.h"

static void format_time(uint64_t unix_ms, char out[32]) {
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    char whole[24];
    strftime(whole, sizeof whole, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, 32, "%s.%03uZ", whole, (unsigned)(unix_ms % 1000));
}

void node_log(struct node *node, const char *subject, const char *format, ...) {
    struct log_line *line = &node->log[node->log_count++ % LOG_LINES_MAX];
    line->unix_ms = port_unix_ms();
    snprintf(line->subject, sizeof line->subject, "%s", subject);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line->text, sizeof line->text, format, arguments);
    va_end(arguments);
    char when[32];
    format_time(line->unix_ms, when);
    char whole[LOG_LINE_SIZE_MAX + 2 * NAME_SIZE_MAX + 40];
    snprintf(whole, sizeof whole, "%s %s: %s: %s", when, node->config.node, line->subject, line->text);
    port_log_line(whole);
}

void node_log_write(const struct node *node, struct bytes subject, struct text *out) {
    uint32_t first = node->log_count > LOG_LINES_MAX ? node->log_count - LOG_LINES_MAX : 0;
    for (uint32_t i = first; i < node->log_count; i++) {
        const struct log_line *line = &node->log[i % LOG_LINES_MAX];
        if (subject.size > 0 && !bytes_equal(subject, bytes_of_text(line->subject))) {
            continue;
        }
        char when[32];
        format_time(line->unix_ms, when);
        text_add(out, "%s %s: %s\n", when, line->subject, line->text);
    }
}
