/* SPDX-License-Identifier: MPL-2.0 */
/* warmer.c - see warmer.h. */
#include "fs/warmer.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "base/log.h"

#define LOOK_MS 250
#define PIECE ((size_t)32 << 20) /* ordered at once */
#define SPARE \
	((uint64_t)64 \
	 << 20) /* of the limit, for what is on its way to the disk; others evict ahead */

struct warmer {
	struct store *st;
	struct volumes *vs;
	pthread_t thread;
	_Atomic bool stop;
	struct thread_waiter waiter;
	uint64_t brought; /* bytes of the dataset that is at it */
};

/* ---- one file ---- */

/* Bytes that there is room for without evicting what others have read. */
static uint64_t room(const struct warmer *w)
{
	uint64_t limit = w->st->opt->cache_size;
	uint64_t used = cache_used(w->st->cache) + cache_meta(w->st->cache) + MIN(SPARE, limit / 4);

	return limit == 0 ? UINT64_MAX : limit - MIN(used, limit);
}

/* Wait until woken, or look again.  0, -ECANCELED. */
static int wait(struct warmer *w)
{
	int r = thread_waiter_wait(&w->waiter, LOOK_MS);

	if (atomic_load(&w->stop))
		return -ECANCELED;
	return r == -ETIME ? 0 : r;
}

/* m: the member; NULL: the dataset's file.  0; -ENOSPC: the cache is full; -ECANCELED; -errno. */
static int bring(struct warmer *w, struct volume *v, const struct member *m, uint64_t size)
{
	uint64_t off = 0;

	while (off < size) {
		uint64_t most = room(w);
		size_t len = (size_t)MIN(MIN(size - off, PIECE), most);
		int64_t n;

		if (atomic_load(&w->stop))
			return -ECANCELED;
		if (len == 0)
			return -ENOSPC;
		w->waiter.w.reads_on = most > 8 * PIECE; /* nobody counts what is read ahead */
		n = m ? archive_pread(v->archive, m, NULL, len, off, &w->waiter.w)
		      : reader_pread(v->raw, NULL, len, off, &w->waiter.w);
		if (n == PARKED)
			n = wait(w);
		if (n < 0)
			return (int)n;
		off += (uint64_t)n;
		w->brought += (uint64_t)n;
	}
	return 0;
}

/* ---- one dataset ---- */

/* Run its pass to the end; it brings what it decodes.  0, -ECANCELED. */
static int settle(struct warmer *w, struct archive *a)
{
	archive_read_all(a);
	while (!archive_settled(a)) {
		int r = wait(w);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Rows are numbered one after the other, in archive order. */
static int bring_members(struct warmer *w, struct volume *v)
{
	int r = settle(w, v->archive);

	for (uint64_t id = 1; r == 0; id++) {
		AUTO(member_free) struct member m = { 0 };

		r = archive_get(v->archive, id, &m);
		if (r == -ENOENT)
			return 0;
		if (r == 0 && S_ISREG(m.mode))
			r = bring(w, v, &m, m.size);
		if (r < 0 && r != -ENOSPC && r != -ECANCELED && r != -ENOTCONN && r != -ENOMEM)
			r = 0; /* this one cannot be read; it was said by who noticed */
	}
	return r;
}

/* 0: go on with the next one. */
static int warm(struct warmer *w, struct volume *v)
{
	const char *name = v->dataset->filename;
	int r;

	w->brought = 0;
	r = v->archive ? bring_members(w, v) : bring(w, v, NULL, v->raw->size);
	if (r == 0)
		log_info("%s: warm, %llu bytes", name, (unsigned long long)w->brought);
	else if (r == -ENOSPC)
		log_info("%s: the cache is full, %llu bytes of it are warm", name,
			 (unsigned long long)w->brought);
	else if (r != -ECANCELED)
		(void)log_warn(r, "%s: %llu bytes are warm, the others are left", name,
			       (unsigned long long)w->brought);
	return r == -ENOSPC || r == -ECANCELED ? r : 0;
}

static void *run(void *arg)
{
	struct warmer *w = arg;
	unsigned done = 0;
	int r = 0;

	/* Datasets may come as they are looked up. */
	while (r == 0)
		r = done < volumes_count(w->vs) ? warm(w, volumes_at(w->vs, done++)) : wait(w);
	return NULL;
}

int warmer_start(struct store *st, struct volumes *vs, struct warmer **out)
{
	struct warmer *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->st = st;
	w->vs = vs;
	thread_waiter_init(&w->waiter);
	w->waiter.w.patient = true;
	r = -pthread_create(&w->thread, NULL, run, w);
	if (r < 0) {
		thread_waiter_destroy(&w->waiter);
		free(w);
		return log_error(r, "nothing is warmed");
	}
	*out = w;
	return 0;
}

struct warmer *warmer_stop(struct warmer *w)
{
	if (!w)
		return NULL;
	atomic_store(&w->stop, true);
	pthread_join(w->thread, NULL);
	thread_waiter_destroy(&w->waiter);
	free(w);
	return NULL;
}
