#include "core/delivery.h"

#include "core/wire.h"

enum error delivery_decode(struct bytes encoded, struct delivery *out) {
    struct wire_reader reader;
    wire_reader_start(&reader, encoded);
    wire_read_list(&reader);
    out->delivery = (enum delivery_class)wire_read_uint(&reader, DELIVERY_CLASS_COUNT - 1);
    out->epoch = (uint32_t)wire_read_uint(&reader, UINT32_MAX);
    out->sequence = wire_read_uint(&reader, UINT64_MAX);
    out->remaining_ms = (uint32_t)wire_read_uint(&reader, UINT32_MAX);
    out->priority = (uint32_t)wire_read_uint(&reader, 16);
    out->age_ms = (uint32_t)wire_read_uint(&reader, UINT32_MAX);
    out->trace = wire_read_trace(&reader);
    wire_read_list_end(&reader);
    enum error error = wire_reader_finish(&reader);
    if (error != ERROR_NONE) {
        return error;
    }
    bool is_command = out->delivery == DELIVERY_COMMAND;
    if (out->sequence == 0 || (is_command && out->priority == 0) ||
        (!is_command && (out->priority != 0 || out->remaining_ms != 0))) {
        return ERROR_MALFORMED;
    }
    return ERROR_NONE;
}

enum error delivery_encode(const struct delivery *delivery, struct buffer buffer, size_t *size) {
    struct wire_writer writer;
    wire_writer_start(&writer, buffer);
    wire_write_list(&writer, 7);
    wire_write_uint(&writer, (uint64_t)delivery->delivery);
    wire_write_uint(&writer, delivery->epoch);
    wire_write_uint(&writer, delivery->sequence);
    wire_write_uint(&writer, delivery->remaining_ms);
    wire_write_uint(&writer, delivery->priority);
    wire_write_uint(&writer, delivery->age_ms);
    wire_write_trace(&writer, delivery->trace);
    wire_write_list_end(&writer, 7);
    return wire_writer_finish(&writer, size);
}
