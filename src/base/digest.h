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

/* What has been hashed so far, so that another process can go on with it.  The layout, numbers
 * big-endian: "SHA256", 16 bits version (1), the eight 32-bit words of the hash value (FIPS 180-4,
 * 6.2.2), 64 bits number of bytes, the 64 bytes of the block begun, of which those not there yet
 * are 0, 32 bits CRC-32C of all that. */
#define DIGEST_STATE 116 /* bytes */
void digest_save(const struct digest *d, unsigned char out[static DIGEST_STATE]);
/* 0; -EINVAL: not what digest_save() of this version has written; -ENOMEM. */
int digest_load(const void *state, size_t n, struct digest **out) MUST_CHECK;
uint64_t digest_bytes(const struct digest *d); /* hashed so far */

/* SHA-256 of a list of strings, each ended by a NUL so that no two lists are alike.
 * The list ends with NULL. */
int digest_strings(char hex[static DIGEST_HEX], ...) __attribute__((sentinel)) MUST_CHECK;

/* CRC-32C (Castagnoli, RFC 3720 B.4); start with crc = 0, feed the result back to go on. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);

#endif
