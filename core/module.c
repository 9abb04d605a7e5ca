// Walks the sections of a WebAssembly module (WebAssembly core specification 1.0, §5.5) as far as ABI version 1 asks.
#include "core/module.h"

enum section { SECTION_CUSTOM = 0, SECTION_IMPORT = 2, SECTION_MEMORY = 5, SECTION_EXPORT = 7, SECTION_START = 8, SECTION_LAST = 12 };
enum external { EXTERNAL_FUNCTION = 0, EXTERNAL_TABLE = 1, EXTERNAL_MEMORY = 2, EXTERNAL_GLOBAL = 3 };

struct walk {
    const uint8_t *at;
    const uint8_t *end;
    enum error error;                  // sticky
};

struct findings {
    struct module_info *info;
    struct module_refusal *refusal;
    bool has_manifest;
    bool exports_receive;
    bool exports_memory;
};

static void refuse(struct module_refusal *refusal, enum error error, const char *const *words, size_t count) {
    size_t size = 0;
    refusal->error = error;
    for (size_t i = 0; i < count; i++) {
        for (const char *at = words[i]; *at != '\0' && size + 1 < sizeof refusal->text; at++) {
            // Names come from the module: what is no printable ASCII is shown as '?'.
            refusal->text[size++] = *at >= ' ' && *at <= '~' ? *at : '?';
        }
    }
    refusal->text[size] = '\0';
}

#define REFUSE(refusal, error, ...) \
    refuse(refusal, error, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static uint8_t read_byte(struct walk *walk) {
    if (walk->error != ERROR_NONE || walk->at == walk->end) {
        walk->error = walk->error != ERROR_NONE ? walk->error : ERROR_TRUNCATED;
        return 0;
    }
    return *walk->at++;
}

// Unsigned LEB128 of at most 32 bits: five bytes, the last with four bits.
static uint32_t read_u32(struct walk *walk) {
    uint32_t value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t byte = read_byte(walk);
        if (shift == 28 && (byte & 0xf0) != 0) {
            break;
        }
        value |= (uint32_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return value;
        }
    }
    walk->error = walk->error != ERROR_NONE ? walk->error : ERROR_MALFORMED;
    return 0;
}

static struct bytes read_span(struct walk *walk) {
    uint32_t size = read_u32(walk);
    if (walk->error == ERROR_NONE && size > (size_t)(walk->end - walk->at)) {
        walk->error = ERROR_TRUNCATED;
    }
    if (walk->error != ERROR_NONE) {
        return (struct bytes){NULL, 0};
    }
    struct bytes span = {walk->at, size};
    walk->at += size;
    return span;
}

static bool span_is(struct bytes span, const char *text) {
    return bytes_equal(span, bytes_of_text(text));
}

static void copy_name(struct bytes span, char out[48]) {
    size_t size = span.size < 47 ? span.size : 47;
    if (size > 0) {
        memcpy(out, span.data, size);
    }
    out[size] = '\0';
}

static void read_limits(struct walk *walk, struct module_info *info) {
    uint8_t flags = read_byte(walk);
    info->memory_pages_minimum = read_u32(walk);
    info->has_memory_grow_limit = (flags & 1) != 0;
    info->memory_pages_maximum = info->has_memory_grow_limit ? read_u32(walk) : 0;
    if (walk->error == ERROR_NONE && flags > 1) {
        walk->error = ERROR_UNSUPPORTED;  // shared or 64-bit memory
    }
}

static void read_imports(struct walk *walk, struct findings *findings) {
    uint32_t count = read_u32(walk);
    for (uint32_t i = 0; i < count && walk->error == ERROR_NONE; i++) {
        struct bytes module = read_span(walk);
        struct bytes name = read_span(walk);
        uint8_t kind = read_byte(walk);
        if (walk->error != ERROR_NONE) {
            return;
        }
        if (kind != EXTERNAL_FUNCTION || !span_is(module, "tenon") || !span_is(name, "send")) {
            char from[48];
            char what[48];
            copy_name(module, from);
            copy_name(name, what);
            walk->error = ERROR_UNSUPPORTED;
            REFUSE(findings->refusal, ERROR_UNSUPPORTED, "it imports ", from, ".", what,
                   ": a component may import only tenon.send (abi/tenon.h)");
            return;
        }
        (void)read_u32(walk);
    }
}

static void read_exports(struct walk *walk, struct findings *findings) {
    uint32_t count = read_u32(walk);
    for (uint32_t i = 0; i < count && walk->error == ERROR_NONE; i++) {
        struct bytes name = read_span(walk);
        uint8_t kind = read_byte(walk);
        (void)read_u32(walk);
        if (kind == EXTERNAL_FUNCTION) {
            findings->exports_receive |= span_is(name, "tenon_receive");
            findings->info->exports_upgrade |= span_is(name, "tenon_upgrade");
        } else if (kind == EXTERNAL_GLOBAL) {
            findings->info->exports_inbox |= span_is(name, "tenon_inbox");
            findings->info->exports_state |= span_is(name, "tenon_state");
        } else if (kind == EXTERNAL_MEMORY) {
            findings->exports_memory = true;
        }
    }
}

static void read_memories(struct walk *walk, struct findings *findings) {
    uint32_t count = read_u32(walk);
    if (count > 1) {
        walk->error = ERROR_UNSUPPORTED;
        REFUSE(findings->refusal, ERROR_UNSUPPORTED, "it has more than one memory");
        return;
    }
    if (count == 1) {
        read_limits(walk, findings->info);
    }
}

static void read_custom(struct walk *walk, struct findings *findings) {
    struct bytes name = read_span(walk);
    if (walk->error != ERROR_NONE || !span_is(name, "tenon.manifest")) {
        return;
    }
    if (findings->has_manifest) {
        walk->error = ERROR_MALFORMED;
        REFUSE(findings->refusal, ERROR_MALFORMED, "it has two sections tenon.manifest");
        return;
    }
    struct bytes encoded = {walk->at, (size_t)(walk->end - walk->at)};
    walk->error = manifest_decode(encoded, &findings->info->manifest);
    findings->has_manifest = walk->error == ERROR_NONE;
    if (walk->error != ERROR_NONE) {
        REFUSE(findings->refusal, walk->error, "its section tenon.manifest cannot be read: ", error_text(walk->error),
               "; build it with `tenon build`");
    }
}

static void read_section(uint8_t id, struct bytes content, struct walk *outer, struct findings *findings) {
    struct walk walk = {content.data, content.data + content.size, ERROR_NONE};
    switch (id) {
    case SECTION_CUSTOM:
        read_custom(&walk, findings);
        break;
    case SECTION_IMPORT:
        read_imports(&walk, findings);
        break;
    case SECTION_MEMORY:
        read_memories(&walk, findings);
        break;
    case SECTION_EXPORT:
        read_exports(&walk, findings);
        break;
    case SECTION_START:
        findings->info->has_start = true;
        walk.error = ERROR_UNSUPPORTED;
        REFUSE(findings->refusal, ERROR_UNSUPPORTED, "it has a start function: a component runs only when a message arrives");
        break;
    default:
        if (id > SECTION_LAST) {
            walk.error = ERROR_MALFORMED;
        }
        break;
    }
    outer->error = walk.error;
}

static enum error check_exports(const struct findings *findings) {
    const struct module_info *info = findings->info;
    const struct manifest *manifest = &info->manifest;
    const char *what = NULL;
    if (!findings->exports_receive) {
        what = "it does not export tenon_receive";
    } else if (!findings->exports_memory) {
        what = "it does not export its memory";
    } else if (!info->exports_inbox) {
        what = "it does not export tenon_inbox: use TENON_INBOX and link with --export=tenon_inbox";
    } else if (manifest->state_bytes > 0 && !info->exports_state) {
        what = "its manifest declares state, but it does not export tenon_state";
    } else if (manifest->state_bytes == 0 && info->exports_state) {
        what = "it exports tenon_state, but its manifest declares no state";
    }
    if (what != NULL) {
        REFUSE(findings->refusal, ERROR_MISMATCH, what);
        return ERROR_MISMATCH;
    }
    return ERROR_NONE;
}

enum error module_inspect(struct bytes wasm, struct module_info *out, struct module_refusal *refusal) {
    static const uint8_t head[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    struct findings findings = {.info = out, .refusal = refusal};
    memset(out, 0, sizeof *out);
    *refusal = (struct module_refusal){ERROR_NONE, ""};
    if (wasm.size > MODULE_SIZE_MAX) {
        REFUSE(refusal, ERROR_TOO_LARGE, "it is larger than 256 KiB: strip it (-Wl,--strip-all) or split the component");
        return ERROR_TOO_LARGE;
    }
    if (wasm.size < sizeof head || memcmp(wasm.data, head, sizeof head) != 0) {
        REFUSE(refusal, ERROR_MALFORMED, "it is no WebAssembly module of version 1");
        return ERROR_MALFORMED;
    }
    struct walk walk = {wasm.data + sizeof head, wasm.data + wasm.size, ERROR_NONE};
    while (walk.error == ERROR_NONE && walk.at < walk.end) {
        uint8_t id = read_byte(&walk);
        struct bytes content = read_span(&walk);
        if (walk.error == ERROR_NONE) {
            read_section(id, content, &walk, &findings);
        }
    }
    if (walk.error != ERROR_NONE) {
        if (refusal->text[0] == '\0') {
            REFUSE(refusal, walk.error, "its sections are broken: ", error_text(walk.error));
        }
        return walk.error;
    }
    if (!findings.has_manifest) {
        REFUSE(refusal, ERROR_NOT_FOUND, "it has no section tenon.manifest: build it with `tenon build`");
        return ERROR_NOT_FOUND;
    }
    return check_exports(&findings);
}
