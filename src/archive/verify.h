/* SPDX-License-Identifier: MPL-2.0 */
/* verify.h - the SHA-256 of a whole file, taken while passes read it; private to the archive layer.
 *
 * What a pass has hashed is saved with each of its commits, so that it may be read in several goes,
 * by several processes.  A state that is damaged or missing means that nothing can be said about
 * the file, never a wrong verdict.
 * Threads: the pass.
 */
#ifndef ARCHIVE_VERIFY_H
#define ARCHIVE_VERIFY_H

#include "archive/index/index.h"
#include "base/digest.h"

struct verify;

/* Go on from where the index says that an earlier pass came to, or from byte 0. */
int verify_new(struct index *x, struct verify **out) MUST_CHECK;
struct verify *verify_free(struct verify *v); /* NULL ok; returns NULL */
/* The file's bytes from off on.  Those hashed already are passed over; what comes behind a gap is not
 * hashed. */
void verify_add(struct verify *v, uint64_t off, const void *p, size_t n);
/* Write it to the index, in the transaction that is open. */
int verify_save(const struct verify *v, struct index *x) MUST_CHECK;
/* The digest of a file of size bytes, once; false: not all of them were hashed. */
bool verify_end(struct verify *v, uint64_t size, char hex[static DIGEST_HEX]);

#endif
