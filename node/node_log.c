// The node's log: the last LOG_LINES_MAX lines in memory for GET /log, and every line to the port, which writes it
// where the service manager finds it.
#include <stdarg.h>
#include <stdio.h>

#include "node/node_private.h"

// Room for what the compiler cannot rule out; 24 letters and the NUL are used.
#define TIME_TEXT_SIZE 80

// RFC 3339 in UTC, without a C library's time zones. The year begins in March here, so that the leap day is its last.
static void format_time(uint64_t unix_ms, char out[TIME_TEXT_SIZE]) {
    const unsigned days_in_400_years = 146097;
    unsigned second = (unsigned)(unix_ms / 1000 % 86400);
    unsigned days = (unsigned)(unix_ms / 86400000) + 719468; // since 0000-03-01
    unsigned of_era = days % days_in_400_years;
    unsigned year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month = (5 * of_year + 2) / 153; // 0 is March
    unsigned year = days / days_in_400_years * 400 + year_of_era + (month > 9);
    snprintf(out, TIME_TEXT_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month < 10 ? month + 3 : month - 9,
             of_year - (153 * month + 2) / 5 + 1, second / 3600, second / 60 % 60, second % 60, (unsigned)(unix_ms % 1000));
}

static void give_to_port(const struct node *node, uint64_t unix_ms, const char *subject, const char *text) {
    char when[TIME_TEXT_SIZE];
    char whole[LOG_LINE_SIZE_MAX + 2 * NAME_SIZE_MAX + TIME_TEXT_SIZE];
    format_time(unix_ms, when);
    snprintf(whole, sizeof whole, "%s %s: %s: %s", when, node->config->node, subject, text);
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
        char when[TIME_TEXT_SIZE];
        format_time(line->unix_ms, when);
        text_add(out, "%s %s: %s", when, line->subject, line->text);
        text_add(out, line->repeated > 0 ? " (and %u times more)\n" : "\n", line->repeated);
    }
}
