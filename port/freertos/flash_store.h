// Files and a journal over flash.h, as objects: a board has one of each (store.c), a simulated building one for every
// microcontroller (sim/mcu.c). The calls are those of port/port.h and keep its promises; flash.h serves the device at hand.
//
//     flash_files_open once, before any other call; then files; flash_journal_open; then the journal
//
// Nothing is allocated. What is read is a view of the flash, which stands until the file of that name is written or deleted.
#ifndef TENON_PORT_FREERTOS_FLASH_STORE_H
#define TENON_PORT_FREERTOS_FLASH_STORE_H

#include "port/freertos/flash.h"
#include "port/journal_format.h"

// A journal that is longer is written anew, before a turn of the node fills its area: nearly all of the area wears alike.
#define FLASH_JOURNAL_BYTES (FLASH_JOURNAL_COUNT * FLASH_BLOCK_SIZE / 4u * 3u)

struct flash_files {
    uint32_t next_block; // where the search for a free run begins
    uint32_t last_sequence;
};

// Erases what a power cut left behind.
void flash_files_open(struct flash_files *files);
// ERROR_STORAGE: no room, the name is too long, or the flash does not take it; the file before stands.
MUST_CHECK enum error flash_file_write(struct flash_files *files, const char *path, struct bytes content);
// The same from the reserve that flash_file_write leaves, for a few bytes that a start must write.
MUST_CHECK enum error flash_file_overwrite(struct flash_files *files, const char *path, struct bytes content);
MUST_CHECK enum error flash_file_read(const char *path, size_t size_max, struct bytes *out);
void flash_file_delete(const char *path);
// `visit` may delete the file that it is told of.
void flash_file_each(const char *path, void (*visit)(void *context, const char *name), void *context);

struct flash_journal {
    uint32_t area; // 0 or 1, where appends go
    struct journal_key key;
    uint32_t index; // of the next record
    uint32_t used;  // bytes of the area
    bool rewriting;
    bool failed;
    uint32_t force_area; // the one in force
};

MUST_CHECK enum error flash_journal_open(struct flash_journal *journal, void (*replay)(void *context, struct bytes batch),
                                         void *context, struct port_journal_report *report, char refusal[PORT_REFUSAL_SIZE]);
MUST_CHECK enum error flash_journal_append(struct flash_journal *journal, struct bytes batch);
MUST_CHECK enum error flash_journal_flush(struct flash_journal *journal);
uint64_t flash_journal_size(const struct flash_journal *journal);
MUST_CHECK enum error flash_journal_rewrite(struct flash_journal *journal);
MUST_CHECK enum error flash_journal_commit(struct flash_journal *journal);

// How often blocks were erased, from the numbers that files and journal carry: at most, a cut attempt more.
void flash_wear(const struct flash_files *files, const struct flash_journal *journal, struct port_wear *out);

#endif
