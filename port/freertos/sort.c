// qsort and strstr for WAMR, in place of newlib's, which take 2.8 KiB for a speed that nothing here needs.
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void swap(uint8_t *a, uint8_t *b, size_t size) {
    for (size_t i = 0; i < size; i++) {
        uint8_t kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

// Shell's sort: without recursion, and quick enough for what a module of MODULE_SIZE_MAX can hold.
void qsort(void *base, size_t count, size_t size, int (*compare)(const void *a, const void *b)) {
    uint8_t *items = base;
    for (size_t gap = count / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < count; i++) {
            for (size_t k = i; k >= gap && compare(items + (k - gap) * size, items + k * size) > 0; k -= gap) {
                swap(items + (k - gap) * size, items + k * size, size);
            }
        }
    }
}

char *strstr(const char *text, const char *wanted) {
    size_t size = strlen(wanted);
    for (; strncmp(text, wanted, size) != 0; text++) {
        if (*text == '\0') {
            return NULL;
        }
    }
    return (char *)(uintptr_t)text;
}
