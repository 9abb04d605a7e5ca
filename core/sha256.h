// SHA-256 (FIPS 180-4), for the digests that name components. One call, no state, no allocation.
#ifndef TENON_CORE_SHA256_H
#define TENON_CORE_SHA256_H

#include "core/bytes.h"

void sha256(struct bytes message, uint8_t digest[32]);

// Lower-case hexadecimal with NUL, and back. digest_parse returns false unless `text` is exactly 64 hexadecimal digits.
void digest_text(const uint8_t digest[32], char text[65]);
bool digest_parse(const char *text, uint8_t digest[32]);

#endif
