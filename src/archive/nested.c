/* SPDX-License-Identifier: MPL-2.0 */
/* nested.c - see nested.h. */
#include "archive/nested.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/state.h"
#include "source/suffix.h"

#define SECOND ".d" /* behind the whole name, where the stem is taken */
#define SECOND_LEN (sizeof(SECOND) - 1)

/* Has a real member this name?  1, 0, -errno. */
static int is_real(struct archive *a, uint64_t parent, const char *name)
{
	AUTO(member_free) struct member m = { 0 };
	int r = index_lookup(a->index, parent, name, strlen(name), &m);

	return r == 0 ? 1 : r == -ENOENT ? 0 : r;
}

/* The row of the first member with that stem; 0: there is none. */
static int first_of_stem(struct archive *a, uint64_t parent, const char *stem, uint64_t *row)
{
	AUTO(member_free) struct member m = { 0 };
	int r = index_stem(a->index, parent, stem, row, &m);

	if (r == -ENOENT)
		*row = 0;
	return r == -ENOENT ? 0 : r;
}

/* Does the name in that row get its stem?  1, 0, -errno. */
static int gets_stem(struct archive *a, uint64_t parent, const char *stem, uint64_t row)
{
	uint64_t first;
	int r = is_real(a, parent, stem);

	if (r == 0)
		r = first_of_stem(a, parent, stem, &first);
	else if (r == 1)
		return 0;
	return r < 0 ? r : first == row;
}

/* The second name, for who has not got the first. */
static int second_name(struct archive *a, uint64_t parent, const char *name,
		       char out[static NAMES_MAX + 1])
{
	uint64_t other;
	int r;

	if (strlen(name) + SECOND_LEN > NAMES_MAX)
		return -EEXIST;
	snprintf(out, NAMES_MAX + 1, "%s%s", name, SECOND);
	r = is_real(a, parent, out);
	if (r == 0)
		r = first_of_stem(a, parent, out, &other);
	else if (r == 1)
		r = -EEXIST;
	return r == 0 && other > 0 ? -EEXIST : r;
}

int nested_name(struct archive *a, uint64_t parent, const char *name, uint64_t row,
		char out[static NAMES_MAX + 1])
{
	size_t n = strlen(name), suffix = suffix_len_of(name, n);
	int r;

	if (suffix == 0 || n > NAMES_MAX)
		return -ENOENT;
	memcpy(out, name, n - suffix);
	out[n - suffix] = '\0';
	r = gets_stem(a, parent, out, row);
	if (r == 0)
		return second_name(a, parent, name, out);
	return MIN(r, 0);
}

/* "x.zip.d": the member x.zip, if that has not got its stem. */
static int lookup_second(struct archive *a, uint64_t parent, const char *name, uint64_t *row,
			 struct member *out)
{
	AUTO(member_free) struct member m = { 0 };
	char first[NAMES_MAX + 1], second[NAMES_MAX + 1];
	size_t n = strlen(name);
	int r;

	if (n <= SECOND_LEN || n > NAMES_MAX || strcmp(name + n - SECOND_LEN, SECOND) != 0)
		return -ENOENT;
	memcpy(first, name, n - SECOND_LEN);
	first[n - SECOND_LEN] = '\0';
	r = index_row(a->index, parent, first, n - SECOND_LEN, row);
	if (r == 0)
		r = index_named(a->index, *row, &m);
	if (r == 0 && !S_ISREG(m.mode))
		r = -ENOENT;
	if (r == 0)
		r = nested_name(a, parent, first, *row, second);
	if (r < 0 || strcmp(second, name) != 0)
		return r < 0 && r != -EEXIST ? r : -ENOENT;
	*out = m;
	m = (struct member){ 0 };
	return 0;
}

int nested_lookup(struct archive *a, uint64_t parent, const char *name, uint64_t *row,
		  struct member *out)
{
	int r = index_stem(a->index, parent, name, row, out);

	return r == -ENOENT ? lookup_second(a, parent, name, row, out) : r;
}
