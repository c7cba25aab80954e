/* SPDX-License-Identifier: MPL-2.0 */
/* tar.c - see tar.h.
 *
 * The stream is cut into 512-byte blocks, and each goes to the step the parser is in:
 *
 *   HEADER     a header is due      PEEK   does data follow this member?
 *   PAX, NAME  body of an 'x', 'g' or 'L', 'K' header
 *   EXTENSION  more of the map of an 'S' member
 *   MAP        the map ahead of the data of a GNU sparse 1.0 member
 *   SKIP       data: whatever lies before skip_to
 *
 * A member is "pending" from its first header block (its 'x' or 'L', if it has one) until it
 * is reported or given up.
 */
#include "archive/tar/tar.h"

#include <errno.h>
#include <string.h>

#include "archive/tar/tar_header.h"
#include "archive/tar/tar_member.h"
#include "archive/tar/tar_pax.h"
#include "archive/tar/tar_resume.h"
#include "base/buf.h"

enum step { STEP_HEADER, STEP_PAX, STEP_NAME, STEP_EXTENSION, STEP_MAP, STEP_PEEK, STEP_SKIP };

enum { STATE_MAX = 4 << 20 }; /* bytes of a saved state; its paths are bounded well below */

struct tar {
	struct tar_ops ops;
	void *arg;
	int err; /* sticky: nothing more is parsed */

	enum step step;
	uint64_t pos; /* stream offset of the next byte */
	unsigned char block[TAR_BLOCK];
	size_t fill;	  /* bytes of block that are there; 0 in STEP_SKIP */
	uint64_t skip_to; /* STEP_SKIP: where the next header is */
	uint64_t data_to; /* STEP_SKIP: where the data ends, its padding not included */

	bool started;	/* a header has been seen */
	bool lost;	/* among garbage, counted already */
	bool pax_seen;	/* this archive has pax headers */
	unsigned zeros; /* zero blocks in a row */
	uint64_t damage;

	uint64_t header_at; /* offset of the last header */
	struct tar_pax_reader reader;
	struct tar_pax *reading; /* STEP_PAX: global or m.local */
	int reading_name;	 /* STEP_NAME: TAR_MEMBER_PATH or _LINK */
	uint64_t left;		 /* STEP_PAX, STEP_NAME: bytes of the body still to come */
	struct tar_pax global;

	bool pending;
	uint64_t start; /* the pending member's first header, and the damage before it */
	uint64_t start_damage;
	struct tar_member m;
};

static int fail(struct tar *t, int r)
{
	t->err = r;
	return r;
}

static void forget(struct tar *t)
{
	t->pending = false;
	tar_member_forget(&t->m);
}

static void damaged(struct tar *t, uint64_t off)
{
	t->damage++;
	if (t->ops.damage)
		t->ops.damage(t->arg, off);
}

static void begin(struct tar *t)
{
	if (t->pending)
		return;
	t->pending = true;
	t->start = t->header_at;
	t->start_damage = t->damage;
}

/* Go on behind n bytes of data from here; false when they end beyond all streams. */
static bool skip_data(struct tar *t, uint64_t n)
{
	uint64_t to;

	if (n > INT64_MAX || __builtin_add_overflow(t->pos, n + TAR_BLOCK - 1, &to))
		return false;
	if (to > INT64_MAX)
		return false;
	t->skip_to = to - to % TAR_BLOCK;
	t->data_to = t->pos + n;
	t->step = t->skip_to > t->pos ? STEP_SKIP : STEP_HEADER;
	return true;
}

/* Give up what is pending, and its body.  Without a credible size any block may be a header. */
static int drop(struct tar *t, uint64_t size)
{
	damaged(t, t->pending ? t->start : t->header_at);
	forget(t);
	if (!skip_data(t, size))
		t->step = STEP_HEADER;
	return 0;
}

/* Everything about the member is known and its data begins here: report it. */
static int report(struct tar *t)
{
	struct tar_entry e;
	int r;

	tar_member_describe(&t->m, &e);
	e.header = t->start;
	e.data = t->pos;
	if (!tar_member_sound(&t->m) || !skip_data(t, t->m.size))
		return drop(t, t->m.size);
	t->pending = false; /* tar_state() is behind this member from now on */
	r = t->ops.member(t->arg, &e);
	forget(t);
	return r;
}

static int go_on(struct tar *t, int next)
{
	switch (next) {
	case TAR_NEXT_REPORT:
		return report(t);
	case TAR_NEXT_DROP:
		return drop(t, t->m.size);
	case TAR_NEXT_PEEK:
		t->step = STEP_PEEK;
		return 0;
	case TAR_NEXT_EXTENSION:
		t->step = STEP_EXTENSION;
		return 0;
	case TAR_NEXT_MAP:
		t->step = STEP_MAP;
		return 0;
	default:
		return fail(t, next);
	}
}

static int on_extension(struct tar *t)
{
	return go_on(t, tar_member_extension(&t->m, t->block));
}

static int on_map(struct tar *t)
{
	return go_on(t, tar_member_map(&t->m, t->block));
}

static uint64_t body_size(const struct tar *t)
{
	return t->m.h.size_ok ? t->m.h.size : UINT64_MAX;
}

static int pax_begin(struct tar *t, struct tar_pax *to)
{
	if (body_size(t) > INT64_MAX)
		return drop(t, UINT64_MAX);
	t->pax_seen = true;
	if (t->m.h.size == 0)
		return 0;
	t->reading = to;
	t->left = t->m.h.size;
	tar_pax_start(&t->reader, to == &t->global);
	t->step = STEP_PAX;
	return 0;
}

static int local_begin(struct tar *t)
{
	begin(t);
	if (tar_member_local(&t->m) < 0)
		return fail(t, -ENOMEM);
	return pax_begin(t, &t->m.local);
}

static int on_pax(struct tar *t)
{
	size_t n = MIN(t->left, (uint64_t)TAR_BLOCK);
	int r = tar_pax_feed(&t->reader, t->reading, t->block, n);

	if (r < 0)
		return fail(t, r);
	t->left -= n;
	if (t->left > 0)
		return 0;
	if (tar_pax_end(&t->reader) < 0)
		damaged(t, t->header_at);
	t->step = STEP_HEADER;
	return 0;
}

static int name_begin(struct tar *t, int which)
{
	begin(t);
	if (t->m.h.size == 0 || body_size(t) > TAR_MEMBER_NAME_MAX)
		return drop(t, body_size(t));
	t->reading_name = which;
	t->m.name[which].len = 0;
	t->left = t->m.h.size;
	t->step = STEP_NAME;
	return 0;
}

static int on_name(struct tar *t)
{
	size_t n = MIN(t->left, (uint64_t)TAR_BLOCK);
	int r = buf_add(&t->m.name[t->reading_name], t->block, n);

	if (r < 0)
		return fail(t, r);
	t->left -= n;
	if (t->left > 0)
		return 0;
	t->m.has_name[t->reading_name] = true;
	t->step = STEP_HEADER;
	return 0;
}

/* A header whose body is nothing to us. */
static int pass_over(struct tar *t)
{
	return skip_data(t, body_size(t)) ? 0 : drop(t, UINT64_MAX);
}

static int on_valid(struct tar *t)
{
	t->started = true;
	t->lost = false;
	t->zeros = 0;
	t->header_at = t->pos - TAR_BLOCK;
	tar_header_read(t->block, &t->m.h);
	switch (t->m.h.type) {
	case 'x':
	case 'X': /* Solaris, star */
		return local_begin(t);
	case 'g':
		return pax_begin(t, &t->global);
	case 'L':
		return name_begin(t, TAR_MEMBER_PATH);
	case 'K':
		return name_begin(t, TAR_MEMBER_LINK);
	case 'A': /* Solaris: an ACL of the next member */
		begin(t);
		return pass_over(t);
	case 'V': /* a volume's label */
		return pass_over(t);
	case 'M': /* the rest of a file that began on another volume: half a file is none */
		return drop(t, body_size(t));
	default:
		begin(t);
		return go_on(t, tar_member_header(&t->m, t->block));
	}
}

/* Two zero blocks end an archive.  Another one may follow, with global records of its own. */
static int on_zero(struct tar *t)
{
	if (t->lost)
		return 0;
	if (t->pending) {
		damaged(t, t->start);
		forget(t);
	}
	if (++t->zeros == 2) {
		tar_pax_free(&t->global);
		t->pax_seen = false;
	}
	return 0;
}

static int on_garbage(struct tar *t)
{
	if (!t->started)
		return fail(t, -EBADMSG);
	if (t->zeros <
	    2) /* behind an archive's end there may be anything, say an index of pixz's */
		if (!t->lost)
			damaged(t, t->pos - TAR_BLOCK);
	t->lost = true;
	t->zeros = 0;
	forget(t);
	return 0;
}

static int on_header(struct tar *t)
{
	switch (tar_header_check(t->block)) {
	case TAR_BLOCK_ZERO:
		return on_zero(t);
	case TAR_BLOCK_HEADER:
		return on_valid(t);
	default:
		return on_garbage(t);
	}
}

/* The block behind a header that may have promised too much. */
static int on_peek(struct tar *t)
{
	bool bare = tar_member_bare(t->block, t->pax_seen);
	int r;

	t->pos -= TAR_BLOCK; /* where the data begins, or the next header */
	if (bare)
		t->m.size = 0;
	r = report(t);
	if (r != 0)
		return r;
	t->pos += TAR_BLOCK;
	if (t->step == STEP_HEADER)
		return on_header(t);
	if (t->pos == t->skip_to)
		t->step = STEP_HEADER;
	return 0;
}

static int on_block(struct tar *t)
{
	static int (*const on[])(struct tar *) = {
		[STEP_HEADER] = on_header,	 [STEP_PAX] = on_pax, [STEP_NAME] = on_name,
		[STEP_EXTENSION] = on_extension, [STEP_MAP] = on_map, [STEP_PEEK] = on_peek,
	};

	return on[t->step](t);
}

int tar_feed(struct tar *t, const void *p, size_t n)
{
	const unsigned char *b = p;

	while (n > 0 && t->err == 0) {
		size_t k = MIN(n, TAR_BLOCK - t->fill);
		int r = 0;

		if (t->step == STEP_SKIP) {
			k = MIN(n, t->skip_to - t->pos);
			tar_skip(t, t->pos + k);
		} else {
			memcpy(t->block + t->fill, b, k);
			t->fill = (t->fill + k) % TAR_BLOCK;
			t->pos += k;
			r = t->fill == 0 ? on_block(t) : 0;
		}
		if (r != 0)
			return r;
		b += k;
		n -= k;
	}
	return t->err;
}

uint64_t tar_wants(const struct tar *t)
{
	return t->step == STEP_SKIP ? t->skip_to : t->pos;
}

void tar_skip(struct tar *t, uint64_t off)
{
	if (t->step != STEP_SKIP || off < t->pos)
		return;
	t->pos = MIN(off, t->skip_to);
	if (t->pos == t->skip_to)
		t->step = STEP_HEADER;
}

/* The stream ends where a header is due, perhaps with a part of a block. */
static int end_of_header(struct tar *t)
{
	static const unsigned char zeros[TAR_BLOCK];

	if (memcmp(t->block, zeros, t->fill) != 0) {
		if (!t->started)
			return -EBADMSG;
		if (t->zeros < 2 && !t->lost)
			return -ENODATA;
	}
	return t->pending ? -ENODATA : 0;
}

/* Not a whole block behind a member that may have data: then it has none. */
static int end_of_peek(struct tar *t)
{
	bool cut = t->fill > 0;
	int r;

	t->m.size = 0;
	t->pos -= t->fill;
	t->fill = 0;
	r = report(t);
	return r == 0 && cut ? -ENODATA : r;
}

int tar_end(struct tar *t)
{
	if (t->err != 0)
		return t->err;
	switch (t->step) {
	case STEP_HEADER:
		return end_of_header(t);
	case STEP_PEEK:
		return end_of_peek(t);
	case STEP_SKIP:
		return t->pos < t->data_to || t->pending ? -ENODATA : 0;
	default:
		return -ENODATA;
	}
}

uint64_t tar_damage(const struct tar *t)
{
	return t->damage;
}

static uint64_t resume_offset(const struct tar *t)
{
	if (t->pending)
		return t->start;
	if (t->step == STEP_SKIP)
		return t->skip_to;
	if (t->step != STEP_HEADER)
		return t->header_at;
	/* The first of two zero blocks has to be seen again to know the second. */
	return t->pos - t->fill - (t->zeros == 1 ? TAR_BLOCK : 0);
}

int tar_state(const struct tar *t, uint64_t *off, void **state, size_t *n)
{
	AUTO(buf_free) struct buf b = BUF_INIT(STATE_MAX);
	struct tar_resume s = {
		.off = resume_offset(t),
		.damage = t->pending ? t->start_damage : t->damage,
		.started = t->started,
		.lost = t->lost,
		.pax_seen = t->pax_seen,
	};
	int r = tar_resume_write(&s, &t->global, &b);

	if (r < 0)
		return r;
	*off = s.off;
	*n = b.len;
	*state = buf_take(&b);
	return 0;
}

static int restore(struct tar *t, const void *state, size_t n)
{
	struct tar_resume s;
	int r = tar_resume_read(state, n, &s, &t->global);

	if (r < 0)
		return r;
	t->pos = s.off;
	t->damage = s.damage;
	t->started = s.started;
	t->lost = s.lost;
	t->pax_seen = s.pax_seen;
	return 0;
}

int tar_new(const struct tar_ops *ops, void *arg, const void *state, size_t n, struct tar **out)
{
	struct tar *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->ops = *ops;
	t->arg = arg;
	tar_member_init(&t->m, &t->global);
	r = state ? restore(t, state, n) : 0;
	if (r < 0) {
		tar_free(t);
		return r;
	}
	*out = t;
	return 0;
}

struct tar *tar_free(struct tar *t)
{
	if (!t)
		return NULL;
	tar_pax_free(&t->global);
	tar_pax_reader_free(&t->reader);
	tar_member_free(&t->m);
	free(t);
	return NULL;
}
