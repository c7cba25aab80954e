/* SPDX-License-Identifier: MPL-2.0 */
/* reader.h - everything that has bytes: a remote object, a local file, a decompressed stream.
 *
 * pread() serves what is asked for often and keeps it (blocks, cache).  A chunk is an exact
 * range for a decoder, which keeps what it makes of it and not the compressed bytes.
 * Threads: any.  A reader lives until its owner frees it; nobody may be parked on it then.
 */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "base/pool.h"
#include "base/range.h"
#include "base/wait.h"
#include "store/memory.h"

struct reader;
struct chunk;

struct reader_ops {
	/* Copy bytes [off, off + len) to buf (NULL: see blocks_pread()); len > 0, the range inside
	 * the object.  len; PARKED (w was parked; run again when woken); -errno. */
	int64_t (*pread)(struct reader *r, void *buf, size_t len, uint64_t off, struct waiter *w);
	/* Start bringing a range (not empty, inside the object).  Never blocks.  0 or -errno. */
	int (*chunk)(struct reader *r, struct range at, bool demand, struct chunk **out);
};

struct reader {
	const struct reader_ops *ops;
	uint64_t size;
	const char *identity;  /* hex; the version whose bytes these are */
	struct memory *memory; /* whose budget chunks count in; borrowed */
	uint64_t ahead_max;    /* bytes of chunks under way at once that are of use; 0: no bound */
};

/* As the op, for any range: clipped to the object's size; 0 at and beyond its end. */
int64_t reader_pread(struct reader *r, void *buf, size_t len, uint64_t off, struct waiter *w);
/* The same for a thread that may block; cancelled by stop turning true (looked at every 100 ms). */
int64_t reader_pread_wait(struct reader *r, void *buf, size_t len, uint64_t off,
			  const _Atomic bool *stop);
int reader_chunk(struct reader *r, struct range at, bool demand, struct chunk **out) MUST_CHECK;

/* A range on its way into memory.  The maker of one fills data and calls chunk_end() once. */
struct chunk {
	struct range at;
	unsigned char *data;   /* range_len(at) bytes, owned */
	struct memory *memory; /* they are counted there */
	pthread_mutex_t lock;  /* guards the rest */
	unsigned refs;	       /* the one who asked, and the maker until chunk_end() */
	bool done, abandoned;
	int err;
	struct want want;
	/* For makers: somebody waits now.  Called with the lock held, before chunk_end(); NULL: that makes no
	 * difference. */
	void (*hurry)(struct chunk *c);
	void *maker; /* its own */
};

/* For makers: a chunk with two references.  NULL without memory. */
struct chunk *chunk_new(struct memory *m, struct range at);
bool chunk_abandoned(struct chunk *c);	  /* nobody waits any more: the maker may end early */
void chunk_end(struct chunk *c, int err); /* wakes; drops the maker's reference */
/* For the one who asked.  0 = data is there; PARKED; -errno. */
int chunk_wait(struct chunk *c, struct waiter *w) MUST_CHECK;
void chunk_hurry(struct chunk *c); /* it was ordered for nobody, and now somebody waits */
bool chunk_ready(struct chunk *c); /* has it come, or failed? */
/* Blocking form; -ECANCELED when stop turned true, the chunk stays valid. */
int chunk_wait_thread(struct chunk *c, const _Atomic bool *stop) MUST_CHECK;
struct chunk *chunk_free(struct chunk *c); /* NULL ok; also when under way; returns NULL */
void auto_chunk_free(struct chunk **c);

#endif
