/* SPDX-License-Identifier: MPL-2.0 */
/* spool.h - a file that comes in one go, from its first byte to its last: its server tells no length
 * and knows no ranges (an export of a portal).
 *
 * It is received once, when somebody reads it, into a layer `spool` of the cache like any other, block
 * by block; readers get each block as it comes.  What was received whole is remembered (facts.h)
 * with its size, and read from the cache from then on.
 *
 * A take is one attempt to receive it.  What a take brings is served only to those who have opened
 * that take: when it breaks off they get -EIO, and all it brought is forgotten.  If the cache has dropped
 * a block of a whole take, the file is received once more; readers go on when that is whole and
 * has the same SHA-256, else they get -ESTALE.
 *
 * What does not fit (half of cache_size, or no cache at all) is received no faster than it is
 * read, and can be read once, in order; when nobody has it open any more, it ends.
 *
 * Threads: any.  Nothing blocks but on local disk.  Lock order: spool.lock > http's.
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include "store/store.h"
#include "base/digest.h"
#include "base/wait.h"

struct spool;

struct spool_config {
	struct store *st;
	const char *name;   /* for the log; all strings are copied */
	const char *scheme; /* with key: what it is; with version: which one of it */
	const char *key, *version;
	/* Set method, url (malloc'd, freed here) and who asks.  0 or -errno. */
	int (*request)(void *arg, struct http_request *q, char **url);
	/* Is this the beginning of what was asked for?  0; -EAGAIN: once more may help; -errno. */
	int (*judge)(void *arg, const struct http_reply *r, const char *head, const char *name);
	void *arg; /* must outlive it */
};

/* Looks whether it was received earlier.  0 or -ENOMEM. */
int spool_new(const struct spool_config *c, struct spool **out) MUST_CHECK;
/* No reader, and nothing under way: after http_stop() and with the pool ended, or when
 * spool_idle().  NULL ok; returns NULL. */
struct spool *spool_free(struct spool *s);
/* Its size, if it was received whole. */
bool spool_size(struct spool *s, uint64_t *out);
/* What names it then: what it is among the cache's objects, and its content. */
struct spool_about {
	uint64_t size;
	char identity[DIGEST_HEX], sum[DIGEST_HEX]; /* sum: SHA-256 */
};
bool spool_about(struct spool *s, struct spool_about *out);
/* The same without making one. */
bool spool_known(const struct spool_config *c, uint64_t *size);
/* Is it open nowhere and nothing under way? */
bool spool_idle(struct spool *s);

/* Receive it, if that was not done, for who cannot do without its size.  0: it is whole, or too large
 * to be received before it is read; PARKED, -errno. */
int spool_receive(struct spool *s, struct waiter *w) MUST_CHECK;

/* Open for reading; *take goes into each spool_pread().  Asks for nothing yet. */
void spool_open(struct spool *s, uint64_t *take);
void spool_close(struct spool *s);
/* Up to len bytes from off; fewer only at the end, 0 behind it.  PARKED, -errno. */
int64_t spool_pread(struct spool *s, uint64_t take, void *buf, size_t len, uint64_t off,
		    struct waiter *w);

#endif
