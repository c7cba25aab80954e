/* SPDX-License-Identifier: MPL-2.0 */
/* memory.c - see memory.h.  A chained hash table and a list in order of use for each share. */
#include "store/memory.h"

#define BUCKETS 4096u
#define CLEAN_BLOCKS 64u /* READY and on disk: 8 MiB of the most recent */
#define CLEAN_LEAST 8u	 /* ... also when there is no room */
#define SPARE_BLOCKS 64u /* freed blocks kept for the next ones: their pages are warm */

/* What a READY slot counts as; each share is bounded on its own. */
enum share {
	SHARE_DIRTY, /* not on disk */
	SHARE_AHEAD, /* on disk, brought ahead of its reader: dropped now it would be read from disk */
	SHARE_CLEAN, /* on disk, and was read */
	SHARES
};

struct slot {
	struct slot *next; /* in its bucket */
	struct blocks *space;
	uint64_t blk;
	enum memory_state state;
	bool on_disk, unread;
	bool shown; /* READY only until it is on disk, unless somebody comes: see memory_show() */
	struct block *block; /* READY: a reference */
	struct list lru;     /* READY: in its share */
	struct want want;    /* FILLING: who waits */
};

struct memory {
	uint64_t budget;
	_Atomic uint64_t bytes;	  /* in blocks */
	_Atomic uint64_t charged; /* besides */
	_Atomic uint64_t peak;	  /* of both */
	pthread_mutex_t lock;	  /* guards everything below */
	struct slot *bucket[BUCKETS];
	struct list share[SHARES]; /* oldest first */
	size_t n_share[SHARES], n_filling;
	struct want room; /* who waits until less is promised: only while there are FILLING slots */
	struct block *spare[SPARE_BLOCKS];
	unsigned n_spare;
};

int memory_new(uint64_t budget, struct memory **out)
{
	struct memory *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->budget = MAX(budget, 64 * (uint64_t)BLOCK_SIZE);
	pthread_mutex_init(&m->lock, NULL);
	want_init(&m->room);
	for (unsigned i = 0; i < SHARES; i++)
		list_init(&m->share[i]);
	*out = m;
	return 0;
}

uint64_t memory_used(struct memory *m)
{
	return atomic_load(&m->bytes) + atomic_load(&m->charged);
}

uint64_t memory_peak(struct memory *m)
{
	return atomic_load(&m->peak);
}

static void note_peak(struct memory *m)
{
	uint64_t now = memory_used(m), peak = atomic_load(&m->peak);

	while (now > peak && !atomic_compare_exchange_weak(&m->peak, &peak, now))
		;
}

void memory_charge(struct memory *m, uint64_t n)
{
	atomic_fetch_add(&m->charged, n);
	note_peak(m);
}

/* Bytes that may still be promised. */
static uint64_t room_locked(struct memory *m)
{
	uint64_t promised = m->n_filling * BLOCK_SIZE, charged = atomic_load(&m->charged);
	uint64_t half = m->budget / 2 - MIN(promised + charged, m->budget / 2);
	uint64_t least = m->budget / 8 - MIN(promised, m->budget / 8);

	return MAX(half,
		   least); /* ranges alone, of passes and decoders, do not keep readers away */
}

/* Something ended: as many as may come in now are woken, and when nothing is under way any more that could
 * do so later, everybody. */
static void let_in_locked(struct memory *m)
{
	size_t n = (size_t)(room_locked(m) / BLOCK_SIZE);

	if (n > 0 || m->n_filling == 0)
		want_wake_some(&m->room, m->n_filling == 0 ? SIZE_MAX : n, 0);
}

void memory_discharge(struct memory *m, uint64_t n)
{
	atomic_fetch_sub(&m->charged, n);
	LOCK_SCOPE(&m->lock);
	let_in_locked(m);
}

bool memory_tight(struct memory *m)
{
	return atomic_load(&m->charged) >= m->budget / 2 || memory_used(m) >= m->budget;
}

struct block *block_new(struct memory *m)
{
	struct block *b = NULL;

	pthread_mutex_lock(&m->lock);
	if (m->n_spare > 0)
		b = m->spare[--m->n_spare];
	pthread_mutex_unlock(&m->lock);
	if (!b)
		b = malloc(sizeof(*b));
	if (!b)
		return NULL;
	b->home = m;
	b->len = 0;
	atomic_init(&b->refs, 1);
	atomic_init(&b->queued, false);
	atomic_fetch_add(&m->bytes, BLOCK_SIZE);
	note_peak(m);
	return b;
}

static void block_recycle_locked(struct memory *m, struct block *b)
{
	atomic_fetch_sub(&m->bytes, BLOCK_SIZE);
	if (m->n_spare < SPARE_BLOCKS)
		m->spare[m->n_spare++] = b;
	else
		free(b);
}

static void unref_locked(struct block *b)
{
	if (atomic_fetch_sub(&b->refs, 1) == 1)
		block_recycle_locked(b->home, b);
}

struct block *block_ref(struct block *b)
{
	atomic_fetch_add(&b->refs, 1);
	return b;
}

void block_unref(struct block *b)
{
	if (!b || atomic_fetch_sub(&b->refs, 1) != 1)
		return;
	LOCK_SCOPE(&b->home->lock);
	block_recycle_locked(b->home, b);
}

void auto_block_unref(struct block **b)
{
	block_unref(*b);
}

static struct slot **bucket_of(struct memory *m, const struct blocks *space, uint64_t blk)
{
	uint64_t h =
		((uint64_t)(uintptr_t)space >> 4 ^ blk * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;

	return &m->bucket[h >> 52 & (BUCKETS - 1)];
}

static struct slot *find_locked(struct memory *m, const struct blocks *space, uint64_t blk)
{
	struct slot *s = *bucket_of(m, space, blk);

	while (s && (s->space != space || s->blk != blk))
		s = s->next;
	return s;
}

static enum share share_of(const struct slot *s)
{
	return !s->on_disk ? SHARE_DIRTY : s->unread ? SHARE_AHEAD : SHARE_CLEAN;
}

static void leave_share_locked(struct memory *m, struct slot *s)
{
	list_remove(&s->lru);
	m->n_share[share_of(s)]--;
}

static void join_share_locked(struct memory *m, struct slot *s)
{
	list_push(&m->share[share_of(s)], &s->lru);
	m->n_share[share_of(s)]++;
}

static void remove_locked(struct memory *m, struct slot *s)
{
	struct slot **at = bucket_of(m, s->space, s->blk);

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	if (s->state == MEMORY_READY) {
		leave_share_locked(m, s);
		unref_locked(s->block);
	} else {
		m->n_filling--;
		let_in_locked(m);
	}
	free(s);
}

static struct slot *insert_locked(struct memory *m, struct blocks *space, uint64_t blk)
{
	struct slot *s = calloc(1, sizeof(*s)), **at = bucket_of(m, space, blk);

	if (!s)
		return NULL;
	s->space = space;
	s->blk = blk;
	s->state = MEMORY_FILLING;
	list_init(&s->lru);
	want_init(&s->want);
	s->next = *at;
	*at = s;
	m->n_filling++;
	return s;
}

static void remove_oldest_locked(struct memory *m, enum share i)
{
	remove_locked(m, list_entry(m->share[i].next, struct slot, lru));
}

/* Is all that is there and that is promised more than the budget? */
static bool is_over_locked(struct memory *m)
{
	size_t n = m->n_filling;

	for (unsigned i = 0; i < SHARES; i++)
		n += m->n_share[i];
	return n * BLOCK_SIZE + atomic_load(&m->charged) > m->budget;
}

/* READY slots beyond their share go, oldest first, and then what costs least to lose.  Slots have no
 * waiters by then. */
static void trim_locked(struct memory *m)
{
	const size_t max[SHARES] = {
		[SHARE_DIRTY] = (size_t)(m->budget / 2 / BLOCK_SIZE),
		[SHARE_AHEAD] = (size_t)(m->budget / 4 / BLOCK_SIZE),
		[SHARE_CLEAN] = CLEAN_BLOCKS,
	};

	for (unsigned i = 0; i < SHARES; i++)
		while (m->n_share[i] > max[i])
			remove_oldest_locked(m, i);
	for (unsigned i = SHARES; i-- > 0;)
		while (m->n_share[i] > CLEAN_LEAST && is_over_locked(m))
			remove_oldest_locked(m, i);
}

static void make_ready_locked(struct memory *m, struct slot *s, struct block *b)
{
	atomic_fetch_add(&b->refs, 1);
	s->block = b;
	s->state = MEMORY_READY;
	m->n_filling--;
	join_share_locked(m, s);
	trim_locked(m);
	let_in_locked(m);
}

enum memory_state memory_get(struct memory *m, struct blocks *space, uint64_t blk,
			     struct block **out, struct waiter *w)
{
	struct slot *s;

	LOCK_SCOPE(&m->lock);
	s = find_locked(m, space, blk);
	if (!s)
		return MEMORY_ABSENT;
	if (s->state == MEMORY_FILLING) {
		if (w)
			(void)want_park(&s->want, w);
		return MEMORY_FILLING;
	}
	leave_share_locked(m, s);
	s->unread = s->shown = false;
	join_share_locked(m, s);
	atomic_fetch_add(&s->block->refs, 1);
	*out = s->block;
	trim_locked(m);
	return MEMORY_READY;
}

/* What is not for everybody: an eighth is for those who wait. */
static uint64_t kept_from(const struct memory *m, enum memory_claim claim)
{
	return claim == CLAIM_AHEAD ? m->budget / 8 : 0;
}

enum memory_begun memory_begin(struct memory *m, struct blocks *space, uint64_t blk,
			       enum memory_claim claim, struct waiter *w)
{
	LOCK_SCOPE(&m->lock);
	if (find_locked(m, space, blk))
		return BEGUN_BEFORE;
	if (claim != CLAIM_NOW && room_locked(m) < kept_from(m, claim) + BLOCK_SIZE) {
		if (claim != CLAIM_TURN)
			return BEGUN_NOT;
		(void)want_park(&m->room, w);
		return BEGUN_LATER;
	}
	return insert_locked(m, space, blk) ? BEGUN : BEGUN_NOT;
}

bool memory_has(struct memory *m, struct blocks *space, uint64_t blk)
{
	LOCK_SCOPE(&m->lock);
	return find_locked(m, space, blk) != NULL;
}

bool memory_filling(struct memory *m, struct blocks *space, uint64_t blk)
{
	const struct slot *s;

	LOCK_SCOPE(&m->lock);
	s = find_locked(m, space, blk);
	return s && s->state == MEMORY_FILLING;
}

void memory_show(struct memory *m, struct blocks *space, uint64_t blk, struct block *b)
{
	struct slot *s;

	LOCK_SCOPE(&m->lock);
	s = find_locked(m, space, blk) ? NULL : insert_locked(m, space, blk);
	if (!s)
		return;
	s->shown = true;
	make_ready_locked(m, s, b);
}

bool memory_put(struct memory *m, struct blocks *space, uint64_t blk, struct block *b, bool keep)
{
	struct slot *s;

	LOCK_SCOPE(&m->lock);
	s = find_locked(m, space, blk);
	if (!s && keep)
		s = insert_locked(m, space, blk);
	if (!s)
		return false;
	if (s->state == MEMORY_FILLING) {
		s->unread = !keep && want_empty(&s->want);
		want_wake(&s->want, 0); /* they run again later, and find it READY */
		make_ready_locked(m, s, b);
	}
	return true;
}

void memory_on_disk(struct memory *m, struct blocks *space, uint64_t blk)
{
	struct slot *s;

	LOCK_SCOPE(&m->lock);
	s = find_locked(m, space, blk);
	if (!s || s->state != MEMORY_READY || s->on_disk)
		return;
	if (s->shown) { /* nobody came */
		remove_locked(m, s);
		return;
	}
	leave_share_locked(m, s);
	s->on_disk = true;
	join_share_locked(m, s);
	trim_locked(m);
}

void memory_fail(struct memory *m, struct blocks *space, uint64_t blk, int err)
{
	struct slot *s;

	LOCK_SCOPE(&m->lock);
	s = find_locked(m, space, blk);
	if (!s || s->state != MEMORY_FILLING)
		return;
	want_wake(&s->want, err);
	remove_locked(m, s);
}

static void drop_bucket_locked(struct memory *m, struct slot *s, const struct blocks *space)
{
	for (struct slot *next; s; s = next) {
		next = s->next;
		if (space && s->space != space)
			continue;
		if (s->state == MEMORY_FILLING)
			want_wake(&s->want, -ENOTCONN);
		remove_locked(m, s);
	}
}

void memory_drop(struct memory *m, struct blocks *space)
{
	LOCK_SCOPE(&m->lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		drop_bucket_locked(m, m->bucket[i], space);
}

struct memory *memory_free(struct memory *m)
{
	if (!m)
		return NULL;
	memory_drop(m, NULL);
	while (m->n_spare > 0)
		free(m->spare[--m->n_spare]);
	pthread_mutex_destroy(&m->lock);
	free(m);
	return NULL;
}
