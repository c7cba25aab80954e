/* SPDX-License-Identifier: MPL-2.0 */
/* pipeline.c - see pipeline.h.
 *
 * A unit's job takes its input piece by piece and stops when there is none, or when as much output
 * as memory allows waits to be handed out; the owner, feeding or handing out, starts it again.  The first
 * unit goes on whatever those behind it hold, and nothing is fed while too much is on its way.
 *
 * A unit's checksum comes at its end.  So nothing of it is handed out before, but what alone is more
 * than the memory allowed: who reads gets the right bytes or an error.  How much that is depends on the
 * unit, and not on how fast bytes come or jobs run.
 */
#include "archive/codec/pipeline.h"

#include <string.h>

#include "archive/span.h"
#include "base/clock.h"
#include "base/list.h"

#define PIECE ((size_t)128 << 10) /* of output */
#define TURN ((size_t)1 << 20) /* of output, and STEP for each look, before others get their turn */
#define STEP ((size_t)4 << 10)
#define UNIT_COST ((uint64_t)2 << 20)	/* of memory for a unit and its decoder, about */
#define UNIT_WEIGHT ((uint64_t)4 << 20) /* decoded bytes that make a unit of what could be joined */

struct piece {
	struct list link;
	size_t n, at; /* bytes there, and used */
	bool marked;  /* output: the mark lies behind it */
	struct mark mark;
	unsigned char data[];
};

struct unit {
	struct job job;
	struct list link;
	struct pipeline *l;
	struct cut cut;

	/* The job's own, while it runs. */
	struct decoder *decoder;
	struct piece *cur, *room; /* input, and where output goes */
	size_t turn;		  /* how much of it is over */

	/* Guarded by the pipeline's lock. */
	struct list in, out; /* struct piece */
	uint64_t n_out;	     /* memory of `out` */
	bool fed;	     /* no more input comes */
	bool running;	     /* a job is queued or runs */
	bool over;	     /* result holds, no more output comes */
	int result;
};

struct pipeline {
	struct pipeline_config c;
	uint64_t off;	/* file offset of the next byte fed */
	size_t n_carry; /* the bytes before it, in which the cutter may still find something */
	unsigned char carry[UNIT_OVERLAP_MAX];
	unsigned char *buf; /* carry and what was fed */
	size_t buf_cap;
	uint64_t damage;
	int result;			       /* not 0: what ended everything */
	pthread_mutex_t lock;		       /* guards what follows */
	pthread_cond_t cond;		       /* a job has made something, or stops */
	struct list units;		       /* in order */
	uint64_t n_units, in_bytes, out_bytes; /* these are of memory, not of content */
	bool cancelled;
};

/* ---- jobs ---- */

static struct piece *piece_new(size_t cap)
{
	struct piece *p = malloc(sizeof(*p) + cap);

	if (p)
		*p = (struct piece){ .n = 0 };
	return p;
}

/* What it is of memory. */
static uint64_t cost_of(const struct piece *p)
{
	return sizeof(*p) + p->n;
}

static struct piece *pop_piece(struct list *l)
{
	struct list *n = list_pop(l);

	return n ? list_entry(n, struct piece, link) : NULL;
}

static struct unit *front_locked(struct pipeline *l)
{
	return list_empty(&l->units) ? NULL : list_entry(l->units.next, struct unit, link);
}

/* Is it, what was handed out of it left aside, too large to be kept? */
static bool is_large_locked(const struct unit *u)
{
	return u->n_out > u->l->c.max_bytes;
}

/* May it decode on? */
static bool has_room_locked(const struct unit *u)
{
	struct pipeline *l = u->l;

	return u == front_locked(l) ? !is_large_locked(u) : l->out_bytes < l->c.max_bytes;
}

/* Is there something for a job to do? */
static bool has_work_locked(const struct unit *u)
{
	return !u->over && !u->l->cancelled && (u->cur || u->fed || !list_empty(&u->in)) &&
	       has_room_locked(u);
}

static void start_locked(struct unit *u)
{
	if (u->running || !has_work_locked(u))
		return;
	u->running = true;
	pool_submit(u->l->c.pool, &u->job, JOB_PASS);
}

/* The next input.  False: there is none now; *fed = and none comes. */
static bool next_input(struct unit *u, bool *fed)
{
	struct pipeline *l = u->l;

	LOCK_SCOPE(&l->lock);
	*fed = u->fed;
	u->cur = pop_piece(&u->in);
	if (!u->cur)
		return false;
	l->in_bytes -= cost_of(u->cur);
	return true;
}

/* The output in u->room, in a piece that is not much larger. */
static int add_output(struct unit *u, size_t n, bool marked)
{
	struct pipeline *l = u->l;
	struct piece *out = n > PIECE / 2 ? steal(&u->room) : piece_new(n);

	if (!out)
		return -ENOMEM;
	if (u->room)
		memcpy(out->data, u->room->data, n);
	out->n = n;
	out->marked = marked;
	out->mark = u->decoder->mark;
	LOCK_SCOPE(&l->lock);
	list_push(&u->out, &out->link);
	u->n_out += cost_of(out);
	l->out_bytes += cost_of(out);
	pthread_cond_signal(&l->cond);
	return 0;
}

/* One piece of output.  0 = needs input; 1 = the unit has ended; 2 = there is more; -errno. */
static int decode_piece(struct unit *u)
{
	static const unsigned char none[1];
	const unsigned char *in = u->cur ? u->cur->data + u->cur->at : none;
	size_t n_in = u->cur ? u->cur->n - u->cur->at : 0, room = PIECE;
	unsigned char *to;
	int r, e = 0;

	if (!u->room)
		u->room = piece_new(PIECE);
	if (!u->room)
		return -ENOMEM;
	to = u->room->data;
	r = u->decoder->ops->run(u->decoder, &in, &n_in, &to, &room);
	if (u->cur)
		u->cur->at = u->cur->n - n_in;
	u->turn += STEP + PIECE - room;
	if (room < PIECE || r == DECODER_MARK)
		e = add_output(u, PIECE - room, r == DECODER_MARK);
	if (e < 0)
		return e;
	if ((r == 0 && room == 0) || r == DECODER_MARK)
		return 2;
	free(u->cur);
	u->cur = NULL;
	return r;
}

/* Decode for a while.  0 = stopped; 1 = the unit has ended; -errno. */
static int decode_turn(struct unit *u)
{
	for (u->turn = 0; u->turn < TURN;) {
		bool fed = false, more = u->cur || next_input(u, &fed);
		int r = decode_piece(u); /* without input: what the decoder still has */

		if (r == 1 || r < 0)
			return r;
		if (r == 0 && !more)
			return fed ? (r = u->decoder->ops->end(u->decoder)) < 0 ? r : 1 : 0;
	}
	return 0;
}

static void unit_run(struct job *j)
{
	struct unit *u = container_of(j, struct unit, job);
	struct pipeline *l = u->l;
	struct gzip_point from = { .in_bit = u->cut.in_bit, .at_member = true, .crc = u->cut.hint };
	int r = u->decoder ? 0 : l->c.codec->decoder(&from, NULL, 0, &u->decoder);

	if (r == 0)
		r = decode_turn(u);
	/* It may have to wait for its turn: it does so without a window or a dictionary. */
	free(steal(&u->room));
	if (r != 0)
		u->decoder = decoder_free(u->decoder);
	LOCK_SCOPE(&l->lock);
	u->over = r != 0;
	u->result = MIN(r, 0);
	u->running = false;
	start_locked(u);
	pthread_cond_signal(&l->cond);
}

/* ---- units ---- */

static int unit_new(struct pipeline *l, const struct cut *at)
{
	struct unit *u = calloc(1, sizeof(*u));

	if (!u)
		return -ENOMEM;
	u->l = l;
	u->cut = *at;
	u->job.run = unit_run;
	list_init(&u->in);
	list_init(&u->out);
	LOCK_SCOPE(&l->lock);
	list_push(&l->units, &u->link);
	l->n_units++;
	return 0;
}

/* It is in no list and no job of it runs. */
static void unit_free(struct unit *u)
{
	struct piece *p;

	while ((p = pop_piece(&u->in)) || (p = pop_piece(&u->out)))
		free(p);
	free(u->cur);
	decoder_free(u->decoder);
	free(u);
}

static struct unit *last_unit(struct pipeline *l)
{
	LOCK_SCOPE(&l->lock);
	return list_empty(&l->units) ? NULL : list_entry(l->units.prev, struct unit, link);
}

static int add_input(struct unit *u, const unsigned char *p, size_t n)
{
	struct pipeline *l = u->l;
	struct piece *in;

	if (n == 0)
		return 0;
	in = piece_new(n);
	if (!in)
		return -ENOMEM;
	in->n = n;
	memcpy(in->data, p, n);
	LOCK_SCOPE(&l->lock);
	if (u->over) { /* behind its end: an index, padding */
		free(in);
		return 0;
	}
	list_push(&u->in, &in->link);
	l->in_bytes += cost_of(in);
	start_locked(u);
	return 0;
}

static void end_input(struct unit *u)
{
	LOCK_SCOPE(&u->l->lock);
	u->fed = true;
	start_locked(u);
}

/* ---- handing out ---- */

static bool is_full_locked(const struct pipeline *l)
{
	return l->in_bytes + l->out_bytes + l->n_units * UNIT_COST > l->c.max_bytes;
}

/* Can output of the first unit be handed out?  What is cut off has no checksum to wait for. */
static bool has_output_locked(const struct unit *u)
{
	bool good = u->over && (u->result == 0 || u->result == -ENODATA);

	return !list_empty(&u->out) && (good || is_large_locked(u));
}

static bool is_done_locked(const struct unit *u)
{
	return u->over && !u->running && (u->fed || u->result < 0);
}

static uint64_t costs_of(const struct list *pieces)
{
	uint64_t n = 0;

	list_for_each(pos, tmp, pieces)
		n += cost_of(list_entry(pos, struct piece, link));
	return n;
}

/* The first unit's next output, or NULL.  *over: it has ended and is out of the list now. */
static struct piece *take_output(struct pipeline *l, struct unit **over)
{
	struct unit *u;
	struct piece *p = NULL;

	LOCK_SCOPE(&l->lock);
	*over = NULL;
	u = front_locked(l);
	if (u && has_output_locked(u)) {
		p = pop_piece(&u->out);
		u->n_out -= cost_of(p);
		l->out_bytes -= cost_of(p);
		list_for_each(pos, tmp, &l->units)
			start_locked(list_entry(pos, struct unit, link));
	} else if (u && is_done_locked(u)) {
		list_remove(&u->link);
		l->n_units--;
		l->in_bytes -= costs_of(&u->in);
		l->out_bytes -= costs_of(&u->out);
		*over = u;
	}
	return p;
}

/* A unit is done with.  0; its error; or what an op says to the next one. */
static int leave_unit(struct pipeline *l, struct unit *u)
{
	int r = u->result;
	struct unit *next;

	l->damage = u->cut.in_bit / 8;
	unit_free(u);
	if (r < 0)
		return r;
	pthread_mutex_lock(&l->lock);
	next = front_locked(l);
	if (next)
		start_locked(next);
	pthread_mutex_unlock(&l->lock);
	return next ? l->c.ops->unit(l->c.arg, &next->cut) : 0;
}

static int hand_out_piece(struct pipeline *l, const struct piece *p)
{
	int r = p->n > 0 ? l->c.ops->output(l->c.arg, p->data, p->n) : 0;

	return r == 0 && p->marked ? l->c.ops->mark(l->c.arg, &p->mark) : r;
}

/* Hand out what is there. */
static int hand_out(struct pipeline *l)
{
	struct unit *over;
	struct piece *p;
	int r = l->result;

	while (r == 0 && ((p = take_output(l, &over)) || over)) {
		r = p ? hand_out_piece(l, p) : leave_unit(l, over);
		free(p);
	}
	l->result = r;
	return r;
}

/* Wait for the first unit's job.  1 = it has nothing to do without more input, 0 = look again. */
static int wait_locked(struct pipeline *l, int64_t ms)
{
	struct unit *u = front_locked(l);

	if (!u)
		return 1;
	if (has_output_locked(u) || is_done_locked(u))
		return 0;
	start_locked(u);
	if (!u->running)
		return 1;
	(void)cond_wait_ms(&l->cond, &l->lock, ms);
	return 0;
}

int pipeline_run(struct pipeline *l, int64_t ms)
{
	int64_t until = clock_ms() + ms;
	int r, idle;

	do {
		r = hand_out(l);
		if (r != 0)
			return r;
		pthread_mutex_lock(&l->lock);
		idle = wait_locked(l, MAX(until - clock_ms(), 0));
		pthread_mutex_unlock(&l->lock);
	} while (idle == 0 && clock_ms() < until);
	r = hand_out(l);
	return r != 0 ? r : idle;
}

/* Is so much on its way that the first units must be handed out before more comes? */
static bool is_full(struct pipeline *l)
{
	LOCK_SCOPE(&l->lock);
	return is_full_locked(l);
}

static int make_room(struct pipeline *l)
{
	int r = hand_out(l);

	while (r == 0 && is_full(l))
		r = pipeline_run(l, 1000);
	return MIN(r, 0);
}

/* ---- cutting ---- */

/* Is what begins there worth a unit of its own?  Decided by what lies between the two alone, so that
 * a pass that goes on from a seek point finds the same units. */
static bool begins_unit(const struct unit *last, const struct cut *at)
{
	return !last || !at->joins || at->in_bit - last->cut.in_bit >= (uint64_t)SPAN_SPACING * 8 ||
	       at->weight - last->cut.weight >= UNIT_WEIGHT;
}

/* A unit begins in the buffer, whose bytes before *used are dealt out. */
static int cut_here(struct pipeline *l, const struct cut *at, size_t n, size_t *used)
{
	struct unit *last = last_unit(l);
	uint64_t start = l->off - n; /* file offset of the buffer */
	size_t begin = (size_t)(at->in_bit / 8 - start);
	size_t end = MIN((size_t)((at->in_bit + 7) / 8 - start) + l->c.codec->overlap, n);
	int r = 0;

	if (at->in_bit / 8 < start + *used || begin > n)
		return -EBADMSG;
	if (!begins_unit(last, at))
		return 0;
	if (last) {
		r = add_input(last, l->buf + *used, end > *used ? end - *used : 0);
		end_input(last);
	}
	*used = begin;
	if (r == 0)
		r = unit_new(l, at);
	if (r == 0 && !last)
		r = l->c.ops->unit(l->c.arg, at);
	return r == 0 ? make_room(l) : r; /* a few bytes can hold many units */
}

/* Deal the buffer's n bytes out; those behind `keep` are kept for the next time. */
static int deal(struct pipeline *l, size_t n, size_t keep)
{
	const unsigned char *in = l->buf + l->n_carry;
	size_t n_in = n - l->n_carry, used = 0;
	struct unit *last;
	struct cut at;
	int r = 0, e = 0;

	while (e == 0 && (r = l->c.cutter->ops->run(l->c.cutter, &in, &n_in, &at)) == 1)
		e = cut_here(l, &at, n, &used);
	last = last_unit(l);
	if (r < 0 || e < 0)
		keep = n;
	if (e == 0 && last && keep > used)
		e = add_input(last, l->buf + used, keep - used);
	used = MAX(used, keep);
	l->n_carry = n - used;
	memcpy(l->carry, l->buf + used, l->n_carry);
	return e != 0 ? e : r;
}

/* What is damaged for the cutter ends everything, behind what came before. */
static int end_with(struct pipeline *l, int result)
{
	struct unit *last = last_unit(l);
	uint64_t at = l->off;
	int r;

	if (last)
		end_input(last);
	while ((r = pipeline_run(l, 1000)) == 0)
		;
	if (r < 0)
		return r;
	if (result < 0)
		l->damage = at;
	return result;
}

int pipeline_feed(struct pipeline *l, const void *p, size_t n)
{
	size_t all = l->n_carry + n;
	int r;

	if (all > l->buf_cap) {
		unsigned char *buf = realloc(l->buf, all);

		if (!buf)
			return -ENOMEM;
		l->buf = buf;
		l->buf_cap = all;
	}
	memcpy(l->buf, l->carry, l->n_carry);
	memcpy(l->buf + l->n_carry, p, n);
	l->off += n;
	r = deal(l, all, all - MIN(all, UNIT_OVERLAP_MAX));
	if (r == -EBADMSG)
		return end_with(l, r);
	return r < 0 ? r : make_room(l);
}

int pipeline_end(struct pipeline *l)
{
	struct unit *last = last_unit(l);
	int r = last ? add_input(last, l->carry, l->n_carry) : 0;

	l->n_carry = 0;
	if (r < 0)
		return r;
	return end_with(l, l->c.cutter->ops->end(l->c.cutter));
}

uint64_t pipeline_damage(const struct pipeline *l)
{
	return l->damage;
}

/* ---- begin and end ---- */

int pipeline_new(const struct pipeline_config *c, struct pipeline **out)
{
	struct pipeline *l = calloc(1, sizeof(*l));

	if (!l) {
		cutter_free(c->cutter);
		return -ENOMEM;
	}
	l->c = *c;
	l->off = c->from;
	pthread_mutex_init(&l->lock, NULL);
	cond_init(&l->cond);
	list_init(&l->units);
	*out = l;
	return 0;
}

static bool any_runs_locked(struct pipeline *l)
{
	list_for_each(pos, tmp, &l->units)
		if (list_entry(pos, struct unit, link)->running)
			return true;
	return false;
}

struct pipeline *pipeline_free(struct pipeline *l)
{
	struct list *n;

	if (!l)
		return NULL;
	pthread_mutex_lock(&l->lock);
	l->cancelled = true;
	while (any_runs_locked(l))
		pthread_cond_wait(&l->cond, &l->lock);
	pthread_mutex_unlock(&l->lock);
	while ((n = list_pop(&l->units)))
		unit_free(list_entry(n, struct unit, link));
	cutter_free(l->c.cutter);
	pthread_cond_destroy(&l->cond);
	pthread_mutex_destroy(&l->lock);
	free(l->buf);
	free(l);
	return NULL;
}
