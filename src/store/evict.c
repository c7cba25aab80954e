/* SPDX-License-Identifier: MPL-2.0 */
/* evict.c - see evict.h. */
#include "store/evict.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stats.h"
#include "store/cache.h"

#define TARGETS_MAX 262144u /* layers looked at; more are left alone */
#define LIST_MS 10000	    /* a list of the layers is used so long */
#define LAPS_MAX 5	    /* the part before the start, three degrees of heat, and the end */
#define VICTIMS_MS 5000	    /* between two looks at whole objects */
#define META_PART 4	    /* of the limit is for what is no data, of objects that nobody uses */
#define SPARE_PART 64	    /* of what is cached is freed beyond what is needed */
#define SPARE_MAX ((uint64_t)4 << 20)
#define BATCH_MAX ((uint64_t)64 << 20)

/* A layer: "objects/<identity>/<layer>", without suffix. */
struct target {
	uint64_t key; /* order of the clock: a hash of identity and layer */
	char *path;
	size_t object; /* where in path the identity begins; it ends before the last slash */
};

struct targets {
	struct target *at;
	size_t n, cap;
};

struct evict {
	struct objects *objects;
	struct usage *usage;
	bool holes;
	pthread_mutex_t lock; /* guards all below; held over the eviction's disk I/O on purpose */
	struct targets list;  /* sorted by key */
	int64_t listed_ms, victims_ms; /* when the last look was */
	bool listed;
};

/* One layer while the hand is in it. */
struct sweep {
	struct usage *usage;
	struct blockmap *map;
	int fd;
	bool progress; /* something was freed or cooled: another lap makes sense */
};

/* -- the layers of the directory -- */

static uint64_t target_key(const char *path)
{
	size_t n = strlen(path);

	return (uint64_t)crc32c(0, path, n) << 32 | crc32c(0, path + n / 2, n - n / 2);
}

/* The key ignores what is above "objects", so that it is the same under another mount point. */
static int target_add(void *arg, const char *identity, const char *path)
{
	size_t len = strlen(path) - strlen(".data"), object;
	struct targets *t = arg;
	char *copy;

	if (t->n == TARGETS_MAX)
		return 0;
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 64;
		struct target *p = realloc(t->at, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		t->at = p;
		t->cap = cap;
	}
	copy = strndup(path, len);
	if (!copy)
		return -ENOMEM;
	object = (size_t)(strrchr(copy, '/') - copy) - strlen(identity);
	t->at[t->n++] = (struct target){ target_key(copy + object), copy, object };
	return 0;
}

static bool target_pinned(struct objects *o, const struct target *t)
{
	const char *identity = t->path + t->object;
	AUTO(auto_free) char *copy = strndup(identity, strcspn(identity, "/"));

	return !copy || objects_pinned(o, copy);
}

static void targets_free(struct targets *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->at[i].path);
	free(t->at);
	*t = (struct targets){ NULL, 0, 0 };
}

static int by_key(const void *a, const void *b)
{
	const struct target *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

static void list_layers_locked(struct evict *e)
{
	targets_free(&e->list);
	if (objects_each_layer(e->objects, target_add, &e->list) < 0)
		debug(cache, "the list of layers is incomplete");
	if (e->list.n > 0)
		qsort(e->list.at, e->list.n, sizeof(*e->list.at), by_key);
	e->listed_ms = clock_ms();
	e->listed = true;
}

/* -- one layer -- */

static int punch(int fd, uint64_t blk)
{
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)(blk * BLOCK_SIZE),
		      BLOCK_SIZE) < 0)
		return -errno;
	return 0;
}

/* Is all of the block's data there?  What was cut or punched by others had been counted before, or it
 * had not: nobody knows. */
static bool is_whole(int fd, uint64_t blk, uint32_t len)
{
	off_t from = (off_t)(blk * BLOCK_SIZE);

	return lseek(fd, from, SEEK_DATA) == from && lseek(fd, from, SEEK_HOLE) >= from + len;
}

uint64_t evict_block(struct usage *u, struct blockmap *m, int fd, uint64_t blk,
		     const struct block_record *b)
{
	uint64_t ticket, n = usage_round(b->len);
	bool whole;
	int r;

	if (blockmap_take(m, blk, b, usage_epoch(u), &ticket) < 0)
		return 0;
	whole = is_whole(fd, blk, b->len);
	r = punch(fd, blk);
	blockmap_release(m, blk, ticket);
	if (r < 0 || !whole) {
		usage_doubt(u); /* still counted, though no longer to be had: to be on the safe side */
		return 0;
	}
	usage_release(u, n);
	return n;
}

/* Data, but no record: a crash came between the two, or this is being written just now, which
 * the next epoch will tell. */
static void punch_stray(struct sweep *s, uint64_t blk)
{
	uint64_t ticket;

	usage_doubt(s->usage);
	if (blockmap_claim(s->map, blk, usage_epoch(s->usage), &ticket) < 0)
		return;
	if (punch(s->fd, blk) == 0)
		s->progress = true;
	blockmap_release(s->map, blk, ticket);
}

/* Let the hand pass over one block; only what touches data needs the gate. */
static uint64_t visit(struct sweep *s, uint64_t blk)
{
	struct block_record b = { 0, 0, 0 };
	enum block_state state = blockmap_get(s->map, blk, &b);
	uint64_t freed = 0;

	if (state == BLOCK_VALID && blockmap_cool(s->map, blk, &b)) {
		s->progress = true;
		return 0;
	}
	if (usage_enter(s->usage) < 0)
		return 0;
	if (state == BLOCK_VALID)
		freed = evict_block(s->usage, s->map, s->fd, blk, &b);
	else
		punch_stray(s, blk);
	usage_leave(s->usage);
	if (freed > 0) {
		s->progress = true;
		stats_inc(cache_evictions);
	}
	return freed;
}

/* The next blocks from blk on that have data: [*blk, *end).  False at the end of the file. */
static bool next_extent(int fd, uint64_t *blk, uint64_t *end)
{
	off_t from, to;

	if (*blk >= BLOCKMAP_MAX)
		return false;
	from = lseek(fd, (off_t)(*blk * BLOCK_SIZE), SEEK_DATA);
	if (from < 0)
		return false;
	to = lseek(fd, from, SEEK_HOLE);
	if (to <= from)
		return false;
	*blk = (uint64_t)from / BLOCK_SIZE;
	*end = MIN(((uint64_t)to + BLOCK_SIZE - 1) / BLOCK_SIZE, BLOCKMAP_MAX);
	return *blk < *end;
}

/* Move the hand through one layer until want bytes are free; *blk is where it stopped, or
 * BLOCKMAP_MAX at the end. */
static uint64_t sweep(struct sweep *s, uint64_t *blk, uint64_t want)
{
	uint64_t freed = 0, b = *blk, end;

	while (next_extent(s->fd, &b, &end))
		for (; b < end; b++) {
			if (freed >= want) {
				*blk = b;
				return freed;
			}
			freed += visit(s, b);
		}
	*blk = BLOCKMAP_MAX;
	return freed;
}

/* A data file whose map is lost or of another format cannot be read by anybody. */
static void remove_orphan(struct sweep *s, const char *map, const char *data)
{
	unlink(map);
	if (unlink(data) == 0) {
		s->progress = true;
		usage_doubt(s->usage);
	}
}

static uint64_t sweep_target(struct sweep *s, const struct target *t, uint64_t *blk, uint64_t want)
{
	AUTO(auto_free) char *map = NULL;
	AUTO(auto_free) char *data = NULL;
	AUTO(auto_close) int fd = -1;
	uint64_t freed = 0;
	int r;

	if (asprintf(&map, "%s.map", t->path) < 0)
		map = NULL;
	if (asprintf(&data, "%s.data", t->path) < 0)
		data = NULL;
	if (map && data && (fd = open(data, O_RDWR | O_CLOEXEC | O_NOFOLLOW)) >= 0) {
		r = blockmap_open(map, BLOCKMAP_WRITE, &s->map);
		s->fd = fd;
		if (r == 0)
			freed = sweep(s, blk, want);
		else if (r == -ENOENT || r == -EILSEQ)
			remove_orphan(s, map, data);
		s->map = r == 0 ? blockmap_close(s->map) : NULL;
	}
	if (freed < want)
		*blk = BLOCKMAP_MAX;
	return freed;
}

/* -- the clock -- */

/* The first layer at or behind the hand. */
static size_t find_locked(const struct evict *e, uint64_t key)
{
	size_t lo = 0, hi = e->list.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (e->list.at[mid].key < key)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Move the hand to the end of the list at most. */
static uint64_t lap_locked(struct evict *e, struct sweep *s, struct hand *hand, uint64_t want)
{
	uint64_t freed = 0;

	for (size_t i = find_locked(e, hand->key); i < e->list.n && freed < want; i++) {
		const struct target *t = &e->list.at[i];
		uint64_t blk = t->key == hand->key ? hand->blk : 0;

		if (target_pinned(e->objects, t))
			blk = BLOCKMAP_MAX;
		else
			freed += sweep_target(s, t, &blk, want - freed);
		*hand = (struct hand){ t->key, blk };
		if (blk == BLOCKMAP_MAX)
			*hand = (struct hand){ t->key + 1, 0 };
	}
	return freed;
}

/* -- objects that nobody uses -- */

struct victim {
	char *identity;
	uint64_t bytes;
	int64_t used;
};

struct victims {
	struct objects *objects;
	struct victim *at;
	size_t n, cap;
	uint64_t want, freed;
	bool data_only;
};

static int victim_add(void *arg, const struct object_info *info)
{
	struct victims *v = arg;
	uint64_t bytes = v->data_only ? info->data : info->data + info->meta;
	char *identity;

	if (info->pinned || info->in_use || bytes == 0 || v->n == TARGETS_MAX)
		return 0;
	if (v->n == v->cap) {
		size_t cap = v->cap ? 2 * v->cap : 64;
		struct victim *p = realloc(v->at, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		v->at = p;
		v->cap = cap;
	}
	identity = strdup(info->identity);
	if (!identity)
		return -ENOMEM;
	v->at[v->n++] = (struct victim){ identity, bytes, info->used };
	return 0;
}

static int by_use(const void *a, const void *b)
{
	const struct victim *x = a, *y = b;

	return x->used < y->used ? -1 : x->used > y->used;
}

/* Inside a recount: nobody else writes or evicts now. */
static int remove_victims(void *arg, uint64_t *data, uint64_t *meta)
{
	struct victims *v = arg;
	int r = objects_each(v->objects, victim_add, v);

	if (v->n > 0)
		qsort(v->at, v->n, sizeof(*v->at), by_use);
	for (size_t i = 0; r == 0 && i < v->n && v->freed < v->want; i++) {
		int e = v->data_only ? objects_empty(v->objects, v->at[i].identity)
				     : objects_remove(v->objects, v->at[i].identity);

		if (e == 0)
			v->freed += v->at[i].bytes;
		if (e == 0)
			log_info("cache: %s %.16s, which nobody uses, to make room",
				 v->data_only ? "emptied" : "removed", v->at[i].identity);
	}
	return objects_measure(v->objects, data, meta);
}

/* Remove objects, or all their blocks, until want bytes are free.  Looks at all there are, so not
 * often. */
static uint64_t victims_locked(struct evict *e, uint64_t want, bool data_only)
{
	struct victims v = { .objects = e->objects, .want = want, .data_only = data_only };
	int64_t now = clock_ms();

	if (now - e->victims_ms < VICTIMS_MS)
		return 0;
	e->victims_ms = now;
	if (usage_recount(e->usage, remove_victims, &v) < 0)
		debug(cache, "nothing was removed: somebody writes");
	for (size_t i = 0; i < v.n; i++)
		free(v.at[i].identity);
	free(v.at);
	if (v.freed > 0)
		e->listed = false;
	return v.freed;
}

static int measure(void *arg, uint64_t *data, uint64_t *meta)
{
	return objects_measure(arg, data, meta);
}

/* A little more than asked for, so that a stream of writes does not come here each time; not
 * everything at once, for others wait. */
static uint64_t batch(const struct evict *e, uint64_t n)
{
	uint64_t want = usage_shortage(e->usage, n);
	uint64_t spare = MIN(usage_bytes(e->usage) / SPARE_PART, SPARE_MAX);

	return want == 0 ? 0 : MIN(want, BATCH_MAX) + spare;
}

/* Let the hand go round until want bytes are free. */
static uint64_t turn_locked(struct evict *e, uint64_t want)
{
	struct sweep s = { .usage = e->usage, .fd = -1, .progress = true };
	struct hand hand = usage_hand(e->usage);
	uint64_t freed = 0;

	if (!e->listed || clock_ms() - e->listed_ms > LIST_MS)
		list_layers_locked(e);
	for (int lap = 0; lap < LAPS_MAX && s.progress && freed < want; lap++) {
		if (lap == 1)
			list_layers_locked(e); /* what is new may be all there is */
		s.progress = lap == 0;	       /* the first one need not be whole */
		freed += lap_locked(e, &s, &hand, want - freed);
		if (freed < want)
			hand = (struct hand){ 0, 0 };
	}
	usage_set_hand(e->usage, hand);
	return freed;
}

int evict_room(struct evict *e, uint64_t n)
{
	uint64_t want, freed = 0;

	LOCK_SCOPE(&e->lock);
	want = batch(e, n);
	if (want == 0)
		return 0;
	if (e->holes)
		freed = turn_locked(e, want);
	if (freed == 0)
		freed = victims_locked(e, want, !e->holes);
	if (freed == 0)
		return -ENOSPC;
	return usage_shortage(e->usage, n) == 0 ? 0 : -EAGAIN;
}

int evict_recount(struct evict *e)
{
	return usage_recount(e->usage, measure, e->objects);
}

/* -- whole objects -- */

struct removal {
	struct objects *objects;
	const char *identity;
	int result;
};

static int remove_and_measure(void *arg, uint64_t *data, uint64_t *meta)
{
	struct removal *m = arg;

	m->result = objects_remove(m->objects, m->identity);
	return objects_measure(m->objects, data, meta);
}

int evict_remove(struct evict *e, const char *identity)
{
	struct removal m = { .objects = e->objects, .identity = identity };
	int r = usage_recount(e->usage, remove_and_measure, &m);

	return r < 0 ? r : m.result;
}

void evict_tidy(struct evict *e)
{
	uint64_t meta = usage_meta(e->usage), most = usage_max(e->usage) / META_PART;

	LOCK_SCOPE(&e->lock);
	if (meta > most)
		(void)victims_locked(e, meta - most, false);
}

int evict_new(struct objects *o, struct usage *u, bool holes, struct evict **out)
{
	struct evict *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->objects = o;
	e->usage = u;
	e->holes = holes;
	e->victims_ms = clock_ms() - VICTIMS_MS;
	pthread_mutex_init(&e->lock, NULL);
	*out = e;
	return 0;
}

struct evict *evict_free(struct evict *e)
{
	if (!e)
		return NULL;
	targets_free(&e->list);
	pthread_mutex_destroy(&e->lock);
	free(e);
	return NULL;
}
