/* SPDX-License-Identifier: MPL-2.0 */
/* wait.h - answer now or park: the one way to wait for something in this program.
 *
 * A `want` is something that may arrive: a block, a member, a lease.  A `waiter` is
 * somebody who needs it: a FUSE request, a job, a thread.  A function that cannot
 * answer yet starts what is missing, parks the waiter on the want and returns PARKED,
 * which everything above passes up.  When the want is woken the waiter's wake() is
 * called and the whole request is run again from its start.
 *
 * Protocol: the owner of a want looks at its own state and calls want_park() under its
 * own lock; the completer changes that state under the same lock and calls
 * want_wake() afterwards.  So nothing is ever lost between the look and the park.
 *
 * Threads: any.  One lock inside, a leaf: wake() is called with it held, must not block,
 * and must not call into this module.
 */
#ifndef BASE_WAIT_H
#define BASE_WAIT_H

#include <errno.h>

#include "base/list.h"

#define PARKED (-EINPROGRESS) /* not an error: run again when woken */

struct want {
	struct list waiters;
};

struct waiter {
	void (*wake)(struct waiter *w);
	struct list link; /* in the want's list while parked */
	bool parked;
	bool reads_on;     /* of what is only brought: what comes next is wanted too.  Its owner's */
	bool patient; /* may be let wait for memory; nobody waits for what it holds.  Its owner's */
	int err;      /* set by the waker: 0, or why there is no use in running again */
	int64_t parked_ms; /* clock_ms() of the last park */
};

void want_init(struct want *n);
bool want_empty(struct want *n);
/* Park w (which must not be parked) on n.  Always returns PARKED. */
int want_park(struct want *n, struct waiter *w);
/* Wake everybody on n with err (0 or -errno).  n may be freed afterwards. */
void want_wake(struct want *n, int err);
/* The same for the first `max` of them. */
void want_wake_some(struct want *n, size_t max, int err);

void waiter_init(struct waiter *w, void (*wake)(struct waiter *w));
/* Unpark w with err and wake it; false when it was not parked (its wake is on the way). */
bool waiter_cancel(struct waiter *w, int err);
/* The error of the last wake, once: it is 0 afterwards. */
int waiter_take_error(struct waiter *w);

/* A condition that waits by the monotonic clock: setting the time does not stretch it. */
void cond_init(pthread_cond_t *c);
/* pthread_cond_wait() for at most ms milliseconds; true when the time is over. */
bool cond_wait_ms(pthread_cond_t *c, pthread_mutex_t *lock, int64_t ms);

/* A waiter for a thread that may block: pass runs, commands, libarchive's callbacks. */
struct thread_waiter {
	struct waiter w;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool woken;
};
void thread_waiter_init(struct thread_waiter *t);
void thread_waiter_destroy(struct thread_waiter *t);
/* Block until woken or timeout_ms passed (-1: no limit).  The waker's err, or -ETIME when the time
 * is over (t is no longer parked then; a waker's -ETIMEDOUT is another thing). */
int thread_waiter_wait(struct thread_waiter *t, int64_t timeout_ms) MUST_CHECK;

#endif
