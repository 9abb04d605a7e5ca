// What WAMR asks of a platform, for one thread on a processor without an MMU. Names and types are WAMR's.
#ifndef TENON_PORT_FREERTOS_WAMR_PLATFORM_INTERNAL_H
#define TENON_PORT_FREERTOS_WAMR_PLATFORM_INTERNAL_H

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define BH_APPLET_PRESERVED_STACK_SIZE (1 * BH_KB)
#define BH_THREAD_DEFAULT_PRIORITY 1

typedef int korp_tid, korp_thread, korp_mutex, korp_cond, korp_rwlock, korp_sem;
typedef int os_file_handle, os_raw_file_handle, os_dir_stream, os_poll_file_handle, os_timespec;
typedef unsigned os_nfds_t;

static inline os_file_handle os_get_invalid_handle(void) {
    return -1;
}

// Linear memory is rounded up to this.
static inline int os_getpagesize(void) {
    return 16;
}

#endif
