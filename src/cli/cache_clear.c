/* SPDX-License-Identifier: MPL-2.0 */
/* cache_clear.c - see cache_clear.h. */
#include "cli/cache_clear.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/archive.h"
#include "archive/index/index_copy.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/draft.h"
#include "store/about.h"

/* -- whole objects -- */

/* What a mount has open loses its blocks only. */
static int drop_blocks(struct cache *c, const struct cache_item *i)
{
	for (size_t n = 0; n < i->n_rows; n++) {
		struct cache_layer *l = NULL;
		int r = i->rows[n].map < 0 ? -EILSEQ
					   : cache_layer_open(c, i->identity, i->rows[n].name, &l);

		if (r == -EILSEQ) /* nobody can read it, and it is not ours to start anew */
			continue;
		if (r < 0)
			return r;
		for (uint64_t blk = 0; cache_next(l, &blk); blk++)
			cache_drop(l, blk);
		cache_layer_close(l);
	}
	return 0;
}

static int remove_item(struct cache *c, const struct cache_item *i, struct cache_removed *out)
{
	int r = cache_remove(c, i->identity);

	if (r == -ENOENT)
		return 0;
	if (r == 0) {
		out->objects++;
		out->bytes += i->data + i->meta;
	}
	return r;
}

static int clear_item(struct cache *c, const struct cache_item *i, struct cache_removed *out)
{
	int r = remove_item(c, i, out);

	if (r == -EBUSY) {
		r = drop_blocks(c, i);
		log_info("%s is in use: its index stays", cache_item_name(i));
		out->bytes += r == 0 ? i->data : 0;
	}
	return r < 0 ? log_error(r, "%s", cache_item_name(i)) : 0;
}

/* Inner ones first: while their outer one is there it can be told whether they are in use. */
int cache_clear(struct cache *c, struct cache_list *l, bool force, struct cache_removed *out)
{
	int result = 0;

	for (int inner = 1; inner >= 0; inner--)
		for (size_t k = 0; k < l->n; k++) {
			const struct cache_item *i = &l->at[k];
			int r = 0;

			if (!i->chosen || (i->outer[0] != '\0') != inner)
				continue;
			if (i->pinned && !force)
				log_info("%s is pinned and stays", cache_item_name(i));
			else
				r = clear_item(c, i, out);
			result = result < 0 ? result : r;
		}
	return result;
}

/* -- what nobody needs -- */

/* The list begins with what was used last. */
static bool is_superseded(const struct cache_list *l, size_t k)
{
	for (size_t n = 0; l->at[k].of[0] && n < k; n++)
		if (strcmp(l->at[n].of, l->at[k].of) == 0)
			return true;
	return false;
}

static bool has_index(const struct cache_item *i)
{
	AUTO(auto_free) char *path = path_join(i->dir, "index.db");

	return !path || access(path, F_OK) == 0;
}

static bool is_needless(const struct cache_list *l, size_t k)
{
	const struct cache_item *i = &l->at[k];

	if (i->pinned || i->in_use)
		return false;
	if (i->outer[0])
		return !cache_list_find(l, i->outer);
	return is_superseded(l, k) || (i->data == 0 && !has_index(i));
}

static void remove_file(int dir, const char *name, struct cache_removed *out)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || unlinkat(dir, name, 0) < 0)
		return;
	out->files++;
	out->bytes += (uint64_t)st.st_blocks * 512;
}

/* Of a layer that nobody reads: an older layout, or blocks without a map of today's format. */
static void remove_old_layers(int dir, const struct cache_item *i, struct cache_removed *out)
{
	for (size_t n = 0; n < i->n_rows; n++) {
		const struct cache_row *row = &i->rows[n];
		char name[160];

		if (!archive_layer_is_old(row->name) && row->map != -EILSEQ && row->map != -ENOENT)
			continue;
		snprintf(name, sizeof(name), "%s.map", row->name);
		remove_file(dir, name, out);
		snprintf(name, sizeof(name), "%s.data", row->name);
		remove_file(dir, name, out);
	}
}

/* One that the next mount would make anew in any case. */
static void remove_old_index(int dir, const struct cache_item *i, struct cache_removed *out)
{
	static const char *const files[] = { "index.db-wal", "index.db-shm", "index.db",
					     "index.db.damaged" };
	AUTO(auto_free) char *path = path_join(i->dir, "index.db");
	struct index_summary s;
	int r = path ? index_summary(path, &s) : -ENOMEM;

	for (size_t n = 0; (r == -ESTALE || r == -EUCLEAN) && n < ARRAY_SIZE(files); n++)
		remove_file(dir, files[n], out);
}

static bool is_temporary(const char *name)
{
	size_t n = strlen(name);

	return n > 4 && strcmp(name + n - 4, ".tmp") == 0;
}

static void remove_left(int dir, struct cache_removed *out)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (!d) {
		auto_close(&fd);
		return;
	}
	out->files += draft_sweep(dir, "draft");
	while ((e = readdir(d)))
		if (is_temporary(e->d_name))
			remove_file(dir, e->d_name, out);
	closedir(d);
}

/* Nobody else is in it meanwhile. */
static void tidy(const struct cache_item *i, struct cache_removed *out)
{
	AUTO(auto_close) int dir = -1;

	if (about_seize(i->dir, &dir) < 0)
		return;
	remove_old_layers(dir, i, out);
	remove_old_index(dir, i, out);
	remove_left(dir, out);
}

static bool outer_in_use(const struct cache_list *l, const struct cache_item *i)
{
	const struct cache_item *outer = i->outer[0] ? cache_list_find(l, i->outer) : NULL;

	return i->in_use || (outer && outer->in_use);
}

int cache_gc(struct cache *c, struct cache_list *l, struct cache_removed *out)
{
	int result = 0, r;

	for (size_t k = 0; k < l->n; k++) {
		const struct cache_item *i = &l->at[k];

		r = is_needless(l, k) ? remove_item(c, i, out) : -EBUSY;
		if (r < 0 && r != -EBUSY)
			result = log_error(r, "%s", cache_item_name(i));
		if (r == -EBUSY && !outer_in_use(l, i))
			tidy(i, out);
	}
	r = cache_trim(c);
	if (r == -ENOSPC)
		(void)log_warn(0, "the cache is beyond its limit, and what is left in it is pinned "
				  "or in use");
	else if (r < 0)
		return log_error(r, "cache %s", cache_dir(c));
	return result;
}
