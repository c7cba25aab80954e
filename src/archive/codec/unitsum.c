/* SPDX-License-Identifier: MPL-2.0 */
/* unitsum.c - see unitsum.h. */
#include "archive/codec/unitsum.h"

#include <assert.h>
#include <string.h>

#define KEY "unit_sum"

/* What is saved; only this machine's index holds it, in its byte order. */
struct saved {
	uint64_t out;
	uint64_t total;
	uint32_t marks, lane[4];
	unsigned char rest[16];
	uint32_t check; /* of what comes before */
};

static_assert(sizeof(struct saved) == 56, "it is hashed and compared as bytes");

void unitsum_init(struct unitsum *s, struct index *x, uint64_t out)
{
	AUTO(auto_free) void *p = NULL;
	struct saved v;
	size_t n;

	*s = (struct unitsum){ .out = out, .at = out };
	if (index_value(x, KEY, &p, &n) < 0 || n != sizeof(v))
		return;
	memcpy(&v, p, sizeof(v));
	if (v.out < out || xxh32_of(&v, offsetof(struct saved, check)) != v.check)
		return;
	s->begun = true;
	s->out = v.out;
	s->marks = v.marks;
	s->sum.total = v.total;
	memcpy(s->sum.lane, v.lane, sizeof(v.lane));
	memcpy(s->sum.rest, v.rest, sizeof(v.rest));
}

void unitsum_add(struct unitsum *s, const void *p, size_t n)
{
	uint64_t known = s->out - s->at; /* bytes that an earlier pass has hashed */
	size_t skip = (size_t)MIN(known, n);

	if (n == 0)
		return;
	s->at += n;
	s->seen = 0;
	if (n == skip)
		return;
	s->out = s->at;
	s->marks = 0;
	if (s->begun)
		xxh32_add(&s->sum, (const char *)p + skip, n - skip);
}

int unitsum_mark(struct unitsum *s, const struct mark *m)
{
	bool fits;

	if (s->at < s->out || s->seen++ < s->marks) /* an earlier pass has come by it */
		return 0;
	s->marks = s->seen;
	fits = m->what == MARK_BEGIN || !s->begun || m->sum == xxh32_end(&s->sum);
	s->begun = m->what == MARK_BEGIN;
	if (s->begun)
		xxh32_init(&s->sum);
	return fits ? 0 : -EBADMSG;
}

int unitsum_save(const struct unitsum *s, struct index *x)
{
	struct saved v = { .out = s->out, .total = s->sum.total, .marks = s->marks };

	if (!s->begun)
		return index_set_value(x, KEY, "", 0);
	memcpy(v.lane, s->sum.lane, sizeof(v.lane));
	memcpy(v.rest, s->sum.rest, sizeof(v.rest));
	v.check = xxh32_of(&v, offsetof(struct saved, check));
	return index_set_value(x, KEY, &v, sizeof(v));
}
