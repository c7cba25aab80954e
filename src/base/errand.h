/* SPDX-License-Identifier: MPL-2.0 */
/* errand.h - something that takes its time, done for whoever needs it first, in a thread that may block.
 *
 * A request that needs it parks (wait.h); everybody else who needs it meanwhile parks beside it.  What
 * was done stays done.  What failed is not tried again for a while, and whoever needs it meanwhile
 * gets that error at once.
 *
 * Threads: any, but errands_free().
 */
#ifndef BASE_ERRAND_H
#define BASE_ERRAND_H

#include "base/wait.h"

struct errands; /* the threads that do them */

struct errand {
	/* Blocks as long as it needs to, which must have an end.  0, or -errno and in *hold_ms how
	 * long that stands (1 s at least, which it is preset to). */
	int (*run)(struct errand *e, int64_t *hold_ms);

	/* Private to errand.c, guarded by its lock */
	struct list link;
	struct want want;
	bool under_way, done;
	int err;
	int64_t until_ms; /* of clock_ms(): err stands */
};

/* At most so many threads, which are started when there is something to do. */
int errands_new(unsigned threads, struct errands **out) MUST_CHECK;
/* Begin nothing more: whoever needs something now, or waits for what was not begun, gets -ENOTCONN.
 * NULL ok. */
void errands_end(struct errands *es);
/* errands_end(), then wait for what was begun.  NULL ok; returns NULL. */
struct errands *errands_free(struct errands *es);

void errand_init(struct errand *e, int (*run)(struct errand *e, int64_t *hold_ms));
/* 0: it is done; PARKED: w is woken when that is known; -errno: it failed. */
int errand_need(struct errands *es, struct errand *e, struct waiter *w) MUST_CHECK;
/* As errand_need() without beginning it.  1: it is not known. */
int errand_state(struct errands *es, const struct errand *e) MUST_CHECK;
/* May e be freed: nobody does it, waits for it or will come to it? */
bool errand_idle(struct errands *es, const struct errand *e);

#endif
