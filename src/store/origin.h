/* SPDX-License-Identifier: MPL-2.0 */
/* origin.h - one object version at its source: exact ranges of it, whatever the network does.
 *
 * A fetch locates the object (lease), sends one ranged GET, checks every reply (206, exact
 * Content-Range, total size, ETag), resumes a broken body at the byte where it broke, retries with
 * jitter until a deadline without progress, and renews a refused lease once.
 * Threads: any; data() runs on the I/O thread, done() on the pool.
 */
#ifndef STORE_ORIGIN_H
#define STORE_ORIGIN_H

#include "net/judge.h"
#include "source/source.h"
#include "store/store.h"

struct origin;

struct fetch {
	/* In.  The range is not empty; it may reach beyond the end only while the size is unknown. */
	struct range at;
	_Atomic bool demand; /* somebody waits */
	/* The bytes, in order, each once; I/O thread, must not block.  HTTP_PAUSE: none of these was
	 * taken, they come again after http_resume() of rq.  Else not 0: give up with it. */
	int (*data)(struct fetch *f, uint64_t off, const void *p, size_t n);
	/* Exactly once: 0 = every byte of the range went to data(); -ESTALE = another version is
	 * there;
	 * -EACCES, -ENOENT, -EDQUOT, -ETIMEDOUT, -EIO, -ENOTCONN.  The fetch is the caller's again. */
	void (*done)(struct fetch *f, int err);

	/* Private to origin.c */
	struct origin *origin;
	struct job job;
	struct waiter waiter;
	struct http_request rq;
	struct location loc;
	uint64_t got;
	uint64_t skip; /* bytes that come once more: a whole object that broke */
	uint64_t last_got;
	unsigned tries;
	bool renewed; /* no byte has come since the lease was renewed for it */
	int64_t since_ms;
	int64_t delay_ms;
	int failed;		    /* what data() said; 0 = nothing */
	bool probe; /* it finds out whether storage is there again */
	bool checked;		    /* the reply is of the range and version that were asked for */
	uint64_t checked_from; /* where the range of that reply begins */
	struct judge_finding found; /* what it is instead */
};

/* size, validator: of the version that must be there; UINT64_MAX and "": the first answer tells. */
int origin_new(struct store *st, struct source *s, uint64_t size, const char *validator,
	       struct origin **out) MUST_CHECK;
struct origin *origin_free(struct origin *o); /* no fetch under way; NULL ok; returns NULL */
/* From now on without ranges: every fetch begins at the first byte of the object and again there when
 * it breaks, and ends where its range does.  Before any fetch is under way. */
void origin_set_whole(struct origin *o);
bool origin_is_whole(const struct origin *o);
void origin_fetch(struct origin *o, struct fetch *f);
/* Somebody waits for it now, who did not when it was ordered.  Before its done() is called. */
void origin_hurry(struct fetch *f);
/* Is another version there?  Found out by a fetch, or by somebody who says so.  While it is, every
 * fetch ends with -ESTALE, and nobody is asked. */
bool origin_changed(const struct origin *o);
void origin_set_changed(struct origin *o, bool changed);
/* Is storage known to be out of reach (reach.h), so that fetches fail at once?  And: it is, as far as
 * one can tell beforehand. */
bool origin_absent(struct origin *o);
void origin_set_absent(struct origin *o);
uint64_t origin_size(struct origin *o); /* UINT64_MAX until the first answer */
/* The version's validator: its ETag, else its Last-Modified, else "". */
void origin_validator(struct origin *o, char out[static 256]);

#endif
