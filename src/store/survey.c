/* SPDX-License-Identifier: MPL-2.0 */
/* survey.c - see survey.h. */
#include "store/survey.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "store/blockmap.h"

struct walk {
	int (*fn)(void *arg, const struct survey_layer *l);
	void *arg;
};

static int count(const char *map, struct survey_layer *l)
{
	struct blockmap *m = NULL;
	struct block_record b;
	uint64_t blk = 0;
	int r = blockmap_open(map, BLOCKMAP_READ, &m);

	if (r < 0)
		return r;
	for (; blockmap_next(m, &blk, &b); blk++) {
		l->blocks++;
		l->bytes += b.len;
	}
	blockmap_close(m);
	return 0;
}

/* path: of the data file */
static int look(void *arg, const char *identity, const char *path)
{
	const struct walk *w = arg;
	const char *file = strrchr(path, '/') + 1;
	size_t suffix = strlen(".data");
	AUTO(auto_free) char *name = strndup(file, strlen(file) - suffix);
	AUTO(auto_free) char *map = NULL;
	struct survey_layer l = { .identity = identity, .name = name };
	struct stat st;

	if (asprintf(&map, "%.*s.map", (int)(strlen(path) - suffix), path) < 0)
		map = NULL;
	if (!name || !map)
		return -ENOMEM;
	if (lstat(path, &st) == 0 && st.st_blocks > 0)
		l.on_disk = (uint64_t)st.st_blocks * 512;
	l.map = count(map, &l);
	return w->fn(w->arg, &l);
}

int survey_layers(struct objects *o, int (*fn)(void *arg, const struct survey_layer *l), void *arg)
{
	struct walk w = { fn, arg };

	return objects_each_layer(o, look, &w);
}
