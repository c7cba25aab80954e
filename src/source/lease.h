/* SPDX-License-Identifier: MPL-2.0 */
/* lease.h - where one dataset may be downloaded now: asked for once, shared, stored, renewed.
 *
 * A lease comes from the file that this or another mount left in lease_dir (leasefile.h), or from a
 * POST that costs one of the organization's few downloads a day.  So a POST happens only when no
 * usable lease is stored, by one mount at a time (a file lock), once after storage refused a
 * URL that had worked, and never while the daily limit is known to be reached; it is counted before
 * it is sent (ledger.h).  A URL that came from a POST of the last hour and has never worked, for this
 * mount or another one, is not replaced: a mount that is started again and again must not spend the day's
 * downloads on what another link would not mend.
 *
 * All times are the service's (servertime.h).
 *
 * Threads: any for all functions but lease_new() and lease_free().  None of them blocks, but
 * lease_free(), which waits for the end of a running POST after cancelling it.
 */
#ifndef SOURCE_LEASE_H
#define SOURCE_LEASE_H

#include "source/source.h"

struct lease;

struct lease_config {
	const struct source_env *env; /* copied; what it points to outlives the lease */
	const char *api;              /* base URL of the API; this and all below are copied */
	const char *id;               /* the dataset's id: the API takes no slug here */
	const char *kind;             /* NULL: "download"; "sample-download" has a limit of its own */
	const char *name, *page;      /* for messages */
	bool has_size;
	uint64_t size;
	const char *absent;   /* what a 404 means; NULL: that there is no such dataset */
	const char *checksum; /* the version that was mounted; "" when not known */
};

int lease_new(const struct lease_config *c, struct lease **out) MUST_CHECK;
/* End a running POST and start no other: lease_url() answers -ENOTCONN from then on.  Blocks shortly. */
void lease_stop(struct lease *l);
/* NULL ok; returns NULL.  Nobody may be parked on it.  Before the end of http and pool. */
struct lease *lease_free(struct lease *l);
/* The URL to ask now; caller frees out->url.  0; PARKED: w is woken when there is one, or with
 * the error; -EACCES (no key, refused, terms), -ENOENT (withdrawn), -EDQUOT (daily limit),
 * -ESTALE (the dataset has a new version), -EAGAIN, ...  A failed POST is repeated by a later
 * call, 10 s after it at the earliest, and after twice as long each time that it fails again. */
int lease_url(struct lease *l, struct waiter *w, struct location *out) MUST_CHECK;
/* Storage refused that generation.  0: ask lease_url() again; -EACCES: it is new and has never
 * worked, another one would not help. */
int lease_refused(struct lease *l, uint64_t generation) MUST_CHECK;
/* Storage answered to that generation.  May write a small file, once for each. */
void lease_accepted(struct lease *l, uint64_t generation);
/* Is there a key, and has a URL of this dataset ever worked, for this mount or another one?  Then there is
 * nothing that a person would have to be told before somebody reads.  Looks at a file. */
bool lease_granted(struct lease *l);
/* What the session in hand tells, after lease_url() has given a URL: its file's name (malloc'd, NULL
 * when not told) and size.  0, -ENOENT: there is none in hand, -ENOMEM. */
struct session_facts {
	char *filename;
	bool has_size;
	uint64_t size;
};
int lease_facts(struct lease *l, struct session_facts *out) MUST_CHECK;
/* One line on the last failure; "" after a success. */
void lease_trouble(struct lease *l, char out[static 512]);
/* When the URL in hand expires, seconds since 1970 by this machine's clock; 0 when there is none. */
int64_t lease_expires(struct lease *l);

#endif
