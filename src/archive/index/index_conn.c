/* SPDX-License-Identifier: MPL-2.0 */
/* index_conn.c - the connections of all indexes to their files.
 *
 * A reader takes one that rests, or opens one, and gives it back.  How many rest is bounded for
 * each index and for all of them together: a mount may have tens of thousands of indexes open, and
 * each connection has files open and some hundred kilobytes of memory.  The writer's connection is
 * its own, and is there only while there is something to write.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "archive/index/index_copy.h"
#include "archive/index/index_rows.h"

#define RESTING_EACH 8u	 /* of one index */
#define RESTING_MAX 256u /* of all, fewer where few files may be open: */
#define FILES_SHARE 16u	 /* of them one connection may rest; it has three */

static struct {
	pthread_mutex_t lock; /* guards what follows, and `idle` and `n_idle` of every index */
	struct list all;      /* struct sql, the one that has rested longest first */
	unsigned n;
	unsigned max; /* 0: not known yet */
} resting = { PTHREAD_MUTEX_INITIALIZER, { &resting.all, &resting.all }, 0, 0 };

static unsigned max_locked(void)
{
	struct rlimit l;

	if (resting.max == 0)
		resting.max = getrlimit(RLIMIT_NOFILE, &l) == 0
				      ? (unsigned)MIN(l.rlim_cur / FILES_SHARE, RESTING_MAX)
				      : RESTING_MAX;
	return MAX(resting.max, RESTING_EACH);
}

static void remove_locked(struct sql *c)
{
	struct index *x = c->home;

	list_remove(&c->link);
	list_remove(&c->resting);
	x->n_idle--;
	resting.n--;
}

struct sql *index_take(struct index *x)
{
	struct sql *c = NULL;
	const char *path;
	unsigned place;

	pthread_mutex_lock(&resting.lock);
	if (!list_empty(&x->idle)) {
		c = list_entry(x->idle.next, struct sql, link);
		remove_locked(c);
	}
	path = x->path; /* stays until the index is closed */
	place = x->place;
	pthread_mutex_unlock(&resting.lock);
	if (c)
		return c;
	if (sql_open(path, x->frozen ? SQL_FROZEN : SQL_READ, &c) < 0)
		return NULL;
	c->place = place;
	return c;
}

void index_give_back(struct index *x, struct sql *c)
{
	struct sql *gone = NULL;

	if (!c)
		return;
	c->home = x;
	pthread_mutex_lock(&resting.lock);
	if (c->place != x->place) {
		pthread_mutex_unlock(&resting.lock);
		sql_close(c);
		return;
	}
	list_insert(x->idle.next, &c->link); /* the warmest first */
	list_push(&resting.all, &c->resting);
	x->n_idle++;
	resting.n++;
	if (x->n_idle > RESTING_EACH)
		gone = list_entry(x->idle.prev, struct sql, link);
	else if (resting.n > max_locked())
		gone = list_entry(resting.all.next, struct sql, resting);
	if (gone)
		remove_locked(gone);
	pthread_mutex_unlock(&resting.lock);
	if (gone) /* somebody waits for us, and soon for the next on a walk through thousands */
		sql_keep_short_log(gone);
	sql_close(gone);
}

void index_disconnect(struct index *x)
{
	struct sql *c;

	do {
		c = NULL;
		pthread_mutex_lock(&resting.lock);
		if (!list_empty(&x->idle)) {
			c = list_entry(x->idle.next, struct sql, link);
			remove_locked(c);
		}
		pthread_mutex_unlock(&resting.lock);
		sql_close(c);
	} while (c);
	index_rest(x);
}

int index_connect_writer(struct index *x)
{
	if (x->frozen)
		return -EROFS;
	x->open_error = x->writer ? 0 : sql_open(x->path, SQL_WRITE, &x->writer);
	return x->open_error;
}

const char *index_file(struct index *x)
{
	LOCK_SCOPE(&resting.lock);
	return x->path;
}

int index_write_error(struct index *x)
{
	return x->writer ? x->writer->error : x->open_error;
}

int index_move(struct index *x, const char *path)
{
	AUTO(auto_free) char *to = strdup(path);
	struct sql *writer = NULL;
	int r = to ? 0 : -ENOMEM;

	if (x->former)
		return -EEXIST;
	if (r == 0)
		r = index_copy_out(x->path, path);
	if (r == 0)
		r = sql_open(path, SQL_WRITE, &writer);
	if (r == 0)
		r = sql_schema(writer);
	if (r < 0) {
		sql_close(writer);
		return r;
	}
	pthread_mutex_lock(&resting.lock);
	x->former = x->path;
	x->path = steal(&to);
	x->place++;
	pthread_mutex_unlock(&resting.lock);
	index_disconnect(x);
	x->writer = writer;
	return 0;
}

void index_rest(struct index *x)
{
	x->writer = sql_close(x->writer);
}
