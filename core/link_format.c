#include "core/link_format.h"

static bool fits(struct bytes pattern, struct bytes value) {
    if (pattern.size > 0 && pattern.data[pattern.size - 1] == '*') {
        return value.size >= pattern.size - 1 && memcmp(value.data, pattern.data, pattern.size - 1) == 0;
    }
    return bytes_equal(pattern, value);
}

// Whether one of the values, which have blanks between them, fits. An attribute without a value is not there.
static bool one_fits(struct bytes pattern, const char *values) {
    while (*values != '\0') {
        size_t size = strcspn(values, " ");
        if (size > 0 && fits(pattern, (struct bytes){(const uint8_t *)values, size})) {
            return true;
        }
        values += size + (values[size] == ' ');
    }
    return false;
}

static const char *attribute(const struct link_entry *entry, struct bytes name) {
    const struct {
        const char *name;
        const char *value;
    } attributes[] = {{"href", entry->path}, {"rt", entry->rt},      {"if", entry->interface},
                      {"u", entry->unit},    {"ct", entry->formats}, {"obs", entry->observable ? "obs" : ""}};
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        if (bytes_equal(name, bytes_of_text(attributes[i].name))) {
            return attributes[i].value;
        }
    }
    return "";
}

static bool passes(const struct coap_message *filter, const struct link_entry *entry) {
    for (uint32_t i = 0; i < filter->option_count; i++) {
        struct bytes query = filter->options[i].value;
        if (filter->options[i].number != COAP_OPTION_URI_QUERY || query.size == 0) {
            continue;
        }
        const uint8_t *sign = memchr(query.data, '=', query.size);
        size_t name_size = sign == NULL ? query.size : (size_t)(sign - query.data);
        const char *values = attribute(entry, (struct bytes){query.data, name_size});
        bool good = sign == NULL ? values[0] != '\0' : one_fits((struct bytes){sign + 1, query.size - name_size - 1}, values);
        if (!good) {
            return false;
        }
    }
    return true;
}

static void put_attribute(struct pen *pen, const char *name, const char *value) {
    if (value[0] != '\0') {
        pen_text(pen, ";");
        pen_text(pen, name);
        pen_text(pen, "=\"");
        pen_text(pen, value);
        pen_text(pen, "\"");
    }
}

void link_list_add(struct link_list *list, const struct link_entry *entry) {
    if (!passes(list->filter, entry)) {
        return;
    }
    pen_text(&list->pen, list->count++ == 0 ? "<" : ",<");
    pen_text(&list->pen, entry->path);
    pen_text(&list->pen, ">");
    put_attribute(&list->pen, "rt", entry->rt);
    put_attribute(&list->pen, "if", entry->interface);
    put_attribute(&list->pen, "u", entry->unit);
    put_attribute(&list->pen, "ct", entry->formats);
    pen_text(&list->pen, entry->observable ? ";obs" : "");
}
