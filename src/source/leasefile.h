/* SPDX-License-Identifier: MPL-2.0 */
/* leasefile.h - the lease of one dataset as it lies on disk, shared by all mounts and commands of a
 * user: lease_dir/HASH.json is the session, HASH.proven says that its URL has worked, HASH.lock and
 * HASH.lock2 are for who asks for another.
 *
 * Reading needs no lock: files come by rename.  The lock is advisory and falls with its holder.  For
 * a holder that hangs there is a second lock: who has waited for the first one long enough takes that,
 * and so the renewal is still made by one alone.
 * Threads: one at a time for each struct leasefile; blocks on local disk only.
 */
#ifndef SOURCE_LEASEFILE_H
#define SOURCE_LEASEFILE_H

#include "source/session.h"

struct leasefile;

#define LEASEFILE_LOCKS 2

/* Of the session that a POST to this URL makes; dir is made when it is not there.  0 or -errno. */
int leasefile_new(const char *dir, const char *post_url, struct leasefile **out) MUST_CHECK;
struct leasefile *leasefile_free(struct leasefile *f); /* NULL ok; unlocks; returns NULL */
/* 0, -ENOENT, -EBADMSG; *proven: its URL is known to have worked. */
int leasefile_read(struct leasefile *f, int64_t now, struct session *out, bool *proven) MUST_CHECK;
int leasefile_write(struct leasefile *f, const struct session *s) MUST_CHECK;
/* Remove what is there when it still holds this URL. */
void leasefile_drop(struct leasefile *f, int64_t now, const char *url);
/* The URL of the session that was issued then has worked.  Any thread. */
void leasefile_prove(struct leasefile *f, const char *url, int64_t issued);
/* Has a URL of these sessions ever worked? */
bool leasefile_proven(const struct leasefile *f);
/* Take lock n (0 first).  0; -EWOULDBLOCK: another process has it; -errno: there can be none. */
int leasefile_lock(struct leasefile *f, unsigned n) MUST_CHECK;
void leasefile_unlock(struct leasefile *f);

#endif
