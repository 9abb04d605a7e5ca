// The calls with which the journal changes the disk, so that tests can make each of them fail, stop or half succeed.
#ifndef TENON_PORT_POSIX_JOURNAL_PRIVATE_H
#define TENON_PORT_POSIX_JOURNAL_PRIVATE_H

#include <sys/types.h>

#include "port/port.h"

// Each as its namesake in POSIX, with `folder` the descriptor of the journal's directory; results and errno as there.
struct journal_disk {
    void *context;
    int (*create)(void *context, int folder, const char *name); // for writing; cut to nothing when it is there
    ssize_t (*write)(void *context, int descriptor, const uint8_t *data, size_t size, off_t at);
    int (*sync)(void *context, int descriptor, bool data_only); // fdatasync or fsync
    int (*rename)(void *context, int folder, const char *from, const char *to);
    int (*unlink)(void *context, int folder, const char *name);
};

extern const struct journal_disk journal_disk_posix;

// port_journal_open on this disk, which must outlive the journal.
MUST_CHECK enum error journal_open_on(const struct journal_disk *disk, const char *directory,
                                      void (*replay)(void *context, struct bytes batch), void *context,
                                      struct port_journal **out, struct port_journal_report *report,
                                      char refusal[PORT_REFUSAL_SIZE]);

#endif
