/* SPDX-License-Identifier: MPL-2.0 */
/* mounts.c - see mounts.h. */
#include "cli/mounts.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"

#define MOUNTINFO "/proc/self/mountinfo"
#define MOUNTS_MAX 100000 /* the kernel's own limit, fs.mount-max */

/* proc(5): blank, tab, newline and backslash are written as \ooo. */
static char *decoded(const char *text)
{
	char *out = strdup(text), *to = out;

	if (!out)
		return NULL;
	for (const char *p = text; *p; p++) {
		bool octal = p[0] == '\\';

		for (int i = 1; octal && i <= 3; i++)
			octal = p[i] >= '0' && p[i] <= (i == 1 ? '3' : '7');
		*to = *p;
		if (octal) {
			*to = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 3;
		}
		to++;
	}
	*to = '\0';
	return out;
}

static void mount_clear(struct mount *m)
{
	free(m->source);
	free(m->mountpoint);
	free(m->fstype);
	*m = (struct mount){ 0 };
}

/* 36 35 98:0 /root /mountpoint options [tags...] - fstype source superoptions */
int mounts_parse(const char *line, struct mount *out)
{
	AUTO(auto_free) char *copy = strdup(line);
	struct mount m = { 0 };
	char *field, *rest = copy, *mountpoint = NULL, *fstype, *source;

	if (!copy)
		return -ENOMEM;
	copy[strcspn(copy, "\n")] = '\0';
	for (int i = 0; (field = strsep(&rest, " ")) && strcmp(field, "-") != 0; i++)
		if (i == 4)
			mountpoint = field;
	fstype = field ? strsep(&rest, " ") : NULL;
	source = strsep(&rest, " ");
	if (!mountpoint || !fstype || !source)
		return -EBADMSG;
	m = (struct mount){ decoded(source), decoded(mountpoint), decoded(fstype) };
	if (!m.source || !m.mountpoint || !m.fstype) {
		mount_clear(&m);
		return -ENOMEM;
	}
	*out = m;
	return 0;
}

static int add_line(struct mounts *m, const char *line)
{
	struct mount *at;
	int r;

	if (m->n >= MOUNTS_MAX)
		return -E2BIG;
	at = reallocarray(m->at, m->n + 1, sizeof(*at));
	if (!at)
		return -ENOMEM;
	m->at = at;
	r = mounts_parse(line, &at[m->n]);
	m->n += r == 0;
	return r == -EBADMSG ? 0 : r; /* no form that we know: not one of ours */
}

int mounts_read(struct mounts *out)
{
	AUTO(auto_fclose) FILE *f = fopen(MOUNTINFO, "re");
	AUTO(auto_free) char *line = NULL;
	struct mounts m = { 0 };
	size_t cap = 0;
	int r = 0;

	if (!f)
		return -errno;
	while (r == 0 && getline(&line, &cap, f) >= 0)
		r = add_line(&m, line);
	if (r == 0 && ferror(f))
		r = -EIO;
	if (r < 0)
		mounts_free(&m);
	else
		*out = m;
	return r;
}

void mounts_free(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		mount_clear(&m->at[i]);
	free(m->at);
	*m = (struct mounts){ 0 };
}

const struct mount *mounts_find(const struct mounts *m, const char *path)
{
	for (size_t i = m->n; i > 0; i--)
		if (strcmp(m->at[i - 1].mountpoint, path) == 0)
			return &m->at[i - 1];
	return NULL;
}

/* The last component, with the slashes behind it cut off; dir becomes what is above it. */
static char *cut_last(char *dir)
{
	char *slash;

	for (size_t n = strlen(dir); n > 1 && dir[n - 1] == '/'; n--)
		dir[n - 1] = '\0';
	slash = strrchr(dir, '/');
	if (!slash)
		return dir;
	*slash = '\0';
	return slash + 1;
}

int mounts_path(const char *path, char **out)
{
	AUTO(auto_free) char *dir = strdup(path);
	AUTO(auto_free) char *above = NULL;
	char *last, *whole;

	if (!dir)
		return -ENOMEM;
	last = cut_last(dir);
	if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0) {
		whole = realpath(path, NULL);
	} else {
		above = realpath(last == dir ? "." : *dir ? dir : "/", NULL);
		if (!above)
			return -errno;
		whole = path_join(strcmp(above, "/") == 0 ? "" : above, last);
	}
	if (!whole)
		return errno ? -errno : -ENOMEM;
	*out = whole;
	return 0;
}
