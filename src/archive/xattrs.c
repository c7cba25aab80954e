/* SPDX-License-Identifier: MPL-2.0 */
/* xattrs.c - see xattrs.h. */
#include "archive/xattrs.h"

#include <errno.h>
#include <string.h>

static const char shown[] = "user.", reserved[] = "user.mdcfs.";

bool xattrs_shown(const char *name)
{
	return strncmp(name, shown, sizeof(shown) - 1) == 0 && name[sizeof(shown) - 1] != '\0' &&
	       strncmp(name, reserved, sizeof(reserved) - 1) != 0;
}

/* Where name is, or belongs. */
static size_t find(const struct xattrs *x, const char *name, bool *there)
{
	size_t lo = 0, hi = x->n;

	*there = false;
	while (lo < hi && !*there) {
		size_t mid = lo + (hi - lo) / 2;
		int order = strcmp(x->at[mid].name, name);

		*there = order == 0;
		if (order < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return *there ? hi : lo;
}

static int reserve(struct xattrs *x)
{
	size_t cap = x->cap ? 2 * x->cap : 4;
	struct xattr *at;

	if (x->n < x->cap)
		return 0;
	at = realloc(x->at, cap * sizeof(*at));
	if (!at)
		return -ENOMEM;
	x->at = at;
	x->cap = cap;
	return 0;
}

static int insert(struct xattrs *x, size_t i, const char *name, void *value, size_t n)
{
	AUTO(auto_free) char *copy = strdup(name);
	int r = copy ? reserve(x) : -ENOMEM;

	if (r < 0)
		return r;
	memmove(x->at + i + 1, x->at + i, (x->n - i) * sizeof(*x->at));
	x->at[i] = (struct xattr){ .name = steal(&copy), .value = value, .n = n };
	x->n++;
	x->list += strlen(name) + 1;
	x->bytes += n;
	return 0;
}

static void replace(struct xattrs *x, size_t i, void *value, size_t n)
{
	x->bytes = x->bytes - x->at[i].n + n;
	free(x->at[i].value);
	x->at[i].value = value;
	x->at[i].n = n;
}

int xattrs_set(struct xattrs *x, const char *name, const void *value, size_t n)
{
	AUTO(auto_free) void *copy = NULL;
	size_t len = strlen(name), i, was, more;
	bool there;
	int r = 0;

	i = find(x, name, &there);
	was = there ? x->at[i].n : 0;
	more = there ? 0 : len + 1;
	if (len > XATTRS_NAME_MAX || n > XATTRS_VALUE_MAX || more > XATTRS_LIST_MAX - x->list ||
	    n > XATTRS_BYTES_MAX - (x->bytes - was)) {
		x->lost = true;
		return 0;
	}
	copy = malloc(MAX(n, 1));
	if (!copy)
		return -ENOMEM;
	if (n > 0)
		memcpy(copy, value, n);
	if (there)
		replace(x, i, copy, n);
	else
		r = insert(x, i, name, copy, n);
	if (r == 0)
		copy = NULL; /* it is x's now */
	return r;
}

void xattrs_free(struct xattrs *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->at[i].name);
		free(x->at[i].value);
	}
	free(x->at);
	*x = (struct xattrs){ 0 };
}
