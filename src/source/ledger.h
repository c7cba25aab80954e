/* SPDX-License-Identifier: MPL-2.0 */
/* ledger.h - what was spent today of the downloads that an organization has.
 *
 * One file a day (UTC, by the service's clock), API, kind of download and key, in the directory of
 * the leases, shared by all mounts and commands of a user.  It is only ever appended to, in single
 * writes, under a lock that is waited for shortly: so neither a process that is killed nor
 * one that hangs with the lock loses a count, and a line that was torn counts as a download.
 * What is about to be asked for is written down before it is asked.
 *
 * The lines, each between line ends of its own:
 *
 *	api URL              of the API, for people
 *	post TIME ID         a download session is asked for
 *	undo TIME            that request never left this machine
 *	limit N LEFT         the service says: N downloads a day, LEFT of them left
 *	until TIME           the service says: the limit is reached until then
 *	wait TIME            the service says: no request before then
 *
 * Threads: any.  Blocks on local disk only.
 */
#ifndef SOURCE_LEDGER_H
#define SOURCE_LEDGER_H

#include "net/http.h"
#include "net/json.h"
#include "source/servertime.h"

struct ledger;

struct ledger_config {
	const char *dir;  /* NULL: this process counts for itself; this and all below are copied */
	const char *api;  /* base URL */
	const char *kind; /* "download", "sample-download": each has a limit of its own */
	const char *key;  /* of the API; NULL: nothing can be asked for */
	struct servertime *time; /* outlives the ledger */
	unsigned reserve;	 /* leave so many of the day's downloads to others */
};

/* What is known of today. */
struct ledger_day {
	unsigned posts;	      /* sessions asked for */
	unsigned limit, left; /* as told, else LEDGER_LIMIT less posts */
	bool told;	      /* the limit is the service's own word */
	int64_t until;	      /* the limit is reached until then; 0: not that we know */
	int64_t wait;	      /* no request before then; 0: at once */
	int64_t resets;	      /* next midnight UTC */
};
#define LEDGER_LIMIT 30 /* downloads a day, unless the service says something else */

int ledger_new(const struct ledger_config *c, struct ledger **out) MUST_CHECK;
struct ledger *ledger_free(struct ledger *l); /* NULL ok; returns NULL */
void ledger_look(struct ledger *l, struct ledger_day *out);
/* One more is to be asked for, of this id: counted, unless it may not be.  0; -EDQUOT: the limit is
 * reached, or what is left is reserved; -EAGAIN: the service wants to be left alone.  *day says more. */
int ledger_spend(struct ledger *l, const char *id, struct ledger_day *day) MUST_CHECK;
/* What was counted last was never sent. */
void ledger_undo(struct ledger *l);
/* The service told a limit (-1: not) and what is left of it. */
void ledger_told(struct ledger *l, int64_t limit, int64_t left);
/* ... that the limit is reached until then; that nothing is to be asked before then. */
void ledger_reached(struct ledger *l, int64_t until);
void ledger_wait(struct ledger *l, int64_t until);

/* All ledgers of today in a directory, an array of {api, kind, day, posts, limit, left, resets,
 * until}; limit and left are null where none is known, until where none is reached. */
struct json *ledger_status(const char *dir, int64_t now);
/* The sum of posts of kind "download" in it, and the least that is left (UINT64_MAX: not known). */
void ledger_sum(const struct json *status, uint64_t *posts, uint64_t *left);

#endif
