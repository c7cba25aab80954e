/* SPDX-License-Identifier: MPL-2.0 */
/* cache-model.c - the disk cache against a model of it, through a long random sequence of reads, writes,
 * drops, evictions, failing writes, damage, kills and remounts.
 *
 * The model knows which bytes each block may have.  A read gives those or a miss; what was dropped is a
 * miss; and what was written while there was room for all of it is there, whoever was killed meanwhile.
 * The bytes of a block follow from its place and its length.
 *
 *   MODEL_SEED=N       do the same again (but for the moments of the kills)
 *   MODEL_SECONDS=N    how long, 8 without
 *   MODEL_TRACE=1      say what is done
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "../lib/cachetest.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"

#define LAYERS 3
#define PLACES 48
#define SIDES 2 /* openings of the directory, as two mounts have them */
#define ROOM BLOCKS(2 * LAYERS * PLACES)
#define SLACK ((uint64_t)65536)

enum { FILL_NONE = 0, FILL_ANY = UINT32_MAX }; /* else a length */

/* What may be read at one place. */
struct place {
	uint32_t len, other; /* one of the two lengths, or a miss; FILL_ANY: any of them */
	bool sure;	     /* no miss */
};

/* Shared with the children, who note what they do before and after. */
struct model {
	struct place at[LAYERS][PLACES];
	struct place before; /* of the place at work */
	int layer, place;    /* at work; layer -1: none */
	uint32_t next;	     /* the length it is to have */
	unsigned long steps, hits;
};

struct side {
	struct cache *cache;
	struct cache_layer *layer[LAYERS];
};

struct run {
	const char *dir;
	struct model *m;
	struct side side[SIDES];
	unsigned seed;
	uint64_t limit;
	bool split; /* files were damaged while they were open: the sides may see different ones */
	bool bounded; /* the limit is known to be kept */
	bool trace;
};

static const struct {
	const char *object, *name;
} layers[LAYERS] = {
	{ TEST_OBJECT, "raw" },
	{ TEST_OBJECT, "stream-tgz-1" },
	{ TEST_OTHER, "raw" },
};

static unsigned pick(struct run *r, unsigned n)
{
	return (unsigned)rand_r(&r->seed) % n;
}

static PRINTF(2, 3) void say(const struct run *r, const char *fmt, ...)
{
	va_list ap;

	if (!r->trace)
		return;
	va_start(ap, fmt);
	fprintf(stderr, "%d: ", (int)getpid());
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* Some places are in another segment of the map. */
static uint64_t block_of(int place)
{
	return place % 6 == 5 ? 65536 + (uint64_t)place : (uint64_t)place;
}

static uint64_t content_of(int layer, int place, size_t len)
{
	return ((uint64_t)layer << 40) + ((uint64_t)place << 20) + len;
}

/* The length read, 0 for a miss. */
static uint32_t read_place(struct side *s, int layer, int place)
{
	static unsigned char buf[BLOCK_SIZE];
	size_t len = 0;
	int r = cache_read(s->layer[layer], block_of(place), buf, &len);

	if (r < 0) {
		assert_int_equal(r, -ENOENT);
		return FILL_NONE;
	}
	assert_in_range(len, 1, BLOCK_SIZE);
	if (!test_is_block(buf, content_of(layer, place, len), len))
		fail_msg("layer %d, place %d: wrong bytes of %zu", layer, place, len);
	return (uint32_t)len;
}

/* -- one step of whoever has the directory open -- */

static void begin(struct model *m, int layer, int place, uint32_t next)
{
	m->before = m->at[layer][place];
	m->place = place;
	m->next = next;
	__atomic_store_n(&m->layer, layer, __ATOMIC_SEQ_CST);
}

static void end(struct model *m, struct place now)
{
	m->at[m->layer][m->place] = now;
	__atomic_store_n(&m->layer, -1, __ATOMIC_SEQ_CST);
	m->steps++;
}

static void step_write(struct run *r, struct side *s, int layer, int place)
{
	static unsigned char buf[BLOCK_SIZE];
	uint32_t len = place % 3 ? BLOCK_SIZE : 1 + pick(r, BLOCK_SIZE);
	struct place now = { len, FILL_NONE, r->limit == ROOM && !r->split };
	uint64_t writes = stats_get(cache_writes);
	bool written;
	int e;

	test_fill(buf, content_of(layer, place, len), len);
	begin(r->m, layer, place, len);
	e = cache_write(s->layer[layer], block_of(place), buf, len);
	say(r, "side %d writes %d.%d, %u bytes: %d", (int)(s - r->side), layer, place, len, e);
	assert_true(e <= 0);
	written = stats_get(cache_writes) > writes;
	if (e < 0) /* the old block may be gone, or it is what kept this one away */
		now = (struct place){ r->m->before.len, r->m->before.other, false };
	else if (!written) /* it was recorded already, whatever has become of its data */
		now = (struct place){ r->m->before.len, len, r->m->before.sure };
	end(r->m, now);
	r->bounded |= written; /* what there is was counted first */
}

static void step_drop(struct run *r, struct side *s, int layer, int place)
{
	struct place *p = &r->m->at[layer][place];
	struct place now = { p->len == FILL_ANY ? FILL_ANY : FILL_NONE, FILL_NONE, false };

	begin(r->m, layer, place, FILL_NONE);
	cache_drop(s->layer[layer], block_of(place));
	say(r, "side %d drops %d.%d", (int)(s - r->side), layer, place);
	end(r->m, now);
}

static void step_read(struct run *r, struct side *s, int layer, int place)
{
	struct place *p = &r->m->at[layer][place];
	bool has = cache_has(s->layer[layer], block_of(place));
	uint32_t len = read_place(s, layer, place);

	r->m->steps++;
	r->m->hits += len > 0;
	say(r, "side %d reads %d.%d: %u", (int)(s - r->side), layer, place, len);
	assert_true(has || len == 0 || r->split);
	if (r->split)
		return;
	if (len == 0 && p->sure)
		fail_msg("layer %d, place %d is lost", layer, place);
	if (len > 0 && p->len != FILL_ANY && len != p->len && len != p->other)
		fail_msg("layer %d, place %d has %u bytes, not %u or %u", layer, place, len, p->len,
			 p->other);
	/* A miss stays one until somebody writes; only a map that was cut may grow again. */
	if (len > 0 || p->len != FILL_ANY)
		*p = (struct place){ len, FILL_NONE, p->sure };
}

static void step(struct run *r)
{
	struct side *s = &r->side[pick(r, SIDES)];
	int layer = (int)pick(r, LAYERS), place = (int)pick(r, PLACES);
	unsigned what = pick(r, 16);

	if (what < 7)
		step_write(r, s, layer, place);
	else if (what < 15)
		step_read(r, s, layer, place);
	else
		step_drop(r, s, layer, place);
}

/* -- opening and closing -- */

static void open_side(struct run *r, struct side *s)
{
	struct cache_config config = { r->dir, r->limit, { 0 } };

	assert_int_equal(cache_open(&config, &s->cache), 0);
	for (int i = 0; i < LAYERS; i++)
		assert_int_equal(
			cache_layer_open(s->cache, layers[i].object, layers[i].name, &s->layer[i]),
			0);
}

static void close_side(struct side *s)
{
	for (int i = 0; i < LAYERS; i++)
		s->layer[i] = cache_layer_close(s->layer[i]);
	s->cache = cache_close(s->cache);
}

/* What is there after damage nobody knows; only what it may be. */
static void forget(struct run *r, uint32_t what)
{
	for (int i = 0; i < LAYERS; i++)
		for (int k = 0; k < PLACES; k++) {
			r->m->at[i][k].sure = false;
			if (what == FILL_ANY)
				r->m->at[i][k].len = FILL_ANY;
		}
	r->bounded = false;
}

/* One goes and comes again, or all of them, and then maybe with another limit. */
static void remount(struct run *r)
{
	static const uint64_t limits[] = { ROOM, ROOM, BLOCKS(70), BLOCKS(24) };
	uint64_t limit = limits[pick(r, ARRAY_SIZE(limits))];

	if (!r->split && pick(r, 2)) {
		struct side *s = &r->side[pick(r, SIDES)];

		say(r, "side %d is remounted", (int)(s - r->side));
		close_side(s);
		open_side(r, s);
		return;
	}
	say(r, "all are remounted, limit %llu", (unsigned long long)limit);
	for (int i = 0; i < SIDES; i++)
		close_side(&r->side[i]);
	if (r->split || limit < r->limit)
		forget(r, r->split ? FILL_ANY : FILL_NONE);
	r->split = false;
	r->limit = limit;
	for (int i = 0; i < SIDES; i++)
		open_side(r, &r->side[i]);
}

/* -- what happens to it -- */

/* Nothing can be written for some steps; afterwards the mounts are new, so that the disk is tried. */
static void fault(struct run *r)
{
	struct rlimit old, none = { 0, 0 };

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	none.rlim_max = old.rlim_max;
	none.rlim_cur = pick(r, 2) ? 0 : 70000;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	say(r, "files of more than %llu bytes cannot be written",
	    (unsigned long long)none.rlim_cur);
	for (unsigned n = 1 + pick(r, 20); n > 0; n--)
		step(r);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	for (int i = 0; i < SIDES; i++)
		close_side(&r->side[i]);
	for (int i = 0; i < SIDES; i++)
		open_side(r, &r->side[i]);
}

static void damage_file(struct run *r, const char *path)
{
	AUTO(auto_close) int fd = open(path, O_RDWR | O_CLOEXEC);
	unsigned char junk[512];
	struct stat st;
	size_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return;
	for (size_t i = 0; i < sizeof(junk); i++)
		junk[i] = (unsigned char)pick(r, 256);
	n = pick(r, 3) ? 1 : 1 + pick(r, sizeof(junk));
	say(r, "%s is damaged", path);
	switch (pick(r, 4)) {
	case 0:
		(void)!ftruncate(fd, (off_t)(rand_r(&r->seed) % (st.st_size + 1)));
		break;
	case 1:
		(void)!unlink(path);
		break;
	case 2: /* near the beginning, where the figures are */
		(void)!pwrite(fd, junk, n, (off_t)pick(r, 64));
		break;
	default:
		(void)!pwrite(fd, junk, n, (off_t)(rand_r(&r->seed) % (st.st_size + 1)));
	}
}

static void damage(struct run *r)
{
	int i = (int)pick(r, LAYERS);
	char path[700];

	switch (pick(r, 6)) {
	case 0:
		snprintf(path, sizeof(path), "%s/usage", r->dir);
		break;
	case 1:
	case 2:
		snprintf(path, sizeof(path), "%s/objects/%s/%s.data", r->dir, layers[i].object,
			 layers[i].name);
		break;
	default:
		snprintf(path, sizeof(path), "%s/objects/%s/%s.map", r->dir, layers[i].object,
			 layers[i].name);
	}
	damage_file(r, path);
	r->split = true;
	forget(r, FILL_ANY);
	for (unsigned n = pick(r, 60); n > 0; n--)
		step(r);
	remount(r);
}

static void victim(struct run *r)
{
	for (int i = 0; i < SIDES; i++) {
		r->side[i] = (struct side){ NULL, { NULL } };
		open_side(r, &r->side[i]);
	}
	for (;;)
		step(r);
}

/* Somebody who has the same open is killed at work. */
static void murder(struct run *r)
{
	unsigned long steps = r->m->steps;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		victim(r);
	while (__atomic_load_n(&r->m->steps, __ATOMIC_SEQ_CST) == steps &&
	       waitpid(pid, &status, WNOHANG) == 0)
		test_pause_us(200);
	test_pause_us((long)pick(r, 4000));
	kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	say(r, "%d is killed at %d.%d", (int)pid, r->m->layer, r->m->place);
	if (r->m->layer >= 0 && r->m->before.other != FILL_NONE)
		end(r->m, (struct place){ FILL_ANY, FILL_NONE, false });
	else if (r->m->layer >= 0)
		end(r->m, (struct place){ r->m->before.len, r->m->next, false });
	rand_r(&r->seed);
}

static void check_limit(const struct run *r)
{
	uint64_t now = r->bounded && !r->split ? test_on_disk(r->dir) : 0;

	if (now > r->limit + SLACK)
		fail_msg("%llu bytes are cached, %llu may be", (unsigned long long)now,
			 (unsigned long long)r->limit);
}

static void play(struct run *r, int64_t until)
{
	while (clock_ms() < until) {
		unsigned what = pick(r, 32);

		if (what < 2)
			murder(r);
		else if (what < 6)
			remount(r);
		else if (what == 6)
			fault(r);
		else if (what < 10)
			damage(r);
		else
			for (unsigned n = pick(r, 60); n > 0; n--)
				step(r);
		check_limit(r);
	}
}

static long setting(const char *name, long fallback)
{
	const char *s = getenv(name);

	return s && *s ? atol(s) : fallback;
}

static void test_model(void **state)
{
	struct fixture *f = *state;
	struct run r = { .dir = f->dir, .limit = ROOM };
	int64_t seconds = setting("MODEL_SECONDS", 8);

	r.seed = (unsigned)setting("MODEL_SEED", (long)time(NULL) ^ (long)getpid() << 8);
	r.trace = setting("MODEL_TRACE", 0) > 0;
	print_message("MODEL_SEED=%u\n", r.seed);
	log_set_level(LOG_LEVEL_NONE);
	r.m = mmap(NULL, sizeof(*r.m), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(r.m != MAP_FAILED);
	r.m->layer = -1;
	for (int i = 0; i < SIDES; i++)
		open_side(&r, &r.side[i]);
	play(&r, clock_ms() + seconds * 1000);
	for (int i = 0; i < SIDES; i++)
		close_side(&r.side[i]);
	print_message("%lu steps, %lu hits\n", r.m->steps, r.m->hits);
	assert_true(r.m->hits > r.m->steps / 50);
	munmap(r.m, sizeof(*r.m));
}

int main(void)
{
	const struct CMUnitTest tests[] = { CASE(test_model) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
