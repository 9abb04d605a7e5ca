// What Tenon asks of a platform, all of it. To port Tenon to a device, fill in one folder beside port/posix.
//
// Threads: none. Every call is made from the one thread of the program. Nothing here blocks except the file calls and
// port_wait. Memory: what a call opens is freed by its close, and what port_memory_take gives is all that a node takes for
// its own. Addresses are values (struct coap_address). Errors: `refusal`
// (256 bytes) gets a sentence that names the place and the remedy.
#ifndef TENON_PORT_PORT_H
#define TENON_PORT_PORT_H

#include "core/coap_endpoint.h"

#define PORT_REFUSAL_SIZE 256

// --- clock and entropy ---------------------------------------------------------------------------------------------------

// Milliseconds of a clock that never goes back and has no meaning but its differences.
uint64_t port_clock_ms(void);
// Nanoseconds of the same clock, for benchmarks.
uint64_t port_clock_ns(void);
// Milliseconds since 1970-01-01T00:00 UTC, as far as the platform knows.
uint64_t port_unix_ms(void);
// The same moment as the building's walls show it: UTC plus the local time zone's offset.
uint64_t port_unix_local_ms(void);
// 64 bits that nobody can foretell (getrandom on POSIX).
uint64_t port_entropy64(void);

// --- memory --------------------------------------------------------------------------------------------------------------

// Zeroed memory for the life of a node, aligned for anything; taken while it opens and at no other time. NULL when there is
// not so much. On POSIX what is never touched costs nothing; a small device hands out parts of one fixed block.
void *port_memory_take(size_t size);
// `size` as it was taken. NULL is allowed.
void port_memory_give(void *memory, size_t size);

// Bytes of the stack of the program's thread, and how many of them were ever used. False when the platform cannot tell.
bool port_stack(uint32_t *size, uint32_t *most);

// --- log -----------------------------------------------------------------------------------------------------------------

// Hands one line (without line feed) to whoever reads the log of this device: standard error on POSIX.
void port_log_line(const char *line);

// --- datagrams -----------------------------------------------------------------------------------------------------------

struct port_udp;

// Opens a UDP socket on "127.0.0.1:5683", "[::1]:5683" or port 0 for any. ERROR_MALFORMED (the text), ERROR_EXISTS (the port is
// in use), ERROR_NETWORK.
MUST_CHECK enum error port_udp_open(const char *address, struct port_udp **out, char refusal[PORT_REFUSAL_SIZE]);
// Opens a socket that receives what is sent to the group and port ("224.0.1.187:5683", "[ff02::fd]:5683") on one interface, and
// nothing else: whatever comes here came by multicast. Any number of sockets of this device may do so. Not for sending.
// ERROR_MALFORMED (the text), ERROR_NOT_FOUND (no such interface), ERROR_NETWORK.
MUST_CHECK enum error port_udp_join(const char *group, const char *interface, struct port_udp **out,
                                    char refusal[PORT_REFUSAL_SIZE]);
void port_udp_close(struct port_udp *udp);
// Sends one datagram, or drops it: UDP promises nothing. Returns false when it was dropped here.
bool port_udp_send(struct port_udp *udp, const struct coap_address *to, struct bytes datagram);
// Takes one waiting datagram. It lies in `scratch`, or in the port's own memory until the next port_udp_receive or port_wait.
// ERROR_NOT_FOUND when none waits; ERROR_TOO_LARGE when it did not fit and was dropped.
MUST_CHECK enum error port_udp_receive(struct port_udp *udp, struct coap_address *from, struct buffer scratch,
                                       struct bytes *datagram);
// What `scratch` must hold, and one byte more, by which the longest datagram is told from one that is too long. A port that
// hands out its own memory needs none of it.
#ifndef PORT_UDP_SCRATCH_SIZE
#define PORT_UDP_SCRATCH_SIZE (DATAGRAM_SIZE_MAX + 1)
#endif
// How long the datagram that was taken last had waited here, so that a program that stood still does not take old news for new.
// 0 where the platform cannot tell.
uint64_t port_udp_waited_ms(const struct port_udp *udp);
// The file descriptor, for port_wait.
int port_udp_descriptor(const struct port_udp *udp);
// The address that the socket is bound to.
void port_udp_address(const struct port_udp *udp, struct coap_address *out);

// Address as text and back. ERROR_MALFORMED. Numeric hosts only: a building must not stop with its name server.
MUST_CHECK enum error port_address_parse(const char *text, struct coap_address *out);
void port_address_text(const struct coap_address *address, char out[64]);

// --- waiting -------------------------------------------------------------------------------------------------------------

// Waits until one of the descriptors is readable, `timeout_ms` (UINT64_MAX: no limit) passed or a signal came. Negative
// descriptors are skipped. Sets bit i of the result when descriptors[i] is readable. At most 64 descriptors.
uint64_t port_wait(const int *descriptors, uint32_t count, uint64_t timeout_ms);

// --- files ---------------------------------------------------------------------------------------------------------------

// Makes the directory and its parents. ERROR_STORAGE.
MUST_CHECK enum error port_directory_make(const char *path);
// Keeps the directory for this process until port_directory_unlock or its end, however it ends. ERROR_EXISTS when another
// process keeps it, ERROR_STORAGE.
MUST_CHECK enum error port_directory_lock(const char *path, int *lock);
// Negative locks are none.
void port_directory_unlock(int lock);
// Replaces the file in one step: written beside it, flushed to the disk, renamed, the directory flushed. On failure (a full
// disk) the old file stays as it was. ERROR_STORAGE.
MUST_CHECK enum error port_file_write(const char *path, struct bytes content);
// Overwrites an existing file of the same size in place and flushes it: needs no free space on most file systems, but a power
// cut in the midst of it may leave a mixture, so it is for a few bytes when port_file_write failed. ERROR_STORAGE.
MUST_CHECK enum error port_file_overwrite(const char *path, struct bytes content);
// Gives the whole file to look at until port_file_release: a copy on POSIX, the flash itself where that can be read in place.
// A 0 follows the last byte of a copy only. ERROR_NOT_FOUND, ERROR_TOO_LARGE (over `size_max`), ERROR_MEMORY, ERROR_STORAGE.
MUST_CHECK enum error port_file_read(const char *path, size_t size_max, struct bytes *out);
// `content` as port_file_read gave it; no data is allowed.
void port_file_release(struct bytes content);
// Deletes the file; no error when it is not there.
void port_file_delete(const char *path);
// Calls `visit` with the name of each regular file in the directory; it may delete that file.
void port_directory_each(const char *path, void (*visit)(void *context, const char *name), void *context);

// How often the blocks of a flash were erased since its first start, about; a block stands 10,000 to 100,000 times.
struct port_wear {
    uint32_t erases_max;
    uint32_t erases_mean;
};
// False where nobody counts: disks do so for themselves.
bool port_storage_wear(struct port_wear *out);

// --- the journal ---------------------------------------------------------------------------------------------------------

// An append-only record of batches with checksums. Call sequence: open, which hands back every batch that is whole, oldest
// first; then append any number of batches and flush them together (group commit); when size is large, rewrite: begin, append
// what stands, commit. What was appended and not flushed may be lost at a crash, but only from the end: the batches found at
// the next opening are a prefix of those appended, never with a hole. After flush or commit failed, nothing since the last
// success counts as durable, and only a rewrite that commits makes the journal good again (a failed fsync may have dropped
// pages).
struct port_journal;

// What opening found.
struct port_journal_report {
    uint64_t batches;    // handed back
    uint64_t torn_bytes; // at the end, without a whole batch behind them: what a crash leaves, nothing acknowledged is in it
    // Whole ones behind damage: they were durable once and are not handed back, for order would have a hole. Not 0 either when
    // the journal's very head is gone, and with it every way to know.
    uint64_t lost_batches;
};

// Opens or makes the journal in an existing directory. `replay` may be NULL. What was handed back is durable then. When there
// is a journal and the disk takes no more, it is handed back all the same, as after a failed flush. One process
// at a time may have it: the caller has locked the directory. ERROR_STORAGE, ERROR_UNSUPPORTED (a later format), ERROR_MEMORY.
MUST_CHECK enum error port_journal_open(const char *directory, void (*replay)(void *context, struct bytes batch), void *context,
                                        struct port_journal **out, struct port_journal_report *report,
                                        char refusal[PORT_REFUSAL_SIZE]);
// Adds one batch of 1 byte to PORT_JOURNAL_BATCH_MAX. It buffers; a rewrite may write on the way. ERROR_MEMORY (flush more
// often), ERROR_TOO_LARGE (the batch, or the whole journal: rewrite it).
#define PORT_JOURNAL_BATCH_MAX 65536
MUST_CHECK enum error port_journal_append(struct port_journal *journal, struct bytes batch);
// Makes everything appended so far durable; returns when it is. ERROR_STORAGE.
MUST_CHECK enum error port_journal_flush(struct port_journal *journal);
// Bytes that the journal takes on the disk now, appended ones included.
uint64_t port_journal_size(const struct port_journal *journal);
// Begins a new journal beside the old one; appends go there until commit, which makes it durable and drops the old one. After
// an error the old one stays as it was on the disk and the journal refuses to flush until a rewrite succeeds. Batches that were
// appended before and not flushed are dropped with the old one. No flush in between; a second rewrite begins anew.
// ERROR_STORAGE.
MUST_CHECK enum error port_journal_rewrite(struct port_journal *journal);
MUST_CHECK enum error port_journal_commit(struct port_journal *journal);
void port_journal_close(struct port_journal *journal);

#endif
