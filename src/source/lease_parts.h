/* SPDX-License-Identifier: MPL-2.0 */
/* lease_parts.h - what lease.c and lease_fetch.c share; private to them.
 *
 * lease.c is what others call; lease_fetch.c is how a lease comes about, in steps.
 * Lock order: lease > http, pool, want, servertime.
 */
#ifndef SOURCE_LEASE_PARTS_H
#define SOURCE_LEASE_PARTS_H

#include "base/buf.h"
#include "source/api.h"
#include "source/lease.h"
#include "source/leasefile.h"
#include "source/ledger.h"

#define LEASE_ANSWER_MAX 65536

struct lease {
	struct source_env env;
	char *name, *page, *id, *post_url;
	struct api_subject subject; /* points to these and to the options' key */
	bool has_size;
	uint64_t size;
	char checksum[DIGEST_HEX];
	struct leasefile *file; /* NULL: nothing is kept */
	struct ledger *ledger;

	pthread_mutex_t lock; /* guards all below, down to the fetch's own */
	pthread_cond_t cond;  /* closing, or active has dropped */
	struct session session;
	bool ready;	      /* session holds a URL that storage has not refused */
	bool unproven;	      /* storage has not answered to it yet, as far as is known */
	uint64_t generation;  /* of session; 0 = there was none yet */
	char *refused_url;    /* not to be taken from the file again */
	int err;	      /* what lease_url() answers until err_until_ms */
	int64_t err_until_ms; /* of clock_ms() */
	int64_t limit_until;  /* no download is left before this second */
	unsigned failures;    /* in a row */
	char trouble[512];
	struct want want;
	bool fetching, in_flight, closing;
	unsigned active; /* fetches whose last step has not returned */

	/* The fetch's own: touched by the step that runs, one at a time. */
	struct job job;
	struct http_request q;
	struct buf body;
	unsigned tries;
	int64_t begun_ms;
};

static inline int64_t lease_now(const struct lease *l)
{
	return servertime_now(l->env.time);
}

/* The handlers of l->q. */
int lease_fetch_body(struct http_request *q, const void *p, size_t n);
void lease_fetch_done(struct http_request *q);
/* The first step, as a pool job; the last one wakes l->want. */
void lease_fetch_begin(struct job *j);

#endif
