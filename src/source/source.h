/* SPDX-License-Identifier: MPL-2.0 */
/* source.h - who has the bytes of a dataset, and where to ask for them now.
 *
 *   SLUG, ID, mdc:SLUG     a Mozilla Data Collective dataset (mdc.c): presigned URLs, leases
 *   https://..., http://.. any file behind a server that answers ranges (link.c)
 *   a path with a "/"      a local file (local.c)
 *
 * Opening blocks and asks for metadata only; it never costs quota.  Locating may park.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdatomic.h>

#include "base/digest.h"
#include "base/options.h"
#include "base/pool.h"
#include "base/wait.h"
#include "net/http.h"
#include "source/servertime.h"

/* What every source works with; outlives all of them.  Borrowed. */
struct source_env {
	struct http *http;
	struct pool *pool;
	const struct options *opt;
	const char *state_dir; /* details/ is kept below; NULL: nothing is kept */
	const char *lease_dir; /* leases and ledgers, of all mounts of the user; NULL: not kept */
	struct servertime *time;
	/* Until then (clock_ms()) the API is taken to be out of reach by those who can do without it; NULL:
	 * each finds out for himself. */
	_Atomic int64_t *api_down_ms;
};

/* What is known of a dataset without touching its bytes.  Immutable once opened. */
struct dataset {
	char *slug;        /* directory name in the mount; path-safe */
	char *id;          /* "" when there is none */
	char *name;        /* for people */
	char *filename;    /* path-safe */
	char *page;        /* web page for people, "" when none */
	char *details;     /* dataset.json: the API's answer as received, pretty-printed */
	char *readme;      /* README.md: name, licence, size, description, page */
	bool has_size;
	uint64_t size;
	char checksum[DIGEST_HEX]; /* SHA-256 of the file, "" when not known */
	int64_t mtime;     /* seconds since 1970 */
};

struct source;

/* Resolve spec.  0; else -errno and one clear line in why that says what to do:
 * -ENOENT unknown dataset, -EACCES no key / refused (with the page), -EHOSTUNREACH, ...
 * When the API cannot be reached, details kept from an earlier time are used (logged). */
int source_open(const struct source_env *env, const char *spec, struct source **out,
		char why[static 512]) MUST_CHECK;
/* Does the dataset still have the version that was opened, as far as whoever describes it knows?
 * Asks again, and never costs quota.  Blocks, for 15 s at most.  0: it has; -EOPNOTSUPP: nobody
 * but its bytes can tell; -ESTALE: it has another one, with one line in why; else why that could
 * not be told. */
int source_check(struct source *s, char why[static 512]) MUST_CHECK;
/* Is there somebody to ask (source_check), so that bytes may be had without source_path() too? */
bool source_described(const struct source *s);
/* Is the local file that is read instead of asking anybody what it should be?  Hashes it once, with low
 * priority; blocks for as long as that takes, or until stop turns true.  0: yes, or there is
 * nothing to verify; -ESTALE: no (logged), and it is not used when the source is opened again;
 * else it could not be told. */
int source_verify(struct source *s, const _Atomic bool *stop) MUST_CHECK;
/* Was nobody there to describe it, so that what was kept from an earlier time had to do? */
bool source_recalled(const struct source *s);
/* What it says of itself in Croissant (JSON-LD), malloc'd.  Blocks, for 3 s at most; costs no
 * quota, and is kept for an hour.  0; -ENOENT: there is no such description; else -errno and one
 * line in why. */
int source_describe(struct source *s, char **text, char why[static 512]) MUST_CHECK;
/* Its sample, an object of its own: see sample.h.  May cost one of the day's samples. */
int source_open_sample(struct source *s, struct source **out, char why[static 512]) MUST_CHECK;
/* Can it have either at all? */
bool source_has_extras(const struct source *s);
/* End what is under way (it fails with -ENOTCONN) and start nothing new; blocks shortly.  While
 * http and pool still run; the source stays valid. */
void source_stop(struct source *s);
struct source *source_close(struct source *s); /* NULL ok; returns NULL */

const struct dataset *source_dataset(const struct source *s); /* borrowed */
/* "mdc", "link", "local": with id (or redacted URL, or path) and checksum it makes the identity. */
const char *source_scheme(const struct source *s);
/* What names the object apart from its version: API origin and id; URL without query; real path. */
const char *source_key(const struct source *s);
/* The local file to read instead of asking anybody: a local source, or a finished download of
 * the official client with the right size.  NULL otherwise; borrowed. */
const char *source_path(const struct source *s);

struct location {
	char *url;           /* caller frees; secret: never print it but through url_redact() */
	uint64_t generation; /* of the lease; for source_refused() */
	const char *bearer;  /* the key to send along, or NULL; borrowed from the options.  Then a
				401, 403, 404 or 410 is about the session, not about the bytes; and
				the URL's path is secret too. */
};
/* Where to ask now.  0; PARKED (w is woken when there is a lease or none is to be had);
 * -EACCES (no key, terms, 401), -ENOENT (withdrawn), -EDQUOT (daily limit: see the log), ...
 * Costs quota when no valid lease is stored.  Any thread. */
int source_locate(struct source *s, struct waiter *w, struct location *out) MUST_CHECK;
/* Storage refused the URL of that generation.  0: locate again, a new lease is made (once);
 * -EACCES: refused right after a renewal, no use in going on. */
int source_refused(struct source *s, uint64_t generation) MUST_CHECK;
/* Storage answered with this URL: a later refusal may renew again. */
void source_accepted(struct source *s, uint64_t generation);
/* Storage's answer bore this Date (seconds since 1970; 0: none). */
void source_date(struct source *s, int64_t date);
/* When the location in hand expires, seconds since 1970; 0: there is none, or never. */
int64_t source_expires(struct source *s);
/* Is it known from an earlier time that source_locate() will have an answer, so that nobody need ask before
 * there is something to read? */
bool source_granted(struct source *s);
/* Why source_locate() failed last, one line for people, which was logged then; "" when it did not.
 * Copies to out. */
void source_trouble(struct source *s, char out[static 512]);

#endif
