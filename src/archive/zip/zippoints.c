/* SPDX-License-Identifier: MPL-2.0 */
/* zippoints.c - see zippoints.h. */
#include "archive/zip/zippoints.h"

#include <string.h>

void zippoints_add(struct zippoints *z, struct archive *a, const struct gzip_point *p,
		   const void *window, size_t n)
{
	struct zippoint *to;

	if (p->out <= z->known)
		return;
	if (z->n == ZIPPOINTS_MAX)
		zippoints_flush(z, a);
	to = &z->point[z->n];
	to->window = malloc(MAX(n, 1));
	if (!to->window)
		return;
	memcpy(to->window, window, n);
	to->n = n;
	to->point = *p;
	z->n++;
}

static int write_all(struct zippoints *z, struct index *x)
{
	int r = index_begin(x);

	for (unsigned i = 0; i < z->n && r == 0; i++)
		r = index_add_point(x, &z->point[i].point, z->point[i].window, z->point[i].n);
	if (r == 0)
		r = index_commit(x);
	if (r < 0)
		index_rollback(x);
	return r;
}

void zippoints_flush(struct zippoints *z, struct archive *a)
{
	if (z->n == 0)
		return;
	LOCK_SCOPE(&a->write_lock);
	(void)!write_all(z, a->index); /* logged there */
	index_rest(a->index);
	while (z->n > 0) {
		struct zippoint *p = &z->point[--z->n];

		z->known = MAX(z->known, p->point.out);
		free(p->window);
	}
}
