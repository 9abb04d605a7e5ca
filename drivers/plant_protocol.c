#include "drivers/plant_protocol.h"

#include <math.h>

#include "core/assert.h"
#include "core/wire.h"

static uint32_t read_points(struct wire_reader *reader, char points[PLANT_POINTS_MAX][NAME_SIZE_MAX]) {
    uint32_t count = 0;
    wire_read_list(reader);
    while (wire_more(reader)) {
        if (count == PLANT_POINTS_MAX) {
            reader->error = ERROR_TOO_LARGE;
            return 0;
        }
        wire_read_text(reader, 1, points[count], NAME_SIZE_MAX);
        count++;
    }
    wire_read_list_end(reader);
    return count;
}

static struct plant_value read_value(struct wire_reader *reader) {
    if (wire_read_null(reader)) {
        return (struct plant_value){false, 0};
    }
    double value = wire_read_float(reader);
    return (struct plant_value){true, value};
}

static void read_step(struct wire_reader *reader, struct plant_step *step) {
    step->ended = false;
    step->number = wire_read_uint(reader, UINT64_MAX);
    step->unix_local_s = wire_read_uint(reader, UINT64_MAX);
    step->value_count = 0;
    wire_read_list(reader);
    while (wire_more(reader)) {
        if (step->value_count == PLANT_POINTS_MAX) {
            reader->error = ERROR_TOO_LARGE;
            return;
        }
        step->values[step->value_count] = read_value(reader);
        step->value_count++;
    }
    wire_read_list_end(reader);
}

static void read_body(struct wire_reader *reader, struct plant_message *out) {
    switch (out->kind) {
    case PLANT_HELLO:
        wire_expect_uint(reader, PLANT_PROTOCOL_VERSION, ERROR_UNSUPPORTED);
        out->hello.read_count = read_points(reader, out->hello.read);
        out->hello.write_count = read_points(reader, out->hello.write);
        break;
    case PLANT_ANSWER:
        out->answer.refusal[0] = '\0';
        if (!wire_read_null(reader)) {
            wire_read_text(reader, 1, out->answer.refusal, PLANT_REFUSAL_SIZE);
        }
        break;
    case PLANT_STEP:
        read_step(reader, &out->step);
        break;
    case PLANT_WRITE:
        out->write.index = (uint32_t)wire_read_uint(reader, PLANT_POINTS_MAX - 1);
        out->write.value = read_value(reader);
        break;
    case PLANT_END:
        out->step = (struct plant_step){.ended = true};
        break;
    case PLANT_START:
        break;
    }
}

enum error plant_message_decode(struct bytes packet, struct plant_message *out) {
    struct wire_reader reader;
    wire_reader_start(&reader, packet);
    wire_read_list(&reader);
    uint64_t kind = wire_read_uint(&reader, UINT64_MAX);
    if (reader.error != ERROR_NONE) {
        return reader.error;
    }
    if (kind > PLANT_START) {
        return ERROR_UNSUPPORTED;
    }
    out->kind = (enum plant_message_kind)kind;
    read_body(&reader, out);
    wire_read_list_end(&reader);
    return wire_reader_finish(&reader);
}

static void write_points(struct wire_writer *writer, const char points[][NAME_SIZE_MAX], uint32_t count) {
    ASSERT(count <= PLANT_POINTS_MAX);
    wire_write_list(writer, count);
    for (uint32_t i = 0; i < count; i++) {
        wire_write_text(writer, points[i]);
    }
    wire_write_list_end(writer, count);
}

static void write_value(struct wire_writer *writer, struct plant_value value) {
    if (value.valid && isfinite(value.value)) {
        wire_write_float(writer, value.value);
    } else {
        wire_write_null(writer);
    }
}

static void write_step(struct wire_writer *writer, const struct plant_step *step) {
    ASSERT(step->value_count <= PLANT_POINTS_MAX);
    wire_write_uint(writer, step->number);
    wire_write_uint(writer, step->unix_local_s);
    wire_write_list(writer, step->value_count);
    for (uint32_t i = 0; i < step->value_count; i++) {
        write_value(writer, step->values[i]);
    }
    wire_write_list_end(writer, step->value_count);
}

enum error plant_message_encode(const struct plant_message *message, struct buffer buffer, size_t *size) {
    static const size_t items[] = {
        [PLANT_HELLO] = 4, [PLANT_ANSWER] = 2, [PLANT_STEP] = 4, [PLANT_WRITE] = 3, [PLANT_END] = 1, [PLANT_START] = 1};
    ASSERT((size_t)message->kind < sizeof items / sizeof items[0]);
    struct wire_writer writer;
    wire_writer_start(&writer, buffer);
    wire_write_list(&writer, items[message->kind]);
    wire_write_uint(&writer, (uint64_t)message->kind);
    switch (message->kind) {
    case PLANT_HELLO:
        wire_write_uint(&writer, PLANT_PROTOCOL_VERSION);
        write_points(&writer, message->hello.read, message->hello.read_count);
        write_points(&writer, message->hello.write, message->hello.write_count);
        break;
    case PLANT_ANSWER:
        if (message->answer.refusal[0] == '\0') {
            wire_write_null(&writer);
        } else {
            wire_write_text(&writer, message->answer.refusal);
        }
        break;
    case PLANT_STEP:
        write_step(&writer, &message->step);
        break;
    case PLANT_WRITE:
        wire_write_uint(&writer, message->write.index);
        write_value(&writer, message->write.value);
        break;
    case PLANT_END:
    case PLANT_START:
        break;
    }
    wire_write_list_end(&writer, items[message->kind]);
    return wire_writer_finish(&writer, size);
}
