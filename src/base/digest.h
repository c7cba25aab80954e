/* SPDX-License-Identifier: MPL-2.0 */
/* digest.h - SHA-256 (libcrypto's only home) and CRC-32C.  Threads: one owner per digest. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include "base/util.h"

#define DIGEST_HEX 65 /* 64 lower-case hex digits and a NUL */

struct digest;
struct digest *digest_new(void); /* NULL without memory */
void digest_add(struct digest *d, const void *p, size_t n);
/* Write the digest and free d. */
void digest_end(struct digest *d, char hex[static DIGEST_HEX]);
void digest_free(struct digest *d); /* NULL ok */

/* SHA-256 of a list of strings, each ended by a NUL so that no two lists are alike.
 * The list ends with NULL. */
int digest_strings(char hex[static DIGEST_HEX], ...) __attribute__((sentinel)) MUST_CHECK;

/* CRC-32C (Castagnoli, RFC 3720 B.4); start with crc = 0, feed the result back to go on. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#endif
