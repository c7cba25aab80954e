/* SPDX-License-Identifier: MPL-2.0 */
/* pool.h - a small pool of threads that inflate, hash, write the cache and run parked
 * requests again.  A job is embedded in its owner's struct; it may be submitted again
 * once its run() has begun.  Jobs do not wait for the network or for other jobs: they
 * park (wait.h) and are submitted again.
 *
 * Better classes go first, but a class that has been passed over a few times gets a turn: whoever
 * keeps the pool busy for minutes does not stop the others.
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/list.h"

enum job_class {
	JOB_REPLY,  /* somebody's answer is ready: first */
	JOB_DEMAND, /* somebody waits for what this makes */
	JOB_PASS,   /* the one reading of an archive: much work, for those who wait at its front */
	JOB_IDLE,   /* read-ahead, cache writes */
	JOB_CLASSES
};

struct job {
	struct list link;
	void (*run)(struct job *j);
};

struct pool;

/* Start n threads (n > 0).  0 or -errno. */
int pool_new(unsigned n, struct pool **out) MUST_CHECK;
/* Run every job that was submitted, then end the threads.  NULL ok; returns NULL. */
struct pool *pool_free(struct pool *p);
/* Queue j; it must not be queued already.  Never blocks; may be called from a wake(). */
void pool_submit(struct pool *p, struct job *j, enum job_class class);
/* If j is queued, queue it in this class instead; it must have been submitted once, or be zero. */
void pool_raise(struct pool *p, struct job *j, enum job_class class);

#endif
