#include "drivers/file.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/wire.h"

#define LINE_SIZE_MAX 128

static enum error text_item(const char *line, struct buffer item, size_t *size) {
    struct wire_writer writer;
    wire_writer_start(&writer, item);
    wire_write_text(&writer, line);
    return wire_writer_finish(&writer, size);
}

enum error file_driver_read(const char *path, double scale, struct buffer item, size_t *size) {
    char line[LINE_SIZE_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return errno == ENOENT ? ERROR_NOT_FOUND : ERROR_STORAGE;
    }
    char *got = fgets(line, sizeof line, file);
    fclose(file);
    if (got == NULL) {
        return ERROR_MALFORMED;
    }
    line[strcspn(line, "\r\n")] = '\0';
    char *end = line;
    double number = strtod(line, &end);
    if (end != line && *end == '\0' && isfinite(number) && item.size >= 9) {
        *size = wire_put_number(number * scale, item.data);
        return ERROR_NONE;
    }
    bool is_true = strcmp(line, "true") == 0;
    if ((is_true || strcmp(line, "false") == 0) && item.size >= 1) {
        item.data[0] = is_true ? 0xf5 : 0xf4;
        *size = 1;
        return ERROR_NONE;
    }
    return line[0] == '\0' ? ERROR_MALFORMED : text_item(line, item, size);
}

enum error file_driver_write(const char *path, double scale, struct bytes item) {
    char line[LINE_SIZE_MAX];
    double number = 0;
    if (wire_number(item, &number)) {
        snprintf(line, sizeof line, "%.12g\n", number / scale);
    } else if (item.size == 1 && (item.data[0] == 0xf4 || item.data[0] == 0xf5)) {
        snprintf(line, sizeof line, "%s\n", item.data[0] == 0xf5 ? "true" : "false");
    } else {
        char text[LINE_SIZE_MAX - 2];
        struct wire_reader reader;
        wire_reader_start(&reader, item);
        wire_read_text(&reader, 0, text, sizeof text);
        if (wire_reader_finish(&reader) != ERROR_NONE) {
            return ERROR_MALFORMED;
        }
        snprintf(line, sizeof line, "%s\n", text);
    }
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return ERROR_STORAGE;
    }
    bool good = fputs(line, file) >= 0;
    return fclose(file) == 0 && good ? ERROR_NONE : ERROR_STORAGE;
}

const struct polled_driver file_driver = {file_driver_read, file_driver_write};
