/* SPDX-License-Identifier: MPL-2.0 */
/* local.c - see local.h. */
#include "source/local.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "source/dataset.h"

static bool claims(const char *spec)
{
	struct stat st;

	return strchr(spec, '/') || (stat(spec, &st) == 0 && S_ISREG(st.st_mode));
}

/* The file's name as the user wrote it ("latest.tar.gz"), or the real one when he wrote none. */
static const char *name_of(const char *spec, const char *real)
{
	const char *slash = strrchr(spec, '/'), *name = slash ? slash + 1 : spec;

	return dataset_name_ok(name) ? name : strrchr(real, '/') + 1;
}

static char *describe(const struct dataset *d, const char *path)
{
	AUTO(auto_json_free) struct json *j = json_object();

	json_set_str(j, "path", path);
	json_set_str(j, "filename", d->filename);
	json_set_u64(j, "sizeBytes", d->size);
	json_set_i64(j, "modified", d->mtime);
	return json_print(j, true);
}

static int fill(struct source *s, const struct stat *st, const char *spec, char why[static 512])
{
	struct dataset *d = &s->dataset;
	const char *name = name_of(spec, s->path);
	AUTO(auto_free) char *slug = dataset_slug(name);
	int r = slug ? dataset_set_names(d, slug, name, why) : -ENOMEM;

	if (r < 0)
		return r;
	d->has_size = true;
	d->size = (uint64_t)st->st_size;
	d->mtime = st->st_mtim.tv_sec;
	d->name = strdup(name);
	d->page = strdup("");
	s->key = strdup(s->path);
	if (asprintf(&d->id, "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st->st_dev,
		    (uintmax_t)st->st_ino) < 0)
		d->id = NULL;
	d->details = describe(d, s->path);
	if (!d->name || !d->page || !s->key || !d->id || !d->details)
		return -ENOMEM;
	d->readme = dataset_readme(d, NULL);
	return d->readme ? 0 : -ENOMEM;
}

static int look(const char *spec, char **real, struct stat *st, char why[static 512])
{
	AUTO(auto_free) char *path = NULL;

	if (strstr(spec, "://"))
		return scheme_fail(why, -EINVAL, "only http:// and https:// URLs can be mounted");
	path = realpath(spec, NULL);
	if (!path || stat(path, st) < 0)
		return scheme_fail(why, -errno, "%.300s: %s", spec, strerror(errno));
	if (!S_ISREG(st->st_mode))
		return scheme_fail(why, S_ISDIR(st->st_mode) ? -EISDIR : -EINVAL,
			"%.300s: only a regular file can be mounted", spec);
	if (access(path, R_OK) < 0)
		return scheme_fail(
			why, -errno, "%.300s: cannot be read: %s", spec, strerror(errno));
	*real = steal(&path);
	return 0;
}

static void close_local(struct source *s)
{
	scheme_clear(s);
	free(s);
}

static int open_local(
	const struct source_env *env, const char *spec, struct source **out, char why[static 512])
{
	struct source *s = calloc(1, sizeof(*s));
	struct stat st;
	int r;

	(void)env;
	if (!s)
		return -ENOMEM;
	s->ops = &local_source;
	r = look(spec, &s->path, &st, why);
	if (r == 0)
		r = fill(s, &st, spec, why);
	if (r < 0) {
		close_local(s);
		return r;
	}
	*out = s;
	return 0;
}

/* There is nothing to ask for: the file is read where it is. */
static int locate(struct source *s, struct waiter *w, struct location *out)
{
	(void)s;
	(void)w;
	(void)out;
	return -ENOTSUP;
}

static int refused(struct source *s, uint64_t generation)
{
	(void)s;
	(void)generation;
	return -EACCES;
}

static void trouble(struct source *s, char out[static 512])
{
	(void)s;
	out[0] = '\0';
}

const struct source_ops local_source = {
	.scheme = "local",
	.claims = claims,
	.open = open_local,
	.close = close_local,
	.locate = locate,
	.refused = refused,
	.trouble = trouble,
};
