// The files and the journal of a host that is a microcontroller: the firmware's own code over a flash that fails (flash.h), and
// beside it, on true memory, what it ought to hold.
//
// The law of storage: a file is the last one that was written, or, after power failed in its writing, that one or the one
// before; the journal hands back every batch that it took, and nothing else. The shadow is the host's `storage`, as a disk
// would have it.
#ifndef TENON_SIM_MCU_H
#define TENON_SIM_MCU_H

#include "port/port.h"
#include "sim/storage.h"

struct host;

// The program starts: what is found must be what was left.
void mcu_start(struct host *host);
// Power is gone. `survived` as storage_crash has it.
void mcu_crash(struct host *host, uint64_t *survived);

enum error mcu_file_write(struct host *host, const char *path, struct bytes content, bool over);
enum error mcu_file_read(struct host *host, const char *path, size_t size_max, struct bytes *out);
void mcu_file_delete(struct host *host, const char *path);

enum error mcu_journal_open(struct host *host, struct storage_journal *shadow,
                            void (*replay)(void *context, struct bytes batch), void *context,
                            struct port_journal_report *report, char refusal[PORT_REFUSAL_SIZE]);
enum error mcu_journal_append(struct host *host, struct storage_journal *shadow, struct bytes batch);
enum error mcu_journal_flush(struct host *host, struct storage_journal *shadow);
enum error mcu_journal_rewrite(struct host *host, struct storage_journal *shadow);
enum error mcu_journal_commit(struct host *host, struct storage_journal *shadow);

#endif
