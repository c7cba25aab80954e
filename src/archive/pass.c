/* SPDX-License-Identifier: MPL-2.0 */
/* pass.c - see pass.h: demand, checkpoints, rest, and what is published on the way. */
#include "archive/pass.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/format.h"
#include "archive/place.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define COMMIT_MS 2000 /* a crash loses so much of the pass */
#define REST_MS 1000   /* without demand for so long the thread ends: another mount may go on */
#define TRIM_FROM (8u << 20)   /* bytes of an archive */
#define ROOM_STEP (256u << 10) /* the cache makes room for the index in steps of this */
#define CACHE_PART 8	       /* of the cache is for indexes, and is kept free */
#define FOLLOW_MS 200	       /* between two looks at another mount's pass */
/* The index keeps so many bytes of extended attributes, and as many more as the archive has: they
 * may be compressed a thousandfold. */
#define XATTRS_MIN (64u << 20)

/* ---- members ---- */

static void name_added(void *arg, uint64_t parent, const char *name, size_t len)
{
	struct pass *p = arg;

	if (atomic_load_explicit(&p->a->n_names, memory_order_relaxed) == 0)
		return;
	LOCK_SCOPE(&p->a->lock);
	list_for_each(pos, tmp, &p->a->names) {
		struct name_want *n = list_entry(pos, struct name_want, link);

		if (n->parent == parent && n->len == len && memcmp(n->name, name, len) == 0)
			p->commit_now = true;
	}
}

int pass_member(struct pass *p, const char *path, const struct member *m)
{
	atomic_fetch_add(&p->a->progress, 1);
	return tree_add(p->tree, path, m);
}

int pass_hard_link(struct pass *p, const char *path, const char *target)
{
	return tree_add_link(p->tree, path, target);
}

int pass_late_data(struct pass *p, const char *path, const struct member *m)
{
	return tree_set_data(p->tree, path, m);
}

/* ---- the decoded stream ---- */

/* Take what pending fills want of blocks [first, end); those before are accounted for.  False:
 * nothing.  Lock held. */
static bool take_fill_locked(struct archive *a, uint64_t first, uint64_t end, struct range *out)
{
	list_for_each(pos, tmp, &a->fills) {
		struct pending_fill *f = list_entry(pos, struct pending_fill, link);

		*out = (struct range){ MAX(f->first, first), MIN(f->end, end) };
		if (out->from >= out->to)
			continue;
		f->first = out->to;
		if (f->first == f->end) {
			list_remove(&f->link);
			free(f);
		}
		return true;
	}
	return false;
}

/* Move on to position without publishing: what is wanted of the blocks between is decoded instead. */
static void skip_to(struct archive *a, uint64_t position)
{
	struct range fill;
	bool any;

	do {
		pthread_mutex_lock(&a->lock);
		a->position = MAX(a->position, position);
		any = take_fill_locked(a, a->accounted >> BLOCK_SHIFT, a->position >> BLOCK_SHIFT,
				       &fill);
		if (!any)
			a->accounted = MAX(a->accounted, a->position);
		pthread_mutex_unlock(&a->lock);
		if (any)
			a->format->fill(a, fill.from, (uint32_t)range_len(fill), true);
	} while (any);
}

void pass_output_at(struct pass *p, uint64_t off)
{
	p->out = off;
	p->part_skipped = off % BLOCK_SIZE != 0;
	skip_to(p->a, off & ~(uint64_t)(BLOCK_SIZE - 1));
}

/* Would blocks of the same stream have to go from the cache for what comes now?  What came first
 * stays; a stream larger than the cache would else be written in full, to be evicted again. */
static bool overflows(const struct archive *a, uint64_t end)
{
	uint64_t limit = a->c.st->opt->cache_size;

	return limit > 0 && end > limit - limit / CACHE_PART;
}

/* Publish one block.  The position moves first: a reader that comes in between starts a decode of
 * its own, one that came before has a slot that this publishing fills. */
static void publish(struct pass *p, uint64_t blk)
{
	struct archive *a = p->a;
	struct block *b = steal(&p->part);
	uint64_t end = (blk + 1) << BLOCK_SHIFT;

	pthread_mutex_lock(&a->lock);
	a->position = MAX(a->position, end);
	a->accounted = MAX(a->accounted, end);
	pthread_mutex_unlock(&a->lock);
	if (overflows(a, end))
		blocks_pass_by(a->stream, blk, b);
	else
		blocks_put(a->stream, blk, b);
}

/* The block is full; when this pass has not seen its front, only a decoder can make it. */
static void end_block(struct pass *p, uint64_t blk)
{
	if (p->part)
		publish(p, blk);
	else
		skip_to(p->a, (blk + 1) << BLOCK_SHIFT);
	p->part_skipped = false;
}

int pass_output(struct pass *p, const void *bytes, size_t n)
{
	const unsigned char *from = bytes;

	while (n > 0) {
		uint64_t blk = p->out >> BLOCK_SHIFT;
		size_t at = (size_t)(p->out & (BLOCK_SIZE - 1)), k = MIN(n, BLOCK_SIZE - at);

		if (!p->part && !p->part_skipped && !(p->part = blocks_make(p->a->stream)))
			return -ENOMEM;
		if (p->part) {
			memcpy(p->part->data + at, from, k);
			p->part->len = (uint32_t)(at + k);
		}
		p->out += k;
		from += k;
		n -= k;
		if (at + k == BLOCK_SIZE)
			end_block(p, blk);
	}
	return 0;
}

void pass_output_skip(struct pass *p, uint64_t off)
{
	if (off <= p->out)
		return;
	block_unref(p->part);
	p->part = NULL;
	pass_output_at(p, off);
}

int pass_output_end(struct pass *p)
{
	uint64_t blk = p->out >> BLOCK_SHIFT;
	int r = index_set_number(p->a->index, "stream_size", p->out);

	if (r < 0)
		return r;
	p->out_ended = true;
	blocks_set_size(p->a->stream, p->out);
	if (p->part || p->part_skipped)
		end_block(p, blk);
	return 0;
}

void pass_progress(struct pass *p, uint64_t raw_position)
{
	atomic_store(&p->a->raw_position, raw_position);
	atomic_fetch_add(&p->a->progress, 1);
}

void pass_hash(struct pass *p, uint64_t off, const void *bytes, size_t n)
{
	if (p->verify)
		verify_add(p->verify, off, bytes, n);
}

/* Members of a file that is not the one that was announced are not served (-o unverified). */
static void distrust(struct pass *p)
{
	pass_trouble(p, "the SHA-256 of the file is not the one that was announced%s",
		     p->a->c.st->opt->unverified ? ""
						 : "; nothing is served without -o unverified");
	atomic_store(&p->a->distrusted, true);
	(void)!index_set_number(p->a->index, "distrusted", 1);
}

void pass_verify(struct pass *p)
{
	struct archive *a = p->a;
	char hex[DIGEST_HEX];

	if (!p->verify)
		return;
	if (!verify_end(p->verify, a->c.raw->size, hex)) {
		log_info("%s: complete; its SHA-256 was not checked: not all of it was hashed",
			 a->filename);
	} else if (strcmp(hex, a->checksum) != 0) {
		distrust(p);
	} else {
		log_info("%s: SHA-256 verified", a->filename);
		atomic_store(&a->verified, true);
		(void)!index_set_number(a->index, "verified", 1);
	}
}

/* ---- checkpoints ---- */

static void wake_names_locked(struct archive *a, int err)
{
	list_for_each(pos, tmp, &a->names) {
		struct name_want *n = list_entry(pos, struct name_want, link);

		want_wake(&n->want, err);
		list_remove(&n->link);
		atomic_fetch_sub(&a->n_names, 1);
		free(n);
	}
}

static int save(struct pass *p)
{
	struct archive *a = p->a;
	uint64_t up = p->out_ended ? BLOCK_SIZE - 1 : 0; /* the last block is short, but whole */
	int r = p->save ? p->save(p, p->arg) : 0;

	if (r == 0)
		r = tree_save(p->tree);
	if (r == 0)
		r = index_set_number(a->index, "raw_position", atomic_load(&a->raw_position));
	if (r == 0)
		r = index_set_number(a->index, "position",
				     (p->out + up) & ~(uint64_t)(BLOCK_SIZE - 1));
	if (r == 0 && p->verify)
		r = verify_save(p->verify, a->index);
	return r;
}

/* Room for what a commit writes is made before it is written. */
static void make_room(struct pass *p)
{
	p->foreseen = index_unwritten(p->a->index);
	meter_expect(p->a->meter, p->foreseen + 2 * ROOM_STEP);
}

/* Make everything so far visible and lasting, and wake who waited for a name in it. */
static int commit(struct pass *p)
{
	struct archive *a = p->a;
	int r = save(p);

	if (r < 0)
		return r;
	make_room(p);
	r = index_commit(a->index);
	if (r < 0)
		return r;
	p->foreseen = 0;
	p->commit_now = false;
	p->last_commit_ms = clock_ms();
	pthread_mutex_lock(&a->lock);
	p->asked = atomic_load(&a->asked);
	a->commits++;
	wake_names_locked(a, 0); /* whose name has not come park again */
	fills_served(&a->fills, a->position >> BLOCK_SHIFT);
	pthread_mutex_unlock(&a->lock);
	return index_begin(a->index);
}

/* Wait for demand.  0 = there is some, -ECANCELED = none came, or the archive is stopped. */
static int rest(struct pass *p)
{
	struct archive *a = p->a;
	int64_t until = clock_ms() + REST_MS;

	debug(pass, "%s: rests, nobody waits", a->filename);
	LOCK_SCOPE(&a->lock);
	while (!archive_demand_locked(a) && !atomic_load(&a->stop) && clock_ms() < until)
		(void)cond_wait_ms(&a->demand, &a->lock, until - clock_ms());
	return archive_demand_locked(a) && !atomic_load(&a->stop) ? 0 : -ECANCELED;
}

static bool has_demand(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	return archive_demand_locked(a);
}

int pass_checkpoint(struct pass *p)
{
	bool idle;
	int r = 0;

	if (atomic_load(&p->a->stop))
		return -ECANCELED;
	if (index_unwritten(p->a->index) >= p->foreseen + ROOM_STEP)
		make_room(p);
	if (!p->save) /* nothing may be committed before the end: it could not be gone on with */
		return 0;
	/* A name that is asked for now may be among those not committed yet. */
	p->commit_now |= atomic_load_explicit(&p->a->asked, memory_order_relaxed) != p->asked;
	idle = !p->commit_now && !has_demand(p->a);
	if (idle || p->commit_now || clock_ms() - p->last_commit_ms > COMMIT_MS)
		r = commit(p);
	if (r == 0 && idle)
		r = rest(p);
	return r;
}

void pass_trouble(struct pass *p, const char *fmt, ...)
{
	struct archive *a = p->a;
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)log_error(0, "%s: %s", a->filename, text);
	pthread_mutex_lock(&a->lock);
	memcpy(a->trouble, text, sizeof(text));
	pthread_mutex_unlock(&a->lock);
	(void)!index_set_value(a->index, "trouble", text, strlen(text));
}

/* ---- the thread ---- */

/* The first format that matches and does not decline.  1, 0 = none, -errno. */
static int choose_format(struct pass *p, const struct format **out)
{
	struct archive *a = p->a;
	unsigned char head[FORMAT_HEAD];
	const struct format *f = NULL;
	int64_t n = reader_pread_wait(a->c.raw, head, sizeof(head), 0, &a->stop);

	if (n < 0)
		return (int)n;
	while ((f = format_find(head, (size_t)n, a->filename, f))) {
		int r = f->probe ? f->probe(p, f) : 1;

		if (r == 1)
			*out = f;
		if (r != 0)
			return r;
		debug(pass, "%s: is nothing for %s", a->filename, f->name);
	}
	return 0;
}

static int find_format(struct archive *a, struct pass *p)
{
	const struct format *f = NULL;
	int r = choose_format(p, &f);

	if (r < 0)
		return r;
	if (!f) {
		pass_trouble(p, "is no archive of a known kind");
		return -EBADMSG;
	}
	pthread_mutex_lock(&a->lock);
	archive_set_format_locked(a, f);
	pthread_mutex_unlock(&a->lock);
	return 0;
}

static int read_on(struct pass *p)
{
	struct archive *a = p->a;
	int r = index_begin(a->index);

	if (r == 0 && !a->format)
		r = find_format(a, p);
	if (r == 0) /* each time: it is not in the index when nothing has been committed yet */
		r = index_set_value(a->index, "format", a->format->name, strlen(a->format->name));
	if (r == 0)
		r = a->format->pass(p);
	return r;
}

/* What the pass came to, for the index.  A format that cannot go on from where it stopped leaves
 * nothing behind unless it came to an end. */
static int conclude(struct pass *p, int r)
{
	struct index *x = p->a->index;
	bool ended = r == 0 || r == -EBADMSG || r == -ENODATA;
	int e = 0;

	if (ended)
		tree_report(p->tree, p->a->filename);
	if (!ended && !p->save)
		e = -ECANCELED;
	else if (r == 0)
		e = index_set_number(x, "complete", 1);
	else if (ended)
		e = index_set_number(x, "damaged", 1);
	if (e == 0)
		e = save(p);
	make_room(p);
	if (e == 0)
		e = index_commit(x);
	if (e < 0)
		index_rollback(x);
	return r == 0 && e < 0 ? e : r;
}

/* Everybody who waits for something that will not come any more, or that has come. */
static void settle_locked(struct archive *a, int err)
{
	a->commits++;
	wake_names_locked(a, err);
	want_wake(&a->listed, err);
	a->need = 0;
}

/* The pass has ended with r.  True: somebody came in the last moment, go on. */
static bool finish(struct archive *a, int r)
{
	bool ended = r == 0 || r == -EBADMSG || r == -ENODATA;
	struct list fills;
	uint64_t position;
	int err;

	list_init(&fills);
	pthread_mutex_lock(&a->lock);
	if (r == -ECANCELED && archive_demand_locked(a) && !atomic_load(&a->stop)) {
		pthread_mutex_unlock(&a->lock);
		return true;
	}
	a->state = r == 0 ? ARCHIVE_COMPLETE : ended ? ARCHIVE_FAILED : ARCHIVE_RESTING;
	a->error = ended ? -EIO : r;
	a->failed_ms = clock_ms();
	if (ended)
		a->read_all = false;
	err = atomic_load(&a->stop) ? -ENOTCONN : a->error;
	if (err == -ENOENT) /* it is the archive that is gone; readdir(3) takes this for an end */
		err = -EIO;
	/* After an end, whoever waits runs again and finds what there is. */
	settle_locked(a, ended ? 0 : err);
	position = a->position;
	list_splice(&fills, &a->fills);
	pthread_mutex_unlock(&a->lock);
	fills_fail(&fills, a->stream, position >> BLOCK_SHIFT, err);
	return false;
}

/* ---- one pass a machine ---- */

/* What another mount's pass has come to, taken over.  True: it has ended the work. */
static bool take_over(struct archive *a)
{
	uint64_t before = atomic_load(&a->raw_position);
	bool ended;

	pthread_mutex_lock(&a->lock);
	archive_reload_locked(a);
	a->commits++;
	wake_names_locked(a, 0);
	ended = a->state == ARCHIVE_COMPLETE || a->state == ARCHIVE_FAILED;
	pthread_mutex_unlock(&a->lock);
	if (atomic_load(&a->raw_position) != before)
		atomic_fetch_add(&a->progress, 1);
	skip_to(a, 0); /* what was wanted of what it has passed over */
	return ended;
}

/* Another mount is at it: look again in a moment, unless nobody waits here. */
static int follow(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	a->elsewhere = true;
	if (atomic_load(&a->stop) || !archive_demand_locked(a))
		return -ECANCELED;
	(void)cond_wait_ms(&a->demand, &a->lock, FOLLOW_MS);
	return 0;
}

/* Get the turn to run this archive's pass.  0 = it is ours (*fd); 1 = the work is done; -errno. */
static int take_turn(struct archive *a, int *fd)
{
	int r, e;

	do {
		r = index_turn(a->index, fd);
		if (r < 0 && r != -EWOULDBLOCK)
			return log_error(r, "%s: the index cannot be locked", a->filename);
		if (take_over(a))
			return 1;
		e = r == -EWOULDBLOCK ? follow(a) : 0;
	} while (r == -EWOULDBLOCK && e == 0);
	return r == -EWOULDBLOCK ? e : 0;
}

/* How a pass that another mount has ended, ended. */
static int others_result(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	return a->state == ARCHIVE_COMPLETE ? 0 : -EBADMSG;
}

/* *moved: the index is elsewhere now, and the pass is to go on there. */
static int run_once(struct archive *a, bool *moved)
{
	AUTO(auto_close) int turn = -1;
	struct pass p = { .a = a, .last_commit_ms = clock_ms() };
	int r = take_turn(a, &turn);

	pthread_mutex_lock(&a->lock);
	a->elsewhere = false;
	pthread_mutex_unlock(&a->lock);

	if (r != 0)
		return r < 0 ? r : others_result(a);
	r = tree_new(a->index, name_added, &p, XATTRS_MIN + a->c.raw->size, &p.tree);
	if (r == 0 && a->checksum[0])
		r = verify_new(a->index, &p.verify);
	if (r < 0) {
		tree_free(p.tree);
		return r;
	}
	debug(pass, "%s: reading", a->filename);
	pthread_mutex_lock(&a->write_lock);
	r = conclude(&p, read_on(&p));
	*moved = place_failed(a, r) && place_move(a) == 0;
	index_rest(a->index);
	meter_rest(a->meter);
	pthread_mutex_unlock(&a->write_lock);
	if (p.done)
		p.done(p.arg);
	block_unref(p.part);
	tree_free(p.tree);
	verify_free(p.verify);
	debug(pass, "%s: pass ends with %d", a->filename, r);
	return r;
}

static int run(struct archive *a)
{
	bool moved;
	int r;

	do {
		moved = false;
		r = run_once(a, &moved);
	} while (moved && !atomic_load(&a->stop));
	if (r == 0)
		place_keep(a);
	return r;
}

void *pass_thread(void *arg)
{
	struct archive *a = arg;

	while (finish(a, run(a)))
		;
	/* A pass has tens of megabytes on their way; what comes after needs few. */
	if (a->c.raw->size >= TRIM_FROM)
		malloc_trim(0);
	return NULL;
}
