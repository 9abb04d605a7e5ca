// Walks the sections of a WebAssembly module (core specification 1.0, chapter 5) without decoding function bodies; the engine's
// loader validates those. Memory: views into the module and the caller's results, no copy. Every count is bounded by the bytes
// that carry it.
//
// A scan is a cursor with a sticky refusal: after the first one every read gives 0, so that code reads straight through the
// format.
#include "core/module.h"

#define FOOTPRINT_FIXED 1900
#define FOOTPRINT_PERCENT 130
#define SECTION_COUNT 13
#define LEB128_SIZE_MAX 5
#define PAGE_SIZE 65536u
#define PAGES_MAX 65536u
#define DESCRIPTOR_SIZE 12
#define VALUE_I32 0x7f
#define TABLE_SIZE_MAX 1024

enum section {
    SECTION_CUSTOM = 0,
    SECTION_TYPE = 1,
    SECTION_IMPORT = 2,
    SECTION_FUNCTION = 3,
    SECTION_TABLE = 4,
    SECTION_MEMORY = 5,
    SECTION_GLOBAL = 6,
    SECTION_EXPORT = 7,
    SECTION_START = 8,
    SECTION_ELEMENT = 9,
    SECTION_CODE = 10,
    SECTION_DATA = 11,
    SECTION_DATA_COUNT = 12,
};

static const char *const section_names[SECTION_COUNT] = {"custom", "type",   "import",    "function", "table",
                                                         "memory", "global", "export",    "start",    "element",
                                                         "code",   "data",   "data count"};

enum external { EXTERNAL_FUNCTION = 0, EXTERNAL_TABLE = 1, EXTERNAL_MEMORY = 2, EXTERNAL_GLOBAL = 3 };

struct scan {
    struct module_refusal *refusal;
    struct bytes sections[SECTION_COUNT]; // contents; data NULL when absent
    struct bytes manifest;
    bool has_manifest;
    uint32_t imported_functions;
    const char *place; // what is being read, for refusals
};

struct cursor {
    struct scan *scan;
    const uint8_t *at;
    const uint8_t *end;
};

// --- refusals ------------------------------------------------------------------------------------------------------------

static void add(struct module_refusal *refusal, const char *text, size_t size) {
    size_t used = strlen(refusal->text);
    for (size_t i = 0; i < size && used + 1 < sizeof refusal->text; i++) {
        // Names come from the module: what a terminal might act on is shown as a question mark.
        char letter = text[i];
        refusal->text[used++] = letter >= 0x20 && letter < 0x7f ? letter : '?';
        refusal->text[used] = '\0';
    }
}

static void say(struct module_refusal *refusal, const char *text) {
    add(refusal, text, strlen(text));
}

// A name of at most 40 letters, so that a long one does not push the remedy out of the text.
static void say_name(struct module_refusal *refusal, struct bytes name) {
    char letters[40];
    size_t size = name.size < sizeof letters ? name.size : sizeof letters;
    memcpy(letters, name.data, size);
    add(refusal, letters, size);
}

static void say_number(struct module_refusal *refusal, uint32_t number) {
    char digits[10];
    size_t first = sizeof digits;
    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    add(refusal, digits + first, sizeof digits - first);
}

static bool refused(const struct scan *scan) {
    return scan->refusal->error != ERROR_NONE;
}

// Begins a refusal; the first one stands. True when the caller may add to the text.
static bool refuse(struct scan *scan, enum error error, const char *text) {
    if (refused(scan)) {
        return false;
    }
    scan->refusal->error = error;
    scan->refusal->text[0] = '\0';
    say(scan->refusal, text);
    return true;
}

static void refuse_place(struct scan *scan, enum error error, const char *text) {
    if (refuse(scan, error, "section ")) {
        say(scan->refusal, scan->place);
        say(scan->refusal, ": ");
        say(scan->refusal, text);
    }
}

// --- reading -------------------------------------------------------------------------------------------------------------

static uint8_t read_byte(struct cursor *cursor) {
    if (refused(cursor->scan)) {
        return 0;
    }
    if (cursor->at == cursor->end) {
        refuse_place(cursor->scan, ERROR_TRUNCATED, "ends inside an item; build the module again, or send all of it");
        return 0;
    }
    return *cursor->at++;
}

// An unsigned LEB128 of at most 32 bits (specification 5.2.2).
static uint32_t read_u32(struct cursor *cursor) {
    uint32_t value = 0;
    for (unsigned i = 0; i < LEB128_SIZE_MAX; i++) {
        uint8_t byte = read_byte(cursor);
        if (i == LEB128_SIZE_MAX - 1 && byte > 0x0f) {
            break;
        }
        value |= (uint32_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    refuse_place(cursor->scan, ERROR_MALFORMED, "an integer is longer than 32 bits");
    return 0;
}

// A signed LEB128 of at most 32 bits, as the 32 bits that it stands for.
static uint32_t read_s32(struct cursor *cursor) {
    uint64_t value = 0;
    for (unsigned i = 0; i < LEB128_SIZE_MAX; i++) {
        uint8_t byte = read_byte(cursor);
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            if ((byte & 0x40) != 0) {
                value |= UINT64_MAX << (7 * (i + 1));
            }
            return (uint32_t)value;
        }
    }
    refuse_place(cursor->scan, ERROR_MALFORMED, "an integer is longer than 32 bits");
    return 0;
}

static struct bytes read_view(struct cursor *cursor, uint32_t size) {
    struct bytes view = {cursor->at, size};
    if (refused(cursor->scan)) {
        return (struct bytes){cursor->at, 0};
    }
    if (size > (size_t)(cursor->end - cursor->at)) {
        refuse_place(cursor->scan, ERROR_TRUNCATED, "ends inside an item; build the module again, or send all of it");
        return (struct bytes){cursor->at, 0};
    }
    cursor->at += size;
    return view;
}

static struct bytes read_name(struct cursor *cursor) {
    return read_view(cursor, read_u32(cursor));
}

static bool name_is(struct bytes name, const char *text) {
    return bytes_equal(name, bytes_of_text(text));
}

// Begins a section: its cursor, and the count of items with which most sections start (0 when the section is absent).
static struct cursor enter(struct scan *scan, enum section section, uint32_t *count) {
    struct bytes content = scan->sections[section];
    struct cursor cursor = {scan, content.data, content.data == NULL ? NULL : content.data + content.size};
    scan->place = section_names[section];
    *count = content.data == NULL ? 0 : read_u32(&cursor);
    // Every item takes a byte at least, so a larger count is a lie, found before any loop runs on it.
    if (!refused(scan) && *count > (size_t)(cursor.end - cursor.at)) {
        refuse_place(scan, ERROR_TRUNCATED, "announces more items than it has bytes");
        *count = 0;
    }
    return cursor;
}

// A constant expression (specification 3.3.7.2). True when it is one i32.const, the value of which is stored.
static bool read_constant(struct cursor *cursor, uint32_t *value) {
    static const char remedy[] = "an initial value is not a plain constant; compile without extensions";
    uint8_t opcode = read_byte(cursor);
    *value = 0;
    switch (opcode) {
    case 0x41: // i32.const
        *value = read_s32(cursor);
        break;
    case 0x42: // i64.const: at most ten bytes
        for (unsigned i = 0; i < 10 && (read_byte(cursor) & 0x80) != 0; i++) {
        }
        break;
    case 0x43: // f32.const
        (void)read_view(cursor, 4);
        break;
    case 0x44: // f64.const
        (void)read_view(cursor, 8);
        break;
    default:
        refuse_place(cursor->scan, ERROR_UNSUPPORTED, remedy);
        return false;
    }
    if (read_byte(cursor) != 0x0b) {
        refuse_place(cursor->scan, ERROR_UNSUPPORTED, remedy);
        return false;
    }
    return opcode == 0x41;
}

// --- sections ------------------------------------------------------------------------------------------------------------

// Where a section stands in the order that the specification demands (5.5.16): data count comes before code.
static uint32_t section_rank(uint32_t section) {
    return section == SECTION_DATA_COUNT ? 2 * SECTION_CODE - 1 : 2 * section;
}

static void take_custom(struct scan *scan, struct bytes content) {
    struct cursor cursor = {scan, content.data, content.data + content.size};
    struct bytes name = read_name(&cursor);
    if (refused(scan) || !name_is(name, "tenon.manifest")) {
        return;
    }
    if (scan->has_manifest) {
        (void)refuse(scan, ERROR_MALFORMED, "there are two tenon.manifest sections; keep one");
        return;
    }
    scan->has_manifest = true;
    scan->manifest = (struct bytes){cursor.at, (size_t)(cursor.end - cursor.at)};
}

static void take_section(struct scan *scan, uint32_t section, struct bytes content, uint32_t *rank) {
    if (section >= SECTION_COUNT) {
        if (refuse(scan, ERROR_UNSUPPORTED, "section number ")) {
            say_number(scan->refusal, section);
            say(scan->refusal, " is not of WebAssembly 1.0; compile without extensions");
        }
    } else if (section == SECTION_CUSTOM) {
        take_custom(scan, content);
    } else if (section_rank(section) <= *rank) {
        refuse_place(scan, ERROR_MALFORMED, "comes twice or out of order");
    } else {
        *rank = section_rank(section);
        scan->sections[section] = content;
    }
}

static void find_sections(struct scan *scan, struct bytes wasm) {
    static const uint8_t preamble[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    size_t shared = wasm.size < sizeof preamble ? wasm.size : sizeof preamble;
    if (shared == 0 || memcmp(wasm.data, preamble, shared < 4 ? shared : 4) != 0) {
        (void)refuse(scan, ERROR_MALFORMED, "this is not a WebAssembly module: it does not begin with \\0asm");
        return;
    }
    if (memcmp(wasm.data, preamble, shared) != 0) {
        (void)refuse(scan, ERROR_UNSUPPORTED,
                     "this is not WebAssembly version 1; build a core module, not a WebAssembly component");
        return;
    }
    scan->place = "header";
    struct cursor cursor = {scan, wasm.data, wasm.data + wasm.size};
    (void)read_view(&cursor, sizeof preamble);
    uint32_t rank = 0;
    while (!refused(scan) && cursor.at < cursor.end) {
        uint8_t section = read_byte(&cursor);
        scan->place = section < SECTION_COUNT ? section_names[section] : "unknown";
        struct bytes content = read_view(&cursor, read_u32(&cursor));
        if (!refused(scan)) {
            take_section(scan, section, content, &rank);
        }
    }
}

// Checks that type `index` takes `parameters` values i32 and returns one. Types are read anew: they are few, and there is no
// memory.
static void check_type(struct scan *scan, uint32_t index, uint32_t parameters, const char *what, const char *signature) {
    uint32_t count;
    struct cursor cursor = enter(scan, SECTION_TYPE, &count);
    if (index >= count) {
        refuse_place(scan, ERROR_MALFORMED, "a function has a type that is not there");
        return;
    }
    struct bytes takes = {NULL, 0};
    struct bytes gives = {NULL, 0};
    for (uint32_t i = 0; i <= index && !refused(scan); i++) {
        if (read_byte(&cursor) != 0x60) {
            refuse_place(scan, ERROR_UNSUPPORTED, "a type is not a function type; compile without extensions");
        }
        takes = read_name(&cursor);
        gives = read_name(&cursor);
    }
    if (refused(scan)) {
        return;
    }
    bool good = takes.size == parameters && gives.size == 1 && gives.data[0] == VALUE_I32;
    for (uint32_t i = 0; good && i < parameters; i++) {
        good = takes.data[i] == VALUE_I32;
    }
    if (!good && refuse(scan, ERROR_MISMATCH, what)) {
        say(scan->refusal, " has another type than ");
        say(scan->refusal, signature);
        say(scan->refusal, "; see abi/tenon.h");
    }
}

static void check_imports(struct scan *scan) {
    uint32_t count;
    struct cursor cursor = enter(scan, SECTION_IMPORT, &count);
    for (uint32_t i = 0; i < count && !refused(scan); i++) {
        scan->place = section_names[SECTION_IMPORT];
        struct bytes module = read_name(&cursor);
        struct bytes field = read_name(&cursor);
        uint8_t kind = read_byte(&cursor);
        if (refused(scan)) {
            return;
        }
        if (kind != EXTERNAL_FUNCTION || !name_is(module, "tenon") || !name_is(field, "send")) {
            (void)refuse(scan, ERROR_UNSUPPORTED, "imports ");
            say_name(scan->refusal, module);
            say(scan->refusal, ".");
            say_name(scan->refusal, field);
            say(scan->refusal, ": a component may import only tenon.send; see abi/tenon.h");
            return;
        }
        if (scan->imported_functions > 0) {
            refuse_place(scan, ERROR_UNSUPPORTED, "tenon.send is imported twice; import it once");
        }
        check_type(scan, read_u32(&cursor), 3, "the import tenon.send", "(i32, i32, i32) -> i32");
        scan->imported_functions++;
    }
}

// A table only serves calls through pointers; its size is what an instance costs before it has done anything.
static void check_table(struct scan *scan) {
    uint32_t count;
    struct cursor cursor = enter(scan, SECTION_TABLE, &count);
    for (uint32_t i = 0; i < count && !refused(scan); i++) {
        uint8_t type = read_byte(&cursor);
        uint8_t flags = read_byte(&cursor);
        uint32_t minimum = read_u32(&cursor);
        if (i > 0 || type != 0x70 || flags > 1) {
            refuse_place(scan, ERROR_UNSUPPORTED, "more than one plain table of functions; compile without extensions");
        } else if (minimum > TABLE_SIZE_MAX) {
            refuse_place(scan, ERROR_TOO_LARGE, "the table has over 1024 entries; call fewer functions through pointers");
        }
        if (flags == 1) {
            (void)read_u32(&cursor);
        }
    }
}

static void check_memory(struct scan *scan, struct module_info *out) {
    uint32_t count;
    struct cursor cursor = enter(scan, SECTION_MEMORY, &count);
    if (count == 0) {
        (void)refuse(scan, ERROR_MISMATCH, "has no memory of its own, in which messages are put; see abi/tenon.h");
        return;
    }
    if (count > 1) {
        refuse_place(scan, ERROR_UNSUPPORTED, "more than one memory; compile without extensions");
        return;
    }
    uint8_t flags = read_byte(&cursor);
    if (flags > 1) {
        refuse_place(scan, ERROR_UNSUPPORTED, "shared or 64-bit memory; compile for plain wasm32");
        return;
    }
    out->memory_pages_minimum = read_u32(&cursor);
    out->has_memory_grow_limit = flags == 1;
    out->memory_pages_maximum = flags == 1 ? read_u32(&cursor) : PAGES_MAX;
    if (out->memory_pages_minimum > out->memory_pages_maximum || out->memory_pages_maximum > PAGES_MAX) {
        refuse_place(scan, ERROR_MALFORMED, "the memory's limits contradict each other");
    }
}

// The type of a defined function.
static uint32_t function_type(struct scan *scan, uint32_t function, const char *what) {
    uint32_t count;
    struct cursor cursor = enter(scan, SECTION_FUNCTION, &count);
    if (function < scan->imported_functions || function - scan->imported_functions >= count) {
        if (refuse(scan, ERROR_MISMATCH, what)) {
            say(scan->refusal, " is exported, but no function of this module is behind it");
        }
        return 0;
    }
    uint32_t type = 0;
    for (uint32_t i = 0; i <= function - scan->imported_functions && !refused(scan); i++) {
        type = read_u32(&cursor);
    }
    return type;
}

// The address that an exported descriptor's global holds.
static bool find_address(struct scan *scan, uint32_t global, uint32_t *value) {
    uint32_t count;
    struct cursor cursor = enter(scan, SECTION_GLOBAL, &count);
    bool address = false;
    for (uint32_t i = 0; i <= global && global < count && !refused(scan); i++) {
        bool is_i32 = read_byte(&cursor) == VALUE_I32;
        bool is_constant = read_byte(&cursor) == 0;
        address = read_constant(&cursor, value) && is_i32 && is_constant;
    }
    return address;
}

static uint32_t global_address(struct scan *scan, uint32_t global, const char *what) {
    uint32_t value = 0;
    if (!find_address(scan, global, &value) && refuse(scan, ERROR_MISMATCH, what)) {
        say(scan->refusal, " is not exported as the address of a constant; use the macros of abi/tenon.h");
    }
    return value;
}

static uint32_t little_endian(const uint8_t *data) {
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

// Puts what one active segment holds of [address, address + DESCRIPTOR_SIZE) into `image`.
static void overlay(struct bytes segment, uint32_t offset, uint32_t address, uint8_t image[DESCRIPTOR_SIZE]) {
    for (uint32_t i = 0; i < DESCRIPTOR_SIZE; i++) {
        uint64_t at = (uint64_t)address + i;
        if (at >= offset && at - offset < segment.size) {
            image[i] = segment.data[at - offset];
        }
    }
}

// Reads a descriptor as it will lie in memory at the start, from the data segments.
static void read_region(struct scan *scan, const struct module_info *info, uint32_t address, const char *what,
                        struct module_region *out) {
    uint8_t image[DESCRIPTOR_SIZE] = {0};
    uint64_t memory_size = (uint64_t)info->memory_pages_minimum * PAGE_SIZE;
    uint32_t count;
    struct cursor cursor = enter(scan, SECTION_DATA, &count);
    for (uint32_t i = 0; i < count && !refused(scan); i++) {
        uint32_t mode = read_u32(&cursor);
        uint32_t offset = 0;
        if (mode > 1) {
            refuse_place(scan, ERROR_UNSUPPORTED, "a segment names another memory; compile without extensions");
        } else if (mode == 0 && !read_constant(&cursor, &offset)) {
            refuse_place(scan, ERROR_UNSUPPORTED, "a segment has no constant address; compile without extensions");
        }
        struct bytes segment = read_name(&cursor);
        if (!refused(scan) && mode == 0) {
            overlay(segment, offset, address, image);
        }
    }
    *out = (struct module_region){little_endian(image), little_endian(image + 4), little_endian(image + 8)};
    if (address + (uint64_t)DESCRIPTOR_SIZE > memory_size || out->address + (uint64_t)out->size > memory_size) {
        if (refuse(scan, ERROR_MISMATCH, what)) {
            say(scan->refusal, " lies outside the module's memory; use the macros of abi/tenon.h");
        }
    }
}

struct exports {
    bool receive, upgrade, inbox, state, heap_base, data_end;
    uint32_t receive_index, upgrade_index, inbox_index, state_index, heap_base_index;
};

static void take_export(struct scan *scan, struct bytes name, uint8_t kind, uint32_t index, struct exports *out) {
    if (name_is(name, "__wasm_call_ctors") || name_is(name, "__post_instantiate")) {
        // WAMR runs these while it makes an instance, with no limit on instructions.
        (void)refuse(scan, ERROR_UNSUPPORTED, "exports ");
        say_name(scan->refusal, name);
        say(scan->refusal, ", which engines run at the start: a component may run only in tenon_receive; do not export it");
    } else if (kind == EXTERNAL_FUNCTION && name_is(name, "tenon_receive")) {
        out->receive = true;
        out->receive_index = index;
    } else if (kind == EXTERNAL_FUNCTION && name_is(name, "tenon_upgrade")) {
        out->upgrade = true;
        out->upgrade_index = index;
    } else if (kind == EXTERNAL_GLOBAL && name_is(name, "tenon_inbox")) {
        out->inbox = true;
        out->inbox_index = index;
    } else if (kind == EXTERNAL_GLOBAL && name_is(name, "tenon_state")) {
        out->state = true;
        out->state_index = index;
    } else if (kind == EXTERNAL_GLOBAL && name_is(name, "__heap_base")) {
        out->heap_base = true;
        out->heap_base_index = index;
    } else if (kind == EXTERNAL_GLOBAL && name_is(name, "__data_end")) {
        out->data_end = true;
    }
}

static void read_exports(struct scan *scan, struct exports *out) {
    uint32_t count;
    struct cursor cursor = enter(scan, SECTION_EXPORT, &count);
    for (uint32_t i = 0; i < count && !refused(scan); i++) {
        struct bytes name = read_name(&cursor);
        uint8_t kind = read_byte(&cursor);
        uint32_t index = read_u32(&cursor);
        if (!refused(scan)) {
            take_export(scan, name, kind, index, out);
        }
    }
}

static void refuse_size(struct scan *scan, const char *what, uint32_t most, const char *remedy) {
    if (refuse(scan, ERROR_TOO_LARGE, what)) {
        say_number(scan->refusal, most);
        say(scan->refusal, remedy);
    }
}

static void check_exports(struct scan *scan, struct module_info *out) {
    struct exports exports = {0};
    read_exports(scan, &exports);
    if (!exports.receive) {
        (void)refuse(scan, ERROR_MISMATCH, "does not export the function tenon_receive; define it, see abi/tenon.h");
        return;
    }
    check_type(scan, function_type(scan, exports.receive_index, "tenon_receive"), 2, "tenon_receive", "(i32, i32) -> i32");
    if (exports.upgrade) {
        check_type(scan, function_type(scan, exports.upgrade_index, "tenon_upgrade"), 2, "tenon_upgrade", "(i32, i32) -> i32");
    }
    out->exports_upgrade = exports.upgrade;
    out->exports_inbox = exports.inbox;
    out->exports_state = exports.state;
    if (exports.heap_base && exports.data_end && !find_address(scan, exports.heap_base_index, &out->heap_base)) {
        out->heap_base = 0;
    }
    if (exports.inbox) {
        read_region(scan, out, global_address(scan, exports.inbox_index, "tenon_inbox"), "tenon_inbox", &out->inbox);
    }
    if (exports.state) {
        read_region(scan, out, global_address(scan, exports.state_index, "tenon_state"), "tenon_state", &out->state);
    }
    if (out->inbox.size > MESSAGE_SIZE_MAX) {
        refuse_size(scan, "the inbox is over ", MESSAGE_SIZE_MAX, " bytes; make TENON_INBOX smaller");
    }
    if (out->state.size > STATE_SIZE_MAX) {
        refuse_size(scan, "the state region is over ", STATE_SIZE_MAX, " bytes; keep less in TENON_STATE");
    }
}

static void survey(struct scan *scan, struct bytes wasm, struct module_info *out) {
    memset(out, 0, sizeof *out);
    if (wasm.size > MODULE_SIZE_MAX) {
        (void)refuse(scan, ERROR_TOO_LARGE, "the module has ");
        say_number(scan->refusal, wasm.size < UINT32_MAX ? (uint32_t)wasm.size : UINT32_MAX);
        say(scan->refusal, " bytes, over the limit of ");
        say_number(scan->refusal, MODULE_SIZE_MAX);
        say(scan->refusal, "; build it with -O2 and without a standard library");
        return;
    }
    find_sections(scan, wasm);
    if (refused(scan)) {
        return;
    }
    out->has_start = scan->sections[SECTION_START].data != NULL;
    if (out->has_start) {
        (void)refuse(scan, ERROR_UNSUPPORTED,
                     "has a start function: a component may run only in tenon_receive; link with --no-entry");
        return;
    }
    check_imports(scan);
    if (!refused(scan)) {
        check_table(scan);
    }
    if (!refused(scan)) {
        check_memory(scan, out);
    }
    if (!refused(scan)) {
        check_exports(scan, out);
    }
}

// Refuses a number of the manifest that the module's descriptors contradict.
static void refuse_numbers(struct scan *scan, const char *what, uint32_t declared, uint32_t found) {
    if (declared == found || !refuse(scan, ERROR_MISMATCH, "the manifest says ")) {
        return;
    }
    say(scan->refusal, what);
    say(scan->refusal, " ");
    say_number(scan->refusal, declared);
    say(scan->refusal, ", the module's exports say ");
    say_number(scan->refusal, found);
    say(scan->refusal, "; run `tenon build` again");
}

static void check_manifest(struct scan *scan, struct module_info *out) {
    if (!scan->has_manifest) {
        (void)refuse(scan, ERROR_NOT_FOUND, "has no tenon.manifest section; make the module with `tenon build component.yaml`");
        return;
    }
    enum error error = manifest_look(scan->manifest, &out->manifest);
    if (error != ERROR_NONE) {
        (void)refuse(scan, error, "section tenon.manifest: ");
        if (error == ERROR_TOO_LARGE) {
            say(scan->refusal, "over a limit: this node takes ");
            say_number(scan->refusal, PORTS_MAX);
            say(scan->refusal, " inputs with parameters, as many outputs, ");
            say_number(scan->refusal, OUTPUTS_PER_MESSAGE_MAX);
            say(scan->refusal, " sends");
            return;
        }
        say(scan->refusal, error_text(error));
        say(scan->refusal, "; run `tenon build` of this version again");
        return;
    }
    const struct manifest_view *manifest = &out->manifest;
    if (manifest->state_bytes > 0 && !out->exports_state) {
        (void)refuse(scan, ERROR_MISMATCH, "the manifest declares state, but tenon_state is not exported; use TENON_STATE");
    }
    if (manifest->inbox_bytes > 0 && !out->exports_inbox) {
        (void)refuse(scan, ERROR_MISMATCH, "the manifest declares an inbox, but tenon_inbox is not exported; use TENON_INBOX");
    }
    refuse_numbers(scan, "inbox bytes", manifest->inbox_bytes, out->inbox.size);
    refuse_numbers(scan, "state bytes", manifest->state_bytes, out->state.size);
    if (out->exports_state) {
        refuse_numbers(scan, "state version", manifest->state_version, out->state.version);
    }
}

enum error module_survey(struct bytes wasm, struct module_info *out, struct module_refusal *refusal) {
    *refusal = (struct module_refusal){ERROR_NONE, ""};
    struct scan scan = {.refusal = refusal, .place = "header"};
    survey(&scan, wasm, out);
    return refusal->error;
}

enum error module_inspect(struct bytes wasm, struct module_info *out, struct module_refusal *refusal) {
    *refusal = (struct module_refusal){ERROR_NONE, ""};
    struct scan scan = {.refusal = refusal, .place = "header"};
    survey(&scan, wasm, out);
    if (!refused(&scan)) {
        check_manifest(&scan, out);
    }
    return refusal->error;
}

uint32_t module_footprint(const struct module_info *info, size_t size) {
    const struct manifest_view *manifest = &info->manifest;
    uint32_t memory = manifest->memory_bytes; // it may grow to that by whole pages
    if (memory < PAGE_SIZE && info->heap_base > 0 && info->heap_base < memory) {
        memory = info->heap_base;
    }
    size_t translated = size > manifest->encoded.size ? size - manifest->encoded.size : 0;
    return memory + FOOTPRINT_FIXED + (uint32_t)(translated * FOOTPRINT_PERCENT / 100);
}
