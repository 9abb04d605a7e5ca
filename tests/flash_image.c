// Takes what a node keeps out of a board's flash into a node's folder on Linux, or the other way round, for tests: identity,
// start counter, plan, code and journal. The flash's side is the firmware's own files and journal.
//
//     flash_image unpack FLASH FOLDER       FOLDER is new
//     flash_image pack FOLDER FLASH         over what the node kept there; the rest of the flash stays
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/assert.h"
#include "port/freertos/file.h"
#include "port/freertos/flash.h"
#include "port/journal_format.h"

#define FLASH_SIZE ((size_t)FLASH_BLOCK_COUNT * FLASH_BLOCK_SIZE)
#define FILE_SIZE_MAX (1u << 20)
#define PATH_SIZE_MAX 512

static uint8_t *flash;
static const char *folder;
static FILE *journal_file;
static struct journal_key journal_key = {.segment = 1, .salt = 1};
static uint32_t journal_index;

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "flash_image: %s: %s\n", function, expression);
    exit(1);
}

const uint8_t *flash_block(uint32_t block) {
    return flash + (size_t)block * FLASH_BLOCK_SIZE;
}

void flash_erase(uint32_t block) {
    memset(flash + (size_t)block * FLASH_BLOCK_SIZE, 0xff, FLASH_BLOCK_SIZE);
}

bool flash_program(uint32_t block, uint32_t offset, struct bytes content) {
    uint8_t *at = flash + (size_t)block * FLASH_BLOCK_SIZE + offset;
    for (size_t i = 0; i < content.size; i++) {
        at[i] &= content.data[i];
    }
    return memcmp(at, content.data, content.size) == 0;
}

// Only the salt of a journal's segment is drawn here.
uint64_t port_entropy64(void) {
    return UINT64_C(0x9e3779b97f4a7c15);
}

static void path_of(const char *under, const char *name, char out[PATH_SIZE_MAX]) {
    ASSERT(snprintf(out, PATH_SIZE_MAX, "%s%s/%s", folder, under, name) < PATH_SIZE_MAX);
}

// "node" is the board's folder (firmware/main.c).
static void flash_path(const char *under, const char *name, char out[PATH_SIZE_MAX]) {
    ASSERT(snprintf(out, PATH_SIZE_MAX, "node%s/%s", under, name) < PATH_SIZE_MAX);
}

static void take_file(void *context, const char *name) {
    char path[PATH_SIZE_MAX];
    struct bytes content;
    flash_path(context, name, path);
    ASSERT(port_file_read(path, FILE_SIZE_MAX, &content) == ERROR_NONE);
    path_of(context, name, path);
    FILE *file = fopen(path, "wb");
    ASSERT(file != NULL && fwrite(content.data, 1, content.size, file) == content.size && fclose(file) == 0);
}

static void take_batch(void *context, struct bytes batch) {
    uint8_t head[JOURNAL_RECORD_HEAD_SIZE];
    (void)context;
    journal_record_head_encode(&journal_key, journal_index++, batch, head);
    ASSERT(fwrite(head, sizeof head, 1, journal_file) == 1 && fwrite(batch.data, 1, batch.size, journal_file) == batch.size);
}

static struct port_journal *open_journal(void (*replay)(void *context, struct bytes batch)) {
    struct port_journal *journal;
    struct port_journal_report report;
    char refusal[PORT_REFUSAL_SIZE];
    ASSERT(port_journal_open("node", replay, NULL, &journal, &report, refusal) == ERROR_NONE && report.lost_batches == 0);
    return journal;
}

static void unpack(void) {
    char path[PATH_SIZE_MAX];
    uint8_t header[JOURNAL_HEADER_SIZE];
    path_of("", "code", path);
    ASSERT(mkdir(folder, 0755) == 0 && mkdir(path, 0755) == 0);
    port_directory_each("node", take_file, "");
    port_directory_each("node/code", take_file, "/code");
    path_of("", "journal-1", path);
    journal_file = fopen(path, "wb");
    journal_header_encode(&journal_key, header);
    ASSERT(journal_file != NULL && fwrite(header, sizeof header, 1, journal_file) == 1);
    (void)open_journal(take_batch);
    ASSERT(fclose(journal_file) == 0);
}

static void give_batch(void *context, struct bytes batch) {
    ASSERT(port_journal_append(context, batch) == ERROR_NONE);
}

static void give_journal(struct bytes content) {
    struct port_journal *journal = open_journal(NULL);
    struct port_journal_report report;
    ASSERT(port_journal_rewrite(journal) == ERROR_NONE && journal_header_decode(content, &journal_key) == ERROR_NONE &&
           journal_scan(content, journal_key.segment, give_batch, journal, &report) == ERROR_NONE && report.lost_batches == 0 &&
           port_journal_commit(journal) == ERROR_NONE);
}

static void give_files(const char *under) {
    static uint8_t content[FILE_SIZE_MAX];
    char path[PATH_SIZE_MAX];
    path_of(under, "", path);
    DIR *directory = opendir(path);
    ASSERT(directory != NULL);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        struct stat status;
        path_of(under, entry->d_name, path);
        if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
            continue; // a lock is empty
        }
        FILE *file = fopen(path, "rb");
        ASSERT(file != NULL);
        const struct bytes bytes = {content, fread(content, 1, sizeof content, file)};
        ASSERT(bytes.size < sizeof content && fclose(file) == 0);
        if (strncmp(entry->d_name, "journal-", 8) == 0) {
            give_journal(bytes);
        } else {
            flash_path(under, entry->d_name, path);
            ASSERT(port_file_write(path, bytes) == ERROR_NONE);
        }
    }
    closedir(directory);
}

int main(int argc, char **argv) {
    bool packs = argc == 4 && strcmp(argv[1], "pack") == 0;
    if (!packs && (argc != 4 || strcmp(argv[1], "unpack") != 0)) {
        fprintf(stderr, "flash_image unpack FLASH FOLDER | pack FOLDER FLASH\n");
        return 2;
    }
    folder = argv[packs ? 2 : 3];
    int descriptor = open(argv[packs ? 3 : 2], O_RDWR);
    ASSERT(descriptor >= 0);
    flash = mmap(NULL, FLASH_SIZE, PROT_READ | PROT_WRITE, packs ? MAP_SHARED : MAP_PRIVATE, descriptor, 0);
    ASSERT(flash != MAP_FAILED);
    port_files_open();
    if (packs) {
        give_files("");
        give_files("/code");
    } else {
        unpack();
    }
    return 0;
}
