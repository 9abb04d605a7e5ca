// Readers of single values of a YAML tree, and the words in which they refuse. No memory is allocated here.
#include "orchestrator/document.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define DURATION_MAX_MS (10000.0 * 86400000.0)
#define SIZE_MAX_BYTES 1125899906842624.0
#define COMPARED_MAX 64

struct suffix {
    const char *text;
    double factor;
};

static const struct suffix duration_suffixes[] = {{"ms", 1}, {"s", 1000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}};
static const struct suffix size_suffixes[] = {{"", 1}, {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};

bool document_is_null(const struct document_node *node) {
    if (node == NULL) {
        return true;
    }
    return node->kind == DOCUMENT_SCALAR && !node->quoted &&
           (node->text[0] == '\0' || strcmp(node->text, "~") == 0 || strcmp(node->text, "null") == 0);
}

uint32_t document_list_count(const struct document_node *node) {
    if (document_is_null(node)) {
        return 0;
    }
    return node->kind == DOCUMENT_SEQUENCE ? node->count : 1;
}

const struct document_node *document_list_item(const struct document_node *node, uint32_t index) {
    return node->kind == DOCUMENT_SEQUENCE ? node->entries[index].value : node;
}

static const char *kind_text(const struct document_node *node) {
    if (document_is_null(node)) {
        return "nothing";
    }
    return node->kind == DOCUMENT_MAPPING ? "a mapping" : (node->kind == DOCUMENT_SEQUENCE ? "a list" : node->text);
}

static bool refuse_value(const struct document_node *node, const char *expected, const char *remedy,
                         struct document_error *error) {
    char what[224];
    snprintf(what, sizeof what, "expected %s, found %s%.100s%s", expected,
             node->kind == DOCUMENT_SCALAR && node->text[0] ? "'" : "", kind_text(node),
             node->kind == DOCUMENT_SCALAR && node->text[0] ? "'" : "");
    return document_refuse(node, error, what, remedy);
}

bool document_text(const struct document_node *node, const char **out, struct document_error *error) {
    if (node->kind != DOCUMENT_SCALAR || document_is_null(node)) {
        return refuse_value(node, "a text", "write one name or text here", error);
    }
    *out = node->text;
    return true;
}

static size_t digits(const char *text) {
    size_t count = 0;
    while (text[count] >= '0' && text[count] <= '9') {
        count++;
    }
    return count;
}

// Length of the decimal number at the head of the text, 0 for none.
static size_t number_length(const char *text) {
    size_t length = text[0] == '-' || text[0] == '+' ? 1 : 0;
    size_t whole = digits(text + length);
    length += whole;
    size_t fraction = 0;
    if (text[length] == '.') {
        fraction = digits(text + length + 1);
        length += 1 + fraction;
    }
    if (whole + fraction == 0) {
        return 0;
    }
    if (text[length] == 'e' || text[length] == 'E') {
        size_t sign = text[length + 1] == '-' || text[length + 1] == '+' ? 1 : 0;
        size_t exponent = digits(text + length + 1 + sign);
        length += exponent > 0 ? 1 + sign + exponent : 0;
    }
    return length;
}

bool document_number_parse(const char *text, double *out) {
    size_t length = number_length(text);
    if (length == 0 || text[length] != '\0') {
        return false;
    }
    *out = strtod(text, NULL);
    return isfinite(*out);
}

bool document_number(const struct document_node *node, double *out, struct document_error *error) {
    if (node->kind != DOCUMENT_SCALAR || node->quoted || !document_number_parse(node->text, out)) {
        return refuse_value(node, "a number", "write a decimal number such as 21 or 0.5, without quotes and unit", error);
    }
    return true;
}

bool document_boolean(const struct document_node *node, bool *out, struct document_error *error) {
    if (node->kind == DOCUMENT_SCALAR && !node->quoted) {
        *out = strcmp(node->text, "true") == 0;
        if (*out || strcmp(node->text, "false") == 0) {
            return true;
        }
    }
    return refuse_value(node, "true or false", "write true or false, without quotes", error);
}

bool document_whole(const struct document_node *node, uint64_t minimum, uint64_t maximum, uint64_t *out,
                    struct document_error *error) {
    double value = 0;
    char expected[96];
    bool number = node->kind == DOCUMENT_SCALAR && !node->quoted && document_number_parse(node->text, &value);
    if (!number || value < (double)minimum || value > (double)maximum || value != floor(value)) {
        snprintf(expected, sizeof expected, "a whole number from %llu to %llu", (unsigned long long)minimum,
                 (unsigned long long)maximum);
        return refuse_value(node, expected, "write a number in that range", error);
    }
    *out = (uint64_t)value;
    return true;
}

static bool with_suffix(const char *text, const struct suffix *suffixes, size_t count, double maximum, uint64_t *out) {
    char number[64];
    size_t length = number_length(text);
    if (length == 0 || length >= sizeof number) {
        return false;
    }
    memcpy(number, text, length);
    number[length] = '\0';
    double value = 0;
    if (!document_number_parse(number, &value) || value < 0) {
        return false;
    }
    const char *rest = text + length + (text[length] == ' ' ? 1 : 0);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rest, suffixes[i].text) == 0 && value * suffixes[i].factor <= maximum) {
            *out = (uint64_t)(value * suffixes[i].factor + 0.5);
            return true;
        }
    }
    return false;
}

bool document_duration_parse(const char *text, uint64_t *out_ms) {
    return with_suffix(text, duration_suffixes, sizeof duration_suffixes / sizeof *duration_suffixes, DURATION_MAX_MS, out_ms);
}

bool document_duration(const struct document_node *node, uint64_t *out_ms, struct document_error *error) {
    if (node->kind != DOCUMENT_SCALAR || !document_duration_parse(node->text, out_ms)) {
        return refuse_value(node, "a duration", "write a number with its unit: 200ms, 5s, 10min, 2h or 1d", error);
    }
    return true;
}

bool document_size(const struct document_node *node, uint64_t *out_bytes, struct document_error *error) {
    if (node->kind != DOCUMENT_SCALAR ||
        !with_suffix(node->text, size_suffixes, sizeof size_suffixes / sizeof *size_suffixes, SIZE_MAX_BYTES, out_bytes)) {
        return refuse_value(node, "a size in bytes", "write a number of bytes, or one with KiB, MiB or GiB", error);
    }
    return true;
}

uint32_t document_distance(const char *a, const char *b) {
    size_t a_length = strnlen(a, COMPARED_MAX);
    size_t b_length = strnlen(b, COMPARED_MAX);
    uint32_t row[COMPARED_MAX + 1];
    for (uint32_t j = 0; j <= b_length; j++) {
        row[j] = j;
    }
    for (uint32_t i = 1; i <= a_length; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= b_length; j++) {
            uint32_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            uint32_t edge = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = change < edge ? change : edge;
        }
    }
    return row[b_length];
}

const char *document_closest(const char *name, const char *const *candidates, size_t count) {
    const char *best = NULL;
    uint32_t best_distance = (uint32_t)(strnlen(name, COMPARED_MAX) / 3) + 1;
    for (size_t i = 0; i < count; i++) {
        uint32_t distance = document_distance(name, candidates[i]);
        if (distance <= best_distance && (best == NULL || distance < best_distance)) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}

bool document_check_keys(const struct document_node *node, const char *what, const char *const *keys, size_t key_count,
                         struct document_error *error) {
    if (document_is_null(node)) {
        return true;
    }
    if (node->kind != DOCUMENT_MAPPING) {
        char expected[96];
        snprintf(expected, sizeof expected, "a mapping that describes %s", what);
        return refuse_value(node, expected, "write `key: value` lines", error);
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct document_node *key = node->entries[i].key;
        bool known = false;
        for (size_t k = 0; k < key_count && !known; k++) {
            known = strcmp(key->text, keys[k]) == 0;
        }
        if (known) {
            continue;
        }
        char sentence[224];
        char remedy[160];
        snprintf(sentence, sizeof sentence, "%s has no key '%.80s'", what, key->text);
        const char *closest = document_closest(key->text, keys, key_count);
        if (closest != NULL) {
            snprintf(remedy, sizeof remedy, "did you mean '%s'?", closest);
        } else {
            size_t used = (size_t)snprintf(remedy, sizeof remedy, "use one of");
            for (size_t k = 0; k < key_count && used < sizeof remedy; k++) {
                used += (size_t)snprintf(remedy + used, sizeof remedy - used, "%s %s", k == 0 ? "" : ",", keys[k]);
            }
        }
        return document_refuse(key, error, sentence, remedy);
    }
    return true;
}

void document_error_text(const char *file, const struct document_error *error, char *out, size_t size) {
    if (error->line == 0) {
        snprintf(out, size, "%s: %s; %s", file, error->what, error->remedy);
    } else {
        snprintf(out, size, "%s:%u: %s; %s", file, error->line, error->what, error->remedy);
    }
}
