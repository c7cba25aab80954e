/* SPDX-License-Identifier: MPL-2.0 */
/* points.c - see points.h. */
#include "archive/points.h"

#include <errno.h>

void points_init(struct points *s)
{
	*s = (struct points){ 0 };
	pthread_mutex_init(&s->lock, NULL);
}

void points_free(struct points *s)
{
	free(s->p);
	pthread_mutex_destroy(&s->lock);
}

static int grow_locked(struct points *s)
{
	size_t cap = MAX(s->cap * 2, 64);
	struct gzip_point *p = s->n < s->cap ? s->p : reallocarray(s->p, cap, sizeof(*p));

	if (!p)
		return -ENOMEM;
	if (s->n == s->cap)
		s->cap = cap;
	s->p = p;
	return 0;
}

int points_add(struct points *s, const struct gzip_point *p)
{
	int r;

	LOCK_SCOPE(&s->lock);
	while (s->n > 0 && s->p[s->n - 1].out >= p->out) /* the last one of a place holds */
		s->n--;
	r = grow_locked(s);
	if (r == 0)
		s->p[s->n++] = *p;
	return r;
}

void points_clear(struct points *s)
{
	LOCK_SCOPE(&s->lock);
	s->n = 0;
}

/* How many lie before out. */
static size_t count_before_locked(const struct points *s, uint64_t out)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->p[mid].out < out)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool points_before(struct points *s, uint64_t out, struct gzip_point *found)
{
	size_t i;

	LOCK_SCOPE(&s->lock);
	i = count_before_locked(s, out);
	if (i < s->n && s->p[i].out == out)
		i++;
	if (i > 0)
		*found = s->p[i - 1];
	return i > 0;
}

bool points_after(struct points *s, uint64_t out, struct gzip_point *found)
{
	size_t i;

	LOCK_SCOPE(&s->lock);
	i = count_before_locked(s, out);
	if (i < s->n)
		*found = s->p[i];
	return i < s->n;
}
