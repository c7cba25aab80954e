/* SPDX-License-Identifier: MPL-2.0 */
/* spool_take.h - one attempt to receive a file in one go; private to spool*.c.
 *
 * The I/O thread fills blocks; a pool job hashes them and puts them into the cache.  When the job is
 * behind, or the take runs ahead of its readers where it may not, the transfer pauses.
 *
 * Threads: any; its lock is a leaf but for http's, and moved() is called without it.
 */
#ifndef STORE_SPOOL_TAKE_H
#define STORE_SPOOL_TAKE_H

#include "store/spool.h"

struct take;

enum take_state { TAKE_RUNNING, TAKE_WHOLE, TAKE_FAILED };

struct take_config {
	const struct spool_config *spool; /* borrowed */
	/* Something came, or it has ended; in the pool. */
	void (*moved)(void *arg, struct take *t, enum take_state state);
	void *arg;
};

/* One reference.  0 or -errno. */
int take_new(const struct take_config *c, struct take **out) MUST_CHECK;
/* One that was received whole at an earlier time. */
int take_recall(const struct spool_config *c, const char *identity, const char *sum, uint64_t size,
		struct take **out) MUST_CHECK;
struct take *take_ref(struct take *t); /* +1; returns t */
void take_unref(struct take *t);       /* NULL ok */
void take_start(struct take *t);       /* once, of a new one */
/* Nobody has it open: it goes on only if the cache can keep it. */
void take_abandon(struct take *t);

enum take_state take_state(const struct take *t);
/* Is it received no faster than it is read? */
bool take_streams(const struct take *t);
int take_error(const struct take *t); /* of one that failed */
/* Bytes from its start that have come; who asks wants [off, off + len). */
uint64_t take_have(struct take *t, uint64_t off, size_t len);
uint64_t take_size(const struct take *t); /* of a whole one */
const char *take_identity(const struct take *t);
const char *take_sum(const struct take *t); /* SHA-256 of a whole one */
/* Copy bytes that have come.  len, PARKED, -ENODATA: they have been dropped; -errno. */
int64_t take_pread(struct take *t, void *buf, size_t len, uint64_t off, struct waiter *w);

#endif
