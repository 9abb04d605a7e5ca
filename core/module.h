// Reads the outer structure of a WebAssembly module without running it: sections, imports, exports, memory, manifest.
//
// Done before the engine sees the bytes, so that a refusal can name its reason, and so that the orchestrator and
// `tenon inspect` need no engine. All results point into `wasm`, which must outlive them. Parser of outside bytes:
// module_fuzz.c.
#ifndef TENON_CORE_MODULE_H
#define TENON_CORE_MODULE_H

#include "core/manifest.h"

// What a descriptor in the module's data says before anything has run. All zero when it is not exported.
struct module_region {
    uint32_t address;
    uint32_t size;
    uint32_t version;
};

struct module_info {
    struct manifest_view manifest;
    uint32_t memory_pages_minimum; // as declared; the engine trims below a page
    bool has_memory_grow_limit;
    uint32_t memory_pages_maximum;
    bool has_start;
    bool exports_upgrade; // tenon_upgrade is there
    bool exports_inbox;   // tenon_inbox descriptor
    bool exports_state;   // tenon_state descriptor
    struct module_region inbox;
    struct module_region state;
    uint32_t heap_base; // where its own data ends, by the exports __heap_base and __data_end; 0 when it does not say
};

// About what an engine takes for one task of a module of `size` bytes: linear memory as it is trimmed, code, tables of the
// instance. Measured with WAMR's fast interpreter on 32 bits and the components of this repository, rounded up: what is loaded
// twice is counted twice.
uint32_t module_footprint(const struct module_info *info, size_t size);

// A refusal, for people: what was found and where.
struct module_refusal {
    enum error error;
    char text[160];
};

// Checks a module against ABI version 1 and fills `*out`. Refusals:
// ERROR_TOO_LARGE over MODULE_SIZE_MAX; ERROR_TRUNCATED, ERROR_MALFORMED for broken sections; ERROR_UNSUPPORTED for any
// import but function `tenon.send` or for a start function; ERROR_MISMATCH when manifest and exports disagree (no
// tenon_receive, state or inbox declared but not exported); ERROR_NOT_FOUND when there is no manifest section. Manifest and
// exports agree when the sizes and the state version of the manifest are those of the descriptors.
MUST_CHECK enum error module_inspect(struct bytes wasm, struct module_info *out, struct module_refusal *refusal);

// The same without the manifest, which may be absent and is not read: what `tenon build` asks of a module fresh from the
// linker.
MUST_CHECK enum error module_survey(struct bytes wasm, struct module_info *out, struct module_refusal *refusal);

#endif
