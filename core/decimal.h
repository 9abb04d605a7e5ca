// Numbers as decimal text and back, without a C library: what JSON, plain text and queries need.
#ifndef TENON_CORE_DECIMAL_H
#define TENON_CORE_DECIMAL_H

#include "core/bytes.h"

// Longest text: "-0.0000012345678901234567" has 25 letters, "-1.2345678901234567e-308" has 24; with room to spare.
#define DECIMAL_TEXT_SIZE_MAX 32

// Writes the shortest text that reads back as the same double, with an exponent below 1e-6 and from 1e21 on (as JSON and
// JavaScript have it). No NUL. Returns the size; 0 for infinities and NaN, which JSON does not know.
size_t decimal_put(double value, char out[DECIMAL_TEXT_SIZE_MAX]);

// Reads an xs:decimal (XML Schema 2 §3.2.3: sign, digits, point, no exponent). At most 15 digits that count, and 22 behind the
// point, so that the result is always the nearest double. False for anything else.
bool decimal_read(struct bytes text, double *out);

#endif
