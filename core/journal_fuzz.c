// Batches of the journal: what is read and written again is the same, whatever the disk gave.
#include <stdio.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/journal.h"

_Noreturn void assert_failed(const char *expression, const char *function) {
    fprintf(stderr, "%s: %s\n", function, expression);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static uint8_t memory[BATCH_SIZE_MAX];
    struct bytes rest = {data, size};
    struct journal_entry entry;
    while (rest.size > 0) {
        size_t before = rest.size;
        if (journal_take(&rest, &entry) != ERROR_NONE) {
            return 0;
        }
        ASSERT(rest.size < before);
        size_t used = 0;
        struct journal_entry again;
        ASSERT(journal_put((struct buffer){memory, sizeof memory}, &used, &entry) == ERROR_NONE);
        struct bytes written = {memory, used};
        ASSERT(journal_take(&written, &again) == ERROR_NONE && written.size == 0);
        ASSERT(again.kind == entry.kind && again.sequence == entry.sequence && bytes_equal(again.value, entry.value));
    }
    return 0;
}
