// Whole files in flash, each in a run of blocks of its own, read in place.
//
//     block 0 of a run: | head: mark, sequence, size, name, checksum | seal: checksum of the content, mark | dead | content ...
//     blocks 1 ... n:   | content ...
//
// Writing: erase a free run, program the head, then the content, then the seal; only then is the run of the file before
// marked dead and erased, from its last block to its first. A power cut at any moment leaves the old file or the new one:
//
//   erased --head--> torn --seal--> live --a newer one is live--> dead --erased from the end--> erased
//                      +-----------------------next opening---------^
//
// The head comes first and the head's block is erased last, so that content, which comes from outside and may look like a
// head, is never met by a search: it walks from run to run.
//
// Runs are taken in turn from the first block to the last, round after round, so that wear is spread over all blocks but those
// of files that stay. A round erases a block once at most: sequence / ROUND is how often a block was erased, and needs no
// counters of its own.
#include "core/crc32c.h"
#include "port/freertos/flash.h"
#include "port/freertos/flash_store.h"

#define HEAD_MARK 0x31665054u // "TPf1"
#define SEAL_MARK 0x6c616573u
#define FILE_NAME_SIZE 96
// Kept free by all files but what is overwritten: the start counter and the seed can always be written anew.
#define RESERVE_BLOCKS 2u
#define ROUND 128u // above the number of files in a round
_Static_assert(ROUND > FLASH_FILES_COUNT, "each file of a round has a number of its own");

struct head {
    uint32_t mark;
    uint32_t sequence; // of two files of one name the higher one is meant; its round, and its number in it
    uint32_t size;
    char name[FILE_NAME_SIZE];
    uint32_t checksum; // of all before
};

struct seal {
    uint32_t checksum;
    uint32_t mark;
};

struct run {
    uint32_t first; // block
    uint32_t count;
    bool live;
    struct head head;
};

#define SEAL_OFFSET sizeof(struct head)
#define DEAD_OFFSET (SEAL_OFFSET + sizeof(struct seal))
#define CONTENT_OFFSET (DEAD_OFFSET + sizeof(uint32_t))

static uint32_t end_of_files(void) {
    return FLASH_FILES_FIRST + FLASH_FILES_COUNT;
}

static uint32_t head_checksum(const struct head *head) {
    return crc32c(0, (struct bytes){(const uint8_t *)head, offsetof(struct head, checksum)});
}

static uint32_t blocks_of(uint32_t size) {
    return ((uint32_t)CONTENT_OFFSET + size + FLASH_BLOCK_SIZE - 1) / FLASH_BLOCK_SIZE;
}

static struct bytes content_of(const struct run *run) {
    return (struct bytes){flash_block(run->first) + CONTENT_OFFSET, run->head.size};
}

// What stands at the block: a run, or one block that is free.
static struct run look(uint32_t block) {
    struct run run = {.first = block, .count = 1};
    struct seal seal;
    uint32_t dead;
    memcpy(&run.head, flash_block(block), sizeof run.head);
    bool headed = run.head.mark == HEAD_MARK && head_checksum(&run.head) == run.head.checksum &&
                  run.head.size <= FLASH_FILES_COUNT * FLASH_BLOCK_SIZE && blocks_of(run.head.size) <= end_of_files() - block;
    if (!headed) {
        run.head.mark = 0;
        return run;
    }
    memcpy(&seal, flash_block(block) + SEAL_OFFSET, sizeof seal);
    memcpy(&dead, flash_block(block) + DEAD_OFFSET, sizeof dead);
    run.count = blocks_of(run.head.size);
    run.live = seal.mark == SEAL_MARK && dead == UINT32_MAX && crc32c(0, content_of(&run)) == seal.checksum;
    return run;
}

static void retire(const struct run *run) {
    const uint32_t dead = 0;
    (void)flash_program(run->first, DEAD_OFFSET, (struct bytes){(const uint8_t *)&dead, sizeof dead});
    for (uint32_t i = run->count; i > 0; i--) {
        flash_erase(run->first + i - 1);
    }
}

// The live run of this name with the highest sequence.
static bool find(const char *name, struct run *out) {
    bool found = false;
    for (uint32_t block = FLASH_FILES_FIRST; block < end_of_files();) {
        struct run run = look(block);
        if (run.live && strncmp(run.head.name, name, FILE_NAME_SIZE) == 0 &&
            (!found || run.head.sequence > out->head.sequence)) {
            *out = run;
            found = true;
        }
        block += run.count;
    }
    return found;
}

static void retire_before(const char *name, uint32_t sequence) {
    for (uint32_t block = FLASH_FILES_FIRST; block < end_of_files();) {
        struct run run = look(block);
        if (run.live && run.head.sequence < sequence && strncmp(run.head.name, name, FILE_NAME_SIZE) == 0) {
            retire(&run);
        }
        block += run.count;
    }
}

void flash_files_open(struct flash_files *files) {
    *files = (struct flash_files){.next_block = FLASH_FILES_FIRST};
    for (uint32_t block = FLASH_FILES_FIRST; block < end_of_files();) {
        struct run run = look(block);
        if (run.head.mark == HEAD_MARK && !run.live) {
            retire(&run);
        } else if (run.live && run.head.sequence > files->last_sequence) {
            files->last_sequence = run.head.sequence;
            files->next_block = block + run.count;
        }
        block += run.count;
    }
    // A power cut may have left a file and the one before it.
    for (uint32_t block = FLASH_FILES_FIRST; block < end_of_files();) {
        struct run run = look(block);
        if (run.live) {
            retire_before(run.head.name, run.head.sequence);
        }
        block += run.count;
    }
}

// Finds `count` free blocks in a row, from next_block on and once around. False when there are none, or when a large file
// would take the reserve.
static bool allocate(const struct flash_files *files, uint32_t count, uint32_t spared, uint32_t *first) {
    uint32_t next_block = files->next_block;
    uint32_t free_blocks = 0;
    uint32_t found = 0;
    uint32_t behind = 0; // a run that begins at next_block or later
    uint32_t in_a_row = 0;
    for (uint32_t block = FLASH_FILES_FIRST; block < end_of_files();) {
        struct run run = look(block);
        in_a_row = run.live ? 0 : in_a_row + run.count;
        free_blocks += run.live ? 0 : run.count;
        block += run.count;
        if (in_a_row >= count) {
            uint32_t begin = block - in_a_row;
            begin = begin < next_block && next_block + count <= block ? next_block : begin;
            found = found == 0 ? begin : found;
            behind = behind == 0 && begin >= next_block ? begin : behind;
        }
    }
    *first = behind != 0 ? behind : found;
    return found != 0 && free_blocks >= count + spared;
}

static enum error write_file(struct flash_files *files, const char *path, struct bytes content, uint32_t spared) {
    struct head head = {.mark = HEAD_MARK, .size = (uint32_t)content.size};
    struct seal seal = {.checksum = crc32c(0, content), .mark = SEAL_MARK};
    uint32_t first;
    if (strlen(path) >= sizeof head.name || content.size > FLASH_FILES_COUNT * FLASH_BLOCK_SIZE ||
        !allocate(files, blocks_of((uint32_t)content.size), spared, &first)) {
        return ERROR_STORAGE;
    }
    memcpy(head.name, path, strlen(path));
    head.sequence = (first < files->next_block ? files->last_sequence | (ROUND - 1) : files->last_sequence) + 1;
    head.checksum = head_checksum(&head);
    for (uint32_t i = blocks_of(head.size); i > 0; i--) {
        flash_erase(first + i - 1);
    }
    bool good = flash_program(first, 0, (struct bytes){(const uint8_t *)&head, sizeof head}) &&
                flash_program(first, CONTENT_OFFSET, content) &&
                flash_program(first, SEAL_OFFSET, (struct bytes){(const uint8_t *)&seal, sizeof seal});
    struct run run = look(first);
    files->next_block = first + blocks_of(head.size); // a block that does not take it is not tried again in this round
    if (!good || !run.live) {
        return ERROR_STORAGE;
    }
    files->last_sequence = head.sequence;
    retire_before(head.name, head.sequence);
    return ERROR_NONE;
}

enum error flash_file_write(struct flash_files *files, const char *path, struct bytes content) {
    return write_file(files, path, content, RESERVE_BLOCKS);
}

enum error flash_file_overwrite(struct flash_files *files, const char *path, struct bytes content) {
    return write_file(files, path, content, 0);
}

enum error flash_file_read(const char *path, size_t size_max, struct bytes *out) {
    struct run run;
    if (!find(path, &run)) {
        return ERROR_NOT_FOUND;
    }
    if (run.head.size > size_max) {
        return ERROR_TOO_LARGE;
    }
    *out = content_of(&run);
    return ERROR_NONE;
}

// What a flash that refused has left of older ones goes first, or a power cut would bring it back.
void flash_file_delete(const char *path) {
    struct run run;
    if (find(path, &run)) {
        retire_before(run.head.name, run.head.sequence);
        retire(&run);
    }
}

void flash_file_each(const char *path, void (*visit)(void *context, const char *name), void *context) {
    size_t length = strlen(path);
    for (uint32_t block = FLASH_FILES_FIRST; block < end_of_files();) {
        struct run run = look(block);
        const char *name = run.head.name;
        if (run.live && strncmp(name, path, length) == 0 && name[length] == '/' && strchr(name + length + 1, '/') == NULL) {
            visit(context, name + length + 1);
        }
        block += run.count;
    }
}

void flash_wear(const struct flash_files *files, const struct flash_journal *journal, struct port_wear *out) {
    uint32_t rounds = files->last_sequence / ROUND + 1;
    uint32_t rewrites = (uint32_t)(journal->key.segment + 1) / 2; // of each area
    out->erases_max = rounds > rewrites ? rounds : rewrites;
    out->erases_mean = (rounds * FLASH_FILES_COUNT + rewrites * 2 * FLASH_JOURNAL_COUNT) / FLASH_BLOCK_COUNT;
}
