// CRC-32C (Castagnoli; RFC 3720 §12.1), for bytes at rest: it finds every burst of up to 32 wrong bits and, by chance, all but
// one in 2^32 of the rest. No protection against a person who wants to forge. No state, no allocation.
#ifndef TENON_CORE_CRC32C_H
#define TENON_CORE_CRC32C_H

#include "core/bytes.h"

// The checksum of what `crc` covers followed by `data`. Begin with 0: crc32c(crc32c(0, a), b) is the checksum of a and b.
uint32_t crc32c(uint32_t crc, struct bytes data);

#endif
