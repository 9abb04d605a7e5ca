// The node's log: the last lines in memory for GET /log, as many as LOG_SIZE bytes hold, and every line to the port, which
// writes it where the service manager finds it. The oldest lines make room by moving the rest: a line comes seldom, for what
// repeats is counted.
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

static void give_to_port(const struct node *node, uint64_t unix_ms, struct bytes subject, const char *text) {
    char when[TIME_TEXT_SIZE];
    char whole[LOG_LINE_SIZE_MAX + 2 * NAME_SIZE_MAX + TIME_TEXT_SIZE];
    format_time(unix_ms, when);
    snprintf(whole, sizeof whole, "%s %s: %.*s: %s", when, node->config->node, (int)subject.size, (const char *)subject.data,
             text);
    port_log_line(whole);
}

// The line that begins at `at`, with views of its words.
static struct log_line line_at(const struct node *node, uint32_t at, struct bytes *subject, struct bytes *text) {
    struct log_line line;
    memcpy(&line, node->log + at, sizeof line); // the bytes are not aligned
    *subject = (struct bytes){node->log + at + sizeof line, line.subject_size};
    *text = (struct bytes){subject->data + subject->size, line.text_size};
    return line;
}

static uint32_t size_of(const struct log_line *line) {
    return (uint32_t)sizeof *line + line->subject_size + line->text_size;
}

static void append(struct node *node, const struct log_line *line, struct bytes subject, struct bytes text) {
    struct bytes view;
    uint32_t gone = 0;
    while (LOG_SIZE - (node->log_size - gone) < size_of(line)) {
        const struct log_line oldest = line_at(node, gone, &view, &view);
        gone += size_of(&oldest);
    }
    memmove(node->log, node->log + gone, node->log_size - gone);
    node->log_last = node->log_size - gone;
    uint8_t *out = node->log + node->log_last;
    memcpy(out, line, sizeof *line);
    memcpy(out + sizeof *line, subject.data, subject.size);
    memcpy(out + sizeof *line + subject.size, text.data, text.size);
    node->log_size = node->log_last + size_of(line);
}

void node_log(struct node *node, const char *about, const char *format, ...) {
    char text[LOG_LINE_SIZE_MAX];
    uint64_t unix_ms = port_unix_ms();
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    struct bytes subject = bytes_of_text(about);
    subject.size = subject.size < NAME_SIZE_MAX ? subject.size : NAME_SIZE_MAX - 1;
    if (node->log_size > 0) {
        struct bytes last_subject, last_text;
        struct log_line last = line_at(node, node->log_last, &last_subject, &last_text);
        bool same = bytes_equal(last_subject, subject) && bytes_equal(last_text, bytes_of_text(text));
        if (same && unix_ms - last.unix_ms < LOG_REPEAT_MS) {
            last.repeated++;
            memcpy(node->log + node->log_last, &last, sizeof last);
            return;
        }
        if (last.repeated > 0) {
            char again[64];
            snprintf(again, sizeof again, "the line before came %u times more", last.repeated);
            give_to_port(node, unix_ms, last_subject, again);
        }
    }
    const struct log_line line = {
        .unix_ms = unix_ms, .subject_size = (uint16_t)subject.size, .text_size = (uint16_t)strlen(text)};
    append(node, &line, subject, bytes_of_text(text));
    give_to_port(node, unix_ms, subject, text);
}

void node_log_write(const struct node *node, struct bytes subject, struct text *out) {
    for (uint32_t at = 0; at < node->log_size;) {
        struct bytes about, text;
        const struct log_line line = line_at(node, at, &about, &text);
        at += size_of(&line);
        if (subject.size > 0 && !bytes_equal(subject, about)) {
            continue;
        }
        char when[TIME_TEXT_SIZE];
        format_time(line.unix_ms, when);
        text_add(out, "%s %.*s: %.*s", when, (int)about.size, (const char *)about.data, (int)text.size,
                 (const char *)text.data);
        text_add(out, line.repeated > 0 ? " (and %u times more)\n" : "\n", line.repeated);
    }
}
