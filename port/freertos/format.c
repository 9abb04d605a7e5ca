// snprintf in 2 KiB and without malloc: newlib's small one knows no 64-bit numbers, its large one takes 20 KiB and allocates.
// What Tenon and WAMR use: d i u x c s p g % with flags 0 and -, width, precision, * and the sizes h l ll z. %g writes the
// shortest text that reads back as the same number, whatever its precision.
#include <stdarg.h>
#include <stdio.h>

#include "core/decimal.h"

struct sink {
    char *data;
    size_t capacity;
    size_t size; // that would have been written
};

struct field {
    bool zero;
    bool left;
    int width;
    int precision; // -1: none
    int longs;     // 0 int, 1 long or size_t, 2 long long
};

static void put(struct sink *sink, char letter) {
    if (sink->size + 1 < sink->capacity) {
        sink->data[sink->size] = letter;
    }
    sink->size++;
}

static void put_field(struct sink *sink, const struct field *field, const char *text, size_t size) {
    size_t width = field->width > 0 ? (size_t)field->width : 0;
    size_t fill = width > size ? width - size : 0;
    bool negative = field->zero && size > 0 && text[0] == '-';
    if (negative) {
        put(sink, '-');
    }
    for (size_t i = 0; i < fill && !field->left; i++) {
        put(sink, field->zero ? '0' : ' ');
    }
    for (size_t i = negative ? 1 : 0; i < size; i++) {
        put(sink, text[i]);
    }
    for (size_t i = 0; i < fill && field->left; i++) {
        put(sink, ' ');
    }
}

static void put_number(struct sink *sink, const struct field *field, uint64_t value, unsigned base, bool negative) {
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (field->precision > 0 && sizeof digits - at < (size_t)field->precision && at > 1) {
        digits[--at] = '0';
    }
    if (negative) {
        digits[--at] = '-';
    }
    put_field(sink, field, digits + at, sizeof digits - at);
}

static const char *read_number(const char *format, int *out, va_list *arguments) {
    if (*format == '*') {
        *out = va_arg(*arguments, int);
        return format + 1;
    }
    for (*out = 0; *format >= '0' && *format <= '9'; format++) {
        *out = *out * 10 + (*format - '0');
    }
    return format;
}

static const char *read_field(const char *format, struct field *field, va_list *arguments) {
    *field = (struct field){.precision = -1};
    for (; *format == '0' || *format == '-'; format++) {
        field->zero = field->zero || *format == '0';
        field->left = field->left || *format == '-';
    }
    format = read_number(format, &field->width, arguments);
    if (*format == '.') {
        format = read_number(format + 1, &field->precision, arguments);
    }
    for (; *format == 'l' || *format == 'z' || *format == 'h'; format++) {
        field->longs += *format == 'h' ? 0 : 1;
    }
    return format;
}

static uint64_t take_unsigned(const struct field *field, va_list *arguments) {
    return field->longs == 2   ? va_arg(*arguments, unsigned long long)
           : field->longs == 1 ? va_arg(*arguments, unsigned long)
                               : va_arg(*arguments, unsigned);
}

static int64_t take_signed(const struct field *field, va_list *arguments) {
    return field->longs == 2   ? va_arg(*arguments, long long)
           : field->longs == 1 ? va_arg(*arguments, long)
                               : va_arg(*arguments, int);
}

static void put_text(struct sink *sink, const struct field *field, const char *text) {
    size_t size = 0;
    text = text == NULL ? "(null)" : text;
    while ((field->precision < 0 || size < (size_t)field->precision) && text[size] != '\0') {
        size++;
    }
    put_field(sink, field, text, size);
}

static void put_argument(struct sink *sink, char kind, const struct field *field, va_list *arguments) {
    char letter[DECIMAL_TEXT_SIZE_MAX];
    if (kind == 'd' || kind == 'i') {
        int64_t value = take_signed(field, arguments);
        put_number(sink, field, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10, value < 0);
    } else if (kind == 'u') {
        put_number(sink, field, take_unsigned(field, arguments), 10, false);
    } else if (kind == 'x') {
        put_number(sink, field, take_unsigned(field, arguments), 16, false);
    } else if (kind == 'p') {
        put_number(sink, field, (uintptr_t)va_arg(*arguments, void *), 16, false);
    } else if (kind == 's') {
        put_text(sink, field, va_arg(*arguments, const char *));
    } else if (kind == 'c') {
        letter[0] = (char)va_arg(*arguments, int);
        put_field(sink, field, letter, 1);
    } else if (kind == 'g' || kind == 'f') {
        size_t size = decimal_put(va_arg(*arguments, double), letter);
        put_field(sink, field, letter, size);
    } else {
        put(sink, kind);
    }
}

int vsnprintf(char *out, size_t capacity, const char *format, va_list given) {
    struct sink sink = {out, capacity, 0};
    struct field field;
    va_list arguments;
    va_copy(arguments, given);
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            put(&sink, *format);
            continue;
        }
        format = read_field(format + 1, &field, &arguments);
        if (*format == '\0') {
            break;
        }
        put_argument(&sink, *format, &field, &arguments);
    }
    va_end(arguments);
    if (capacity > 0) {
        out[sink.size < capacity ? sink.size : capacity - 1] = '\0';
    }
    return (int)sink.size;
}

int snprintf(char *out, size_t capacity, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(out, capacity, format, arguments);
    va_end(arguments);
    return size;
}
