/* SPDX-License-Identifier: MPL-2.0 */
/* node_extras.c - the part of node.h about what is shown beside a dataset's file (extras.h). */
#include <string.h>

#include "base/log.h"
#include "fs/node_parts.h"

#define CROISSANT "croissant.json"
#define SAMPLES "samples"

int node_stat_extra(struct fs *fs, struct volume *v, uint64_t ino, struct node *out)
{
	const char *text;

	if (!extras_possible(&v->extras))
		return -ENOENT;
	switch (ino_local(ino)) {
	case LOCAL_CROISSANT:
		if (!extras_known_description(&v->extras, &text) || !text)
			return -ENOENT;
		node_fill(fs, out, ino, S_IFREG | 0444, strlen(text), v->dataset->mtime);
		return 0;
	case LOCAL_SAMPLES:
	case LOCAL_SAMPLE:
		node_fill(fs, out, ino, S_IFDIR | 0755, 0, v->dataset->mtime);
		return 0;
	default:
		return -ENOENT;
	}
}

/* A file of the dataset may be called so: that one is shown. */
static bool is_taken(const struct fixed_entry *e, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(e[i].name, name) == 0)
			return true;
	return false;
}

int node_fixed_extras(struct volume *v, struct fixed_entry *e, int n)
{
	const char *text;
	int all = n;

	if (!extras_possible(&v->extras))
		return n;
	if (!is_taken(e, n, SAMPLES))
		e[all++] = (struct fixed_entry){ SAMPLES, ino_make(v->number, LOCAL_SAMPLES) };
	/* The last one: it may become known while a listing is read. */
	if (extras_known_description(&v->extras, &text) && text && !is_taken(e, n, CROISSANT))
		e[all++] = (struct fixed_entry){ CROISSANT, ino_make(v->number, LOCAL_CROISSANT) };
	return all;
}

int node_fixed_samples(struct volume *v, uint64_t ino, struct fixed_entry *e)
{
	struct volume *sample;
	int n = 0;

	if (ino_local(ino) == LOCAL_SAMPLES) {
		e[n++] = (struct fixed_entry){ v->dataset->id, ino_make(v->number, LOCAL_SAMPLE) };
		return n;
	}
	if (!extras_known_sample(&v->extras, &sample) || !sample)
		return 0;
	e[n++] = (struct fixed_entry){ sample->dataset->filename,
				       ino_make(sample->number, LOCAL_FILE) };
	if (sample->archive)
		e[n++] = (struct fixed_entry){ sample->archive_dir,
					       ino_of_row(sample->number, KIND_PLAIN, INDEX_ROOT) };
	return n;
}

/* Without a network there may be no description: that is no reason not to list the rest. */
static int need_description(struct fs *fs, struct volume *v, bool listing, struct waiter *w)
{
	const char *text;
	int r = extras_description(fs, &v->extras, w, &text);

	return r == PARKED || !listing ? r : 0;
}

int node_fixed_need(struct fs *fs, uint64_t ino, const char *name, struct waiter *w)
{
	struct volume *v = node_place(fs, ino).volume, *sample;

	if (!v || !extras_possible(&v->extras))
		return 0;
	if (ino_local(ino) == LOCAL_DIR && (!name || strcmp(name, CROISSANT) == 0))
		return need_description(fs, v, !name, w);
	if (ino_local(ino) == LOCAL_SAMPLE)
		return extras_sample(fs, &v->extras, w, &sample);
	return 0;
}

bool node_fixed_whole(struct fs *fs, uint64_t ino)
{
	struct volume *v = node_place(fs, ino).volume, *sample;
	const char *text;

	if (!v || !extras_possible(&v->extras))
		return true;
	if (ino_local(ino) == LOCAL_DIR)
		return extras_known_description(&v->extras, &text);
	return ino_local(ino) != LOCAL_SAMPLE || extras_known_sample(&v->extras, &sample);
}
