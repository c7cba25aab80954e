/* SPDX-License-Identifier: MPL-2.0 */
/* warm_list.c - see warm_list.h. */
#include "cli/warm_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "cli/mounts.h"
#include "cli/peek.h"
#include "net/json.h"
#include "source/suffix.h"

#define PATHS_MAX (16u << 20)
#define PEEK_MS 30000

struct level {
	struct list link;
	DIR *dir;
	char *path;
};

void warm_list_init(struct warm_list *l)
{
	*l = (struct warm_list){ 0 };
	list_init(&l->levels);
}

static void leave(struct level *d)
{
	list_remove(&d->link);
	closedir(d->dir);
	free(d->path);
	free(d);
}

void warm_list_rewind(struct warm_list *l)
{
	while (!list_empty(&l->levels))
		leave(list_entry(l->levels.next, struct level, link));
	l->at = 0;
}

void warm_list_free(struct warm_list *l)
{
	warm_list_rewind(l);
	for (size_t i = 0; i < l->n; i++)
		free(l->path[i]);
	for (unsigned i = 0; i < l->n_sites; i++)
		free(l->site[i].mountpoint);
	free(l->path);
	free(l->site_of);
	free(l->site);
}

/* ---- paths ---- */

int warm_list_add(struct warm_list *l, const char *path)
{
	AUTO(auto_free) char *copy = strdup(path);

	if (l->n >= PATHS_MAX)
		return log_error(-E2BIG, "more than %u paths", PATHS_MAX);
	if ((l->n & (l->n - 1)) == 0) { /* a power of two: it is full */
		char **more = realloc(l->path, MAX(l->n * 2, 1) * sizeof(*more));

		if (!more)
			return -ENOMEM;
		l->path = more;
	}
	if (!copy)
		return -ENOMEM;
	l->path[l->n++] = steal(&copy);
	return 0;
}

/* Relative paths are meant from here, or from where the list is. */
static int add_line(struct warm_list *l, const char *line, const char *from)
{
	const char *end = strrchr(from, '/');
	AUTO(auto_free) char *beside = NULL;

	if (!line[0])
		return 0;
	if (line[0] == '/' || !end || access(line, F_OK) == 0)
		return warm_list_add(l, line);
	if (asprintf(&beside, "%.*s/%s", (int)(end - from), from, line) < 0) {
		beside = NULL;
		return -ENOMEM;
	}
	return warm_list_add(l, access(beside, F_OK) == 0 ? beside : line);
}

int warm_list_read(struct warm_list *l, const char *from)
{
	bool is_stdin = strcmp(from, "-") == 0;
	FILE *f = is_stdin ? stdin : fopen(from, "re");
	AUTO(auto_free) char *line = NULL;
	size_t room = 0;
	ssize_t n;
	int r = 0;

	if (!f)
		return log_error(-errno, "%s", from);
	while (r == 0 && (n = getline(&line, &room, f)) >= 0) {
		if (n > 0 && line[n - 1] == '\n')
			line[n - 1] = '\0';
		r = add_line(l, line, from);
	}
	if (r == 0 && ferror(f))
		r = log_error(-EIO, "%s", from);
	if (!is_stdin)
		fclose(f);
	return r;
}

/* ---- mounts ---- */

/* The limit of its cache. */
static int ask_site(struct warm_site *s)
{
	AUTO(auto_free) char *text = NULL;
	AUTO(auto_json_free) struct json *j = NULL;
	int r = peek_file(s->mountpoint, ".mdcfs/status.json", PEEK_MS, &text);

	if (r == 0)
		r = json_parse(text, &j);
	if (r < 0)
		return log_error(r, "%s: the mount does not answer", s->mountpoint);
	(void)json_u64(json_get(j, "cache"), "limit", &s->limit);
	return 0;
}

static int add_site(struct warm_list *l, const char *mountpoint, unsigned *out)
{
	struct warm_site *more;
	int r;

	for (*out = 0; *out < l->n_sites; ++*out)
		if (strcmp(l->site[*out].mountpoint, mountpoint) == 0)
			return 0;
	more = realloc(l->site, (l->n_sites + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	l->site = more;
	more[l->n_sites] = (struct warm_site){ .mountpoint = strdup(mountpoint) };
	if (!more[l->n_sites].mountpoint)
		return -ENOMEM;
	r = ask_site(&more[l->n_sites++]);
	return r;
}

/* The mount that is nearest above. */
static int locate(struct warm_list *l, const struct mounts *m, size_t i)
{
	AUTO(auto_free) char *path = realpath(l->path[i], NULL);
	const struct mount *at = NULL;

	if (!path)
		return log_error(-errno, "%s", l->path[i]);
	while (path[0] && !(at = mounts_find(m, path)))
		*strrchr(path, '/') = '\0';
	if (!at || strcmp(at->fstype, MOUNTS_FSTYPE) != 0)
		return log_error(0, "%s is in no mount of mdcfs", l->path[i]), -EINVAL;
	return add_site(l, path, &l->site_of[i]);
}

int warm_list_locate(struct warm_list *l)
{
	AUTO(mounts_free) struct mounts m = { 0 };
	int r = mounts_read(&m);

	l->site_of = calloc(MAX(l->n, 1), sizeof(*l->site_of));
	if (!l->site_of)
		return -ENOMEM;
	for (size_t i = 0; i < l->n && r == 0; i++)
		r = locate(l, &m, i);
	return r;
}

/* ---- the walk ---- */

/* Takes path. */
static int enter(struct warm_list *l, char *path)
{
	struct level *d = calloc(1, sizeof(*d));
	int r;

	if (!d || !path || !(d->dir = opendir(path))) {
		r = d && path ? -errno : -ENOMEM;
		(void)log_error(r, "%s", path ? path : "a folder");
		free(path);
		free(d);
		return r;
	}
	d->path = path;
	list_insert(l->levels.next, &d->link); /* the innermost is first */
	return 0;
}

/* Is that an archive whose members are beside it? */
static bool has_members(struct level *d, const char *name)
{
	size_t n = strlen(name), suffix = suffix_len(name);
	char stem[256];
	struct stat st;

	if (suffix == 0 || n - suffix >= sizeof(stem))
		return false;
	memcpy(stem, name, n - suffix);
	stem[n - suffix] = '\0';
	return fstatat(dirfd(d->dir), stem, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* 1: *out is a file; 0: nothing to be warmed, or a folder that was entered; -errno. */
static int look_at(struct warm_list *l, struct level *d, const char *name, struct warm_file *out)
{
	AUTO(auto_free) char *path = path_join(d->path, name);
	struct stat st;

	if (!path)
		return -ENOMEM;
	if (fstatat(dirfd(d->dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return log_error(-errno, "%s", path);
	if (st.st_dev != l->dev)
		return 0;
	if (S_ISDIR(st.st_mode))
		return enter(l, steal(&path));
	if (!S_ISREG(st.st_mode) || has_members(d, name))
		return 0;
	*out = (struct warm_file){ .path = steal(&path),
				   .size = (uint64_t)st.st_size,
				   .site = l->site_of[l->at - 1],
				   .more = true };
	return 1;
}

static int next_in_levels(struct warm_list *l, struct warm_file *out)
{
	struct level *d = list_entry(l->levels.next, struct level, link);
	struct dirent *e;
	int r = 0;

	errno = 0;
	e = readdir(d->dir);
	if (e)
		return strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0
			       ? 0
			       : look_at(l, d, e->d_name, out);
	if (errno != 0)
		r = log_error(-errno, "%s", d->path);
	leave(d);
	return r;
}

/* A path as it was given. */
static int next_path(struct warm_list *l, struct warm_file *out)
{
	const char *path = l->path[l->at++];
	struct stat st;

	if (stat(path, &st) < 0)
		return log_error(-errno, "%s", path);
	l->dev = st.st_dev;
	if (S_ISDIR(st.st_mode))
		return enter(l, strdup(path));
	if (!S_ISREG(st.st_mode))
		return 0;
	*out = (struct warm_file){ .path = strdup(path),
				   .size = (uint64_t)st.st_size,
				   .site = l->site_of[l->at - 1] };
	return out->path ? 1 : -ENOMEM;
}

int warm_list_next(struct warm_list *l, struct warm_file *out)
{
	int r = 0;

	while (r == 0) {
		if (!list_empty(&l->levels))
			r = next_in_levels(l, out);
		else if (l->at < l->n)
			r = next_path(l, out);
		else
			return 0;
	}
	return r;
}
