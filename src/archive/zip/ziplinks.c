/* SPDX-License-Identifier: MPL-2.0 */
/* ziplinks.c - see ziplinks.h. */
#include "archive/zip/ziplinks.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define ROUNDS 40u /* links to links so deep that come in the wrong order; the rest is left out */

void ziplinks_free(struct ziplinks *l)
{
	buf_free(&l->names);
}

int ziplinks_add(struct ziplinks *l, const char *path, const char *target)
{
	size_t before = l->names.len;
	int r = buf_add(&l->names, path, strlen(path) + 1);

	if (r == 0)
		r = buf_add(&l->names, target, strlen(target) + 1);
	if (r < 0)
		l->names.len = before;
	l->lost += r == -EMSGSIZE;
	return r == -EMSGSIZE ? 0 : r;
}

/* Add those whose target is there by now, or all; the others stay.  *n: how many were added. */
static int add_some(struct ziplinks *l, struct pass *p, bool all, size_t *n)
{
	char *from = l->names.p, *to = from, *end = from + l->names.len;
	int r = 0;

	*n = 0;
	while (r == 0 && from < end) {
		size_t len = strlen(from) + 1, both = len + strlen(from + len) + 1;

		if (all || tree_has(p->tree, from + len)) {
			r = pass_hard_link(p, from, from + len);
			++*n;
		} else {
			memmove(to, from, both);
			to += both;
		}
		from += both;
	}
	l->names.len = (size_t)(to - l->names.p);
	return r;
}

int ziplinks_resolve(struct ziplinks *l, struct pass *p)
{
	size_t n = 1;
	int r = 0;

	if (l->lost > 0)
		pass_trouble(p, "%" PRIu64 " hard links are too many, left out", l->lost);
	for (unsigned i = 0; r == 0 && i < ROUNDS && n > 0 && l->names.len > 0; i++)
		r = add_some(l, p, false, &n);
	return r == 0 && l->names.len > 0 ? add_some(l, p, true, &n) : r;
}
