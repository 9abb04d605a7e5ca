// The entries of the journal, abi/journal.cddl. Every entry is a list whose first item tells its kind.
#include "core/journal.h"

#include "core/assert.h"
#include "core/wire.h"

static size_t items_of(enum journal_kind kind) {
    static const uint8_t items[JOURNAL_KIND_COUNT] = {
        [JOURNAL_STATE] = 4, [JOURNAL_OUTPUT] = 9, [JOURNAL_POSITION] = 4, [JOURNAL_COMMAND] = 7, [JOURNAL_TIME] = 2};
    return items[kind];
}

static void write_output(struct wire_writer *writer, const struct journal_entry *entry) {
    wire_write_uint(writer, entry->link);
    wire_write_uint(writer, entry->epoch);
    wire_write_uint(writer, entry->sequence);
    wire_write_uint(writer, entry->priority);
    wire_write_trace(writer, entry->trace);
    wire_write_uint(writer, entry->born_ms);
    wire_write_uint(writer, entry->expires_ms);
    wire_write_bytes(writer, entry->value);
}

enum error journal_put(struct buffer batch, size_t *used, const struct journal_entry *entry) {
    struct wire_writer writer;
    size_t size = 0;
    size_t items = items_of(entry->kind);
    ASSERT(*used <= batch.size);
    wire_writer_start(&writer, (struct buffer){batch.data + *used, batch.size - *used});
    wire_write_list(&writer, items);
    wire_write_uint(&writer, (uint64_t)entry->kind);
    switch (entry->kind) {
    case JOURNAL_STATE:
        wire_write_text(&writer, entry->name);
        wire_write_uint(&writer, entry->version);
        wire_write_bytes(&writer, entry->value);
        break;
    case JOURNAL_OUTPUT:
        write_output(&writer, entry);
        break;
    case JOURNAL_POSITION:
        wire_write_uint(&writer, entry->link);
        wire_write_uint(&writer, entry->epoch);
        wire_write_uint(&writer, entry->sequence);
        break;
    case JOURNAL_COMMAND:
        wire_write_text(&writer, entry->name);
        wire_write_uint(&writer, entry->priority);
        wire_write_uint(&writer, entry->link);
        wire_write_trace(&writer, entry->trace);
        wire_write_uint(&writer, entry->expires_ms);
        wire_write_bytes(&writer, entry->value);
        break;
    case JOURNAL_TIME:
        wire_write_uint(&writer, entry->born_ms);
        break;
    case JOURNAL_KIND_COUNT:
    default:
        ASSERT(false);
    }
    wire_write_list_end(&writer, items);
    enum error error = wire_writer_finish(&writer, &size);
    *used += error == ERROR_NONE ? size : 0;
    return error;
}

static void read_output(struct wire_reader *reader, struct journal_entry *out) {
    out->link = (uint32_t)wire_read_uint(reader, UINT32_MAX);
    out->epoch = (uint32_t)wire_read_uint(reader, UINT32_MAX);
    out->sequence = wire_read_uint(reader, UINT64_MAX);
    out->priority = (uint32_t)wire_read_uint(reader, 16);
    out->trace = wire_read_trace(reader);
    out->born_ms = wire_read_uint(reader, UINT64_MAX);
    out->expires_ms = wire_read_uint(reader, UINT64_MAX);
    out->value = wire_read_bytes(reader, 1, MESSAGE_SIZE_MAX);
}

static void read_command(struct wire_reader *reader, struct journal_entry *out) {
    wire_read_text(reader, 1, out->name, sizeof out->name);
    out->priority = (uint32_t)wire_read_uint(reader, 16);
    out->link = (uint32_t)wire_read_uint(reader, UINT32_MAX);
    out->trace = wire_read_trace(reader);
    out->expires_ms = wire_read_uint(reader, UINT64_MAX);
    out->value = wire_read_bytes(reader, 0, MESSAGE_SIZE_MAX);
    if (reader->error == ERROR_NONE && out->priority == 0) {
        reader->error = ERROR_MALFORMED;
    }
}

enum error journal_take(struct bytes *batch, struct journal_entry *out) {
    struct wire_reader reader;
    memset(out, 0, sizeof *out);
    wire_reader_start(&reader, *batch);
    wire_read_list(&reader);
    uint64_t kind = wire_read_uint(&reader, UINT32_MAX);
    if (reader.error == ERROR_NONE && kind >= JOURNAL_KIND_COUNT) {
        return ERROR_UNSUPPORTED;
    }
    out->kind = (enum journal_kind)kind;
    switch (out->kind) {
    case JOURNAL_STATE:
        wire_read_text(&reader, 1, out->name, sizeof out->name);
        out->version = (uint32_t)wire_read_uint(&reader, UINT32_MAX);
        out->value = wire_read_bytes(&reader, 0, STATE_SIZE_MAX);
        break;
    case JOURNAL_OUTPUT:
        read_output(&reader, out);
        break;
    case JOURNAL_POSITION:
        out->link = (uint32_t)wire_read_uint(&reader, UINT32_MAX);
        out->epoch = (uint32_t)wire_read_uint(&reader, UINT32_MAX);
        out->sequence = wire_read_uint(&reader, UINT64_MAX);
        break;
    case JOURNAL_COMMAND:
        read_command(&reader, out);
        break;
    case JOURNAL_TIME:
        out->born_ms = wire_read_uint(&reader, UINT64_MAX);
        break;
    case JOURNAL_KIND_COUNT:
    default:
        return ERROR_UNSUPPORTED;
    }
    wire_read_list_end(&reader);
    if (reader.error != ERROR_NONE) {
        return reader.error;
    }
    size_t left = wire_left(&reader);
    *batch = (struct bytes){batch->data + (batch->size - left), left};
    return ERROR_NONE;
}
