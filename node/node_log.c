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

static void give_to_port(const struct node *node, uint64_t unix_ms, const char *subject, const char *text) {
    char when[32];
    char whole[LOG_LINE_SIZE_MAX + 2 * NAME_SIZE_MAX + 40];
    format_time(unix_ms, when);
    snprintf(whole, sizeof whole, "%s %s: %s: %s", when, node->config.node, subject, text);
    port_log_line(whole);
}

void node_log(struct node *node, const char *subject, const char *format, ...) {
    char text[LOG_LINE_SIZE_MAX];
    uint64_t unix_ms = port_unix_ms();
    struct log_line *last = &node->log[(node->log_count + LOG_LINES_MAX - 1) % LOG_LINES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    bool same =
        node->log_count > 0 && strcmp(last->text, text) == 0 && strncmp(last->subject, subject, sizeof last->subject - 1) == 0;
    if (same && unix_ms - last->unix_ms < LOG_REPEAT_MS) {
        last->repeated++;
        return;
    }
    if (last->repeated > 0) {
        char again[64];
        snprintf(again, sizeof again, "the line before came %u times more", last->repeated);
        give_to_port(node, unix_ms, last->subject, again);
    }
    struct log_line *line = &node->log[node->log_count++ % LOG_LINES_MAX];
    line->unix_ms = unix_ms;
    line->repeated = 0;
    snprintf(line->subject, sizeof line->subject, "%s", subject);
    memcpy(line->text, text, sizeof line->text);
    give_to_port(node, unix_ms, line->subject, line->text);
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
        text_add(out, "%s %s: %s", when, line->subject, line->text);
        text_add(out, line->repeated > 0 ? " (and %u times more)\n" : "\n", line->repeated);
    }
}
