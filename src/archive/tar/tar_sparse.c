/* SPDX-License-Identifier: MPL-2.0 */
/* tar_sparse.c - see tar_sparse.h. */
#include "archive/tar/tar_sparse.h"

#include <errno.h>

#include "archive/tar/tar_header.h"

enum { FIELD = 12 }; /* bytes of one number in an old map */

static int reserve(struct tar_sparse *s)
{
	size_t cap = s->cap ? s->cap * 2 : 16;
	struct tar_extent *at;

	if (s->n < s->cap)
		return 0;
	if (s->n >= TAR_SPARSE_MAX)
		return -EBADMSG;
	at = realloc(s->at, cap * sizeof(*at));
	if (!at)
		return -ENOMEM;
	s->at = at;
	s->cap = cap;
	return 0;
}

int tar_sparse_add(struct tar_sparse *s, uint64_t off, uint64_t len)
{
	uint64_t end;
	int r;

	if (off < s->end || __builtin_add_overflow(off, len, &end) || end > INT64_MAX)
		return -EBADMSG;
	if (len > 0) {
		r = reserve(s);
		if (r < 0)
			return r;
		s->at[s->n++] = (struct tar_extent){ .off = off, .len = len };
	}
	s->end = end;
	s->sum += len; /* never beyond end: extents do not overlap */
	return 0;
}

int tar_sparse_entries(struct tar_sparse *s, const unsigned char *p, unsigned n)
{
	for (unsigned i = 0; i < n; i++, p += 2 * FIELD) {
		int64_t off, len;
		int r;

		if (p[FIELD] == '\0')
			return 0;
		if (!tar_header_number(p, FIELD, &off) || off < 0)
			return -EBADMSG;
		if (!tar_header_number(p + FIELD, FIELD, &len) || len < 0)
			return -EBADMSG;
		r = tar_sparse_add(s, (uint64_t)off, (uint64_t)len);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Append a decimal digit; false: beyond 64 bits. */
static bool push_digit(uint64_t *v, char c)
{
	return !__builtin_mul_overflow(*v, 10, v) && !__builtin_add_overflow(*v, c - '0', v);
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* One number and the comma behind it, or the end of the text. */
static bool list_number(const char **text, uint64_t *out)
{
	const char *p = *text;

	*out = 0;
	if (!is_digit(*p))
		return false;
	while (is_digit(*p))
		if (!push_digit(out, *p++))
			return false;
	if (*p != ',' && *p != '\0')
		return false;
	*text = p + (*p == ',');
	return true;
}

int tar_sparse_list(struct tar_sparse *s, const char *text)
{
	while (*text) {
		uint64_t off, len;
		int r;

		if (!list_number(&text, &off) || !list_number(&text, &len))
			return -EBADMSG;
		r = tar_sparse_add(s, off, len);
		if (r < 0)
			return r;
	}
	return 0;
}

bool tar_sparse_fits(const struct tar_sparse *s, uint64_t size, uint64_t stored)
{
	return s->end <= size && s->sum <= stored;
}

void tar_sparse_clear(struct tar_sparse *s)
{
	s->n = 0;
	s->end = s->sum = 0;
}

void tar_sparse_free(struct tar_sparse *s)
{
	free(s->at);
	*s = (struct tar_sparse){ 0 };
}

/* A line with a number has ended. */
static int text_number(struct tar_sparse_text *x, struct tar_sparse *s)
{
	uint64_t v = x->number;
	int r;

	x->number = 0;
	x->digits = false;
	if (!x->counted) {
		x->counted = true;
		x->left = 2 * v;
		return v > TAR_SPARSE_MAX ? -EBADMSG : x->left == 0;
	}
	if (!x->have_off) {
		x->off = v;
		x->have_off = true;
		x->left--;
		return 0;
	}
	x->have_off = false;
	x->left--;
	r = tar_sparse_add(s, x->off, v);
	return r < 0 ? r : x->left == 0;
}

static int text_byte(struct tar_sparse_text *x, struct tar_sparse *s, char c)
{
	if (x->comment) {
		x->comment = c != '\n';
		return 0;
	}
	if (c == '\n' && x->digits)
		return text_number(x, s);
	if (c == '#' && !x->digits) {
		x->comment = true;
		return 0;
	}
	if (!is_digit(c) || !push_digit(&x->number, c))
		return -EBADMSG;
	x->digits = true;
	return 0;
}

int tar_sparse_text(struct tar_sparse_text *x, struct tar_sparse *s, const unsigned char *p,
		    size_t n)
{
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = text_byte(x, s, (char)p[i]);
	return r;
}
