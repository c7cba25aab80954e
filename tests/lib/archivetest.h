/* SPDX-License-Identifier: MPL-2.0 */
/* archivetest.h - for tests: an archive in memory behind a make-believe storage that counts its
 * requests and answers from another thread, with a real pool, memory, cache and index in a
 * scratch directory. */
#ifndef TESTS_ARCHIVETEST_H
#define TESTS_ARCHIVETEST_H

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "archive/archive.h"
#include "store/blocks.h"

struct rig {
	struct reader reader;
	struct options opt;
	struct store st;
	struct archive *a;
	struct blocks *raw;
	const unsigned char *bytes;
	uint64_t cache_bytes; /* limit of the cache; 0: 1 GiB.  Set before rig_open() */
	_Atomic unsigned requests;
	_Atomic uint64_t fetched; /* bytes */
	_Atomic int broken; /* storage answers with this error */
};

/* One request on its way. */
struct rig_request {
	struct job job;
	struct rig *rig;
	struct range at;
	struct chunk *chunk; /* NULL: blocks */
};

static inline void rig_deliver_blocks(struct rig_request *q)
{
	struct rig *g = q->rig;

	for (uint64_t off = q->at.from; off < q->at.to; off += BLOCK_SIZE) {
		struct block *b = g->broken ? NULL : blocks_make(g->raw);

		if (!b) {
			blocks_fail(g->raw, off >> BLOCK_SHIFT, g->broken ? g->broken : -ENOMEM);
			continue;
		}
		b->len = (uint32_t)MIN(BLOCK_SIZE, q->at.to - off);
		memcpy(b->data, g->bytes + off, b->len);
		blocks_put(g->raw, off >> BLOCK_SHIFT, b);
	}
}

static inline void rig_deliver(struct job *j)
{
	struct rig_request *q = container_of(j, struct rig_request, job);

	if (q->chunk && !q->rig->broken)
		memcpy(q->chunk->data, q->rig->bytes + q->at.from, range_len(q->at));
	if (q->chunk)
		chunk_end(q->chunk, q->rig->broken);
	else
		rig_deliver_blocks(q);
	free(q);
}

static inline void rig_ask(struct rig *g, struct range at, struct chunk *c)
{
	struct rig_request *q = calloc(1, sizeof(*q));

	if (!q)
		return;
	*q = (struct rig_request){ .job.run = rig_deliver, .rig = g, .at = at, .chunk = c };
	g->requests++;
	g->fetched += range_len(at);
	pool_submit(g->st.pool, &q->job, JOB_IDLE);
}

static inline void rig_fill(void *arg, uint64_t first, uint32_t n, bool demand)
{
	struct rig *g = arg;

	(void)demand;
	rig_ask(g,
		(struct range){ first << BLOCK_SHIFT,
				MIN((first + n) << BLOCK_SHIFT, g->reader.size) },
		NULL);
}

static inline int64_t rig_pread(struct reader *r, void *buf, size_t len, uint64_t off,
				struct waiter *w)
{
	return blocks_pread(container_of(r, struct rig, reader)->raw, buf, len, off, w);
}

static inline int rig_chunk(struct reader *r, struct range at, bool demand, struct chunk **out)
{
	*out = chunk_new(r->memory, at);
	(void)demand;
	if (!*out)
		return -ENOMEM;
	rig_ask(container_of(r, struct rig, reader), at, *out);
	return 0;
}

/* Open bytes as the archive called filename.  dir keeps the index; cached: the cache as well.  What
 * g->opt says already is kept. */
static inline void rig_open(struct rig *g, const void *bytes, size_t n, const char *filename,
			    const char *dir, bool cached)
{
	static const struct reader_ops ops = { rig_pread, rig_chunk };
	static const struct blocks_ops raw_ops = { .fill = rig_fill };
	struct cache_config cc = { .dir = dir,
				   .max_bytes =
					   g->cache_bytes ? g->cache_bytes : (uint64_t)1 << 30 };
	struct blocks_config bc = { .identity = "0123456789abcdef",
				    .layer = "raw",
				    .size = n,
				    .fill_max = 64,
				    .ops = &raw_ops,
				    .arg = g };
	struct archive_config ac = {
		.st = &g->st, .raw = &g->reader, .filename = filename, .dir = dir, .checksum = ""
	};

	g->bytes = bytes;
	g->reader = (struct reader){ .ops = &ops, .size = n, .identity = bc.identity };
	g->opt.memory = g->opt.read_ahead = (uint64_t)64 << 20;
	g->opt.connections = 4;
	g->st.opt = &g->opt;
	assert_int_equal(pool_new(3, &g->st.pool), 0);
	assert_int_equal(memory_new(g->opt.memory, &g->st.memory), 0);
	g->reader.memory = g->st.memory;
	if (cached)
		assert_int_equal(cache_open(&cc, &g->st.cache), 0);
	bc.memory = g->st.memory;
	bc.cache = g->st.cache;
	assert_int_equal(blocks_new(&bc, &g->raw), 0);
	assert_int_equal(archive_new(&ac, &g->a), 0);
}

static inline void rig_close(struct rig *g)
{
	archive_stop(g->a);
	g->st.pool = pool_free(g->st.pool);
	archive_free(g->a);
	blocks_free(g->raw);
	cache_close(g->st.cache);
	memory_free(g->st.memory);
	*g = (struct rig){ 0 };
}

static inline int rig_wait(struct thread_waiter *t)
{
	int r = thread_waiter_wait(t, 60000);

	assert_int_not_equal(r, -ETIMEDOUT);
	return r;
}

/* archive_lookup() along a path of plain names. */
static inline int rig_find(struct rig *g, const char *path, struct member *out)
{
	struct thread_waiter t;
	uint64_t dir = INDEX_ROOT;
	int r = 0;

	thread_waiter_init(&t);
	for (size_t len; *path && r == 0; path += len + (path[len] == '/')) {
		char name[256] = "";

		len = strcspn(path, "/");
		memcpy(name, path, len);
		while ((r = archive_lookup(g->a, dir, name, &t.w, out)) == PARKED)
			(void)rig_wait(&t);
		dir = r == 0 ? out->id : 0;
		if (r == 0 && path[len] == '/')
			member_free(out);
	}
	thread_waiter_destroy(&t);
	return r;
}

static inline int64_t rig_read(struct rig *g, const struct member *m, void *buf, size_t len,
			       uint64_t off)
{
	struct thread_waiter t;
	int64_t n;
	int r = 0;

	thread_waiter_init(&t);
	while (r == 0 && (n = archive_pread(g->a, m, buf, len, off, &t.w)) == PARKED)
		r = rig_wait(&t);
	thread_waiter_destroy(&t);
	return r < 0 ? r : n;
}

static inline int rig_readlink(struct rig *g, const struct member *m, char **out)
{
	struct thread_waiter t;
	int r, e = 0;

	thread_waiter_init(&t);
	while ((r = archive_readlink(g->a, m, &t.w, out)) == PARKED && e == 0)
		e = rig_wait(&t);
	thread_waiter_destroy(&t);
	return e < 0 ? e : r;
}

static inline int rig_listing(struct rig *g)
{
	struct thread_waiter t;
	int r;

	thread_waiter_init(&t);
	while ((r = archive_listing(g->a, &t.w)) == PARKED)
		(void)rig_wait(&t);
	thread_waiter_destroy(&t);
	return r;
}

static inline int rig_remove(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static inline void rig_scratch(char dir[static 64])
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, 64, "%.40s/mdcfs-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
}

static inline void rig_clean(const char *dir)
{
	nftw(dir, rig_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
