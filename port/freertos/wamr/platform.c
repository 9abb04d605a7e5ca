// WAMR's platform functions: no threads, so mutexes are nothing; no MMU, so a mapping is a piece of the engine's pool.
#include <FreeRTOS.h>
#include <task.h>

#include "platform_api_extension.h"
#include "platform_api_vmcore.h"
#include "port/freertos/board.h"
#include "port/port.h"

// Declared by wasm_export.h, which is above this room's WAMR headers.
void *wasm_runtime_malloc(unsigned int size);
void wasm_runtime_free(void *memory);

int bh_platform_init(void) {
    return 0;
}

void bh_platform_destroy(void) {
}

// The engine's pool is the only memory: nothing may come from elsewhere.
void *os_malloc(unsigned size) {
    (void)size;
    return NULL;
}

void *os_realloc(void *memory, unsigned size) {
    (void)memory;
    (void)size;
    return NULL;
}

void os_free(void *memory) {
    (void)memory;
}

int os_printf(const char *format, ...) {
    (void)format;
    return 0;
}

int os_vprintf(const char *format, va_list arguments) {
    (void)format;
    (void)arguments;
    return 0;
}

uint64 os_time_get_boot_us(void) {
    return port_clock_ms() * 1000;
}

uint64 os_time_thread_cputime_us(void) {
    return os_time_get_boot_us();
}

korp_tid os_self_thread(void) {
    return 1;
}

uint8 *os_thread_get_stack_boundary(void) {
    TaskStatus_t status;
    vTaskGetInfo(NULL, &status, pdFALSE, eRunning);
    return (uint8 *)status.pxStackBase;
}

void os_thread_jit_write_protect_np(bool enabled) {
    (void)enabled;
}

int os_mutex_init(korp_mutex *mutex) {
    *mutex = 0;
    return BHT_OK;
}

int os_recursive_mutex_init(korp_mutex *mutex) {
    return os_mutex_init(mutex);
}

int os_mutex_destroy(korp_mutex *mutex) {
    (void)mutex;
    return BHT_OK;
}

int os_mutex_lock(korp_mutex *mutex) {
    (void)mutex;
    return BHT_OK;
}

int os_mutex_unlock(korp_mutex *mutex) {
    (void)mutex;
    return BHT_OK;
}

void *os_mmap(void *hint, size_t size, int protection, int flags, os_file_handle file) {
    (void)hint;
    (void)protection;
    (void)flags;
    (void)file;
    void *memory = wasm_runtime_malloc((unsigned)size);
    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

void os_munmap(void *memory, size_t size) {
    (void)size;
    if (memory != NULL) {
        wasm_runtime_free(memory);
    }
}

void *os_mremap(void *old, size_t old_size, size_t size) {
    void *memory = os_mmap(NULL, size, 0, 0, -1);
    if (memory != NULL) {
        memcpy(memory, old, old_size < size ? old_size : size);
        os_munmap(old, old_size);
    }
    return memory;
}

int os_mprotect(void *memory, size_t size, int protection) {
    (void)memory;
    (void)size;
    (void)protection;
    return 0;
}

void os_dcache_flush(void) {
}

void os_icache_flush(void *start, size_t size) {
    (void)start;
    (void)size;
}
