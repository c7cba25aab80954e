/* SPDX-License-Identifier: MPL-2.0 */
/* volume.c - see volume.h. */
#include "fs/volume.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/suffix.h"

/* Locate and wait: only to hear early that there will be no bytes. */
static int ask_for_lease(struct source *s, char why[static 512])
{
	struct thread_waiter t;
	char said[512];
	struct location loc = { 0 };
	int r;

	thread_waiter_init(&t);
	while ((r = source_locate(s, &t.w, &loc)) == PARKED) {
		r = thread_waiter_wait(&t, -1);
		if (r < 0)
			break;
	}
	thread_waiter_destroy(&t);
	free(loc.url);
	if (r < 0) {
		source_trouble(s, said);
		if (!said[0])
			snprintf(why, 512, "%s: no download session: %s", source_dataset(s)->slug,
				 strerror(-r));
	}
	return r;
}

/* Only what a person has to mend keeps a dataset from being mounted. */
static bool is_final(int r)
{
	return r == -EACCES || r == -ENOENT || r == -ESTALE || r == -EINVAL || r == -ENOMEM;
}

static int check_access(struct volume *v, char why[static 512])
{
	bool needed = v->archive ? !archive_complete(v->archive) : v->raw->size > 0;
	int r;

	if (!needed || source_path(v->source) || source_granted(v->source))
		return 0;
	r = ask_for_lease(v->source, why);
	if (r == 0 || is_final(r))
		return r;
	if (why[0])
		(void)log_warn(0, "%s", why);
	return 0;
}

static int open_archive(struct store *st, struct volume *v)
{
	const char *filename = v->dataset->filename;
	size_t suffix = suffix_len(filename);
	struct archive_config c = {
		.st = st,
		.raw = v->raw,
		.filename = filename,
		.dir = object_dir(v->object),
		.checksum = v->dataset->checksum,
	};

	if (suffix == 0)
		return 0;
	v->archive_dir = strndup(filename, strlen(filename) - suffix);
	return v->archive_dir ? archive_new(&c, &v->archive) : -ENOMEM;
}

/* v has its source: its object. */
static int take_source(struct store *st, const char *spec, struct volume *v, char why[static 512])
{
	int r;

	extras_init(&v->extras, v);
	v->dataset = source_dataset(v->source);
	v->dir = strdup(v->dataset->slug);
	v->spec = strdup(spec);
	if (!v->dir || !v->spec)
		return -ENOMEM;
	r = object_open(st, v->source, &v->object, why);
	if (r < 0)
		return r;
	v->raw = object_reader(v->object);
	v->checked = source_recalled(v->source) ? 0 : clock_now();
	v->unverified = source_path(v->source) != NULL;
	return 0;
}

static int resolve(struct store *st, const struct source_env *env, const char *spec,
		   struct volume *v, char why[static 512])
{
	int r = source_open(env, spec, &v->source, why);

	return r < 0 ? r : take_source(st, spec, v, why);
}

int volume_resolve(struct store *st, const struct source_env *env, const char *spec,
		   struct volume **out, char why[static 512])
{
	struct volume *v = calloc(1, sizeof(*v));
	int r;

	why[0] = '\0';
	r = v ? resolve(st, env, spec, v, why) : -ENOMEM;
	if (r == 0) {
		*out = v;
		return 0;
	}
	volume_discard(v);
	if (r == -ENOMEM && !why[0])
		snprintf(why, 512, "a dataset cannot be opened: %s", strerror(-r));
	return r;
}

/* With the archive; with a download session if need be and if that is wished. */
static int open_whole(struct store *st, const struct source_env *env, const char *spec, bool access,
		      struct volume **out, char why[static 512])
{
	struct volume *v = NULL;
	int r = volume_resolve(st, env, spec, &v, why);

	if (r == 0)
		r = open_archive(st, v);
	if (r == 0 && access)
		r = check_access(v, why);
	if (r < 0) {
		volume_discard(v);
		return r;
	}
	v->read_all = st->opt->pass == PASS_BACKGROUND;
	*out = v;
	return 0;
}

int volume_open(struct store *st, const struct source_env *env, const char *spec,
		struct volume **out, char why[static 512])
{
	return open_whole(st, env, spec, true, out, why);
}

int volume_open_lazily(struct store *st, const struct source_env *env, const char *spec,
		       struct volume **out, char why[static 512])
{
	return open_whole(st, env, spec, false, out, why);
}

int volume_open_sample(struct store *st, struct volume *of, struct volume **out,
		       char why[static 512])
{
	struct volume *v = calloc(1, sizeof(*v));
	int r;

	why[0] = '\0';
	r = v ? source_open_sample(of->source, &v->source, why) : -ENOMEM;
	if (r == 0)
		r = take_source(st, "", v, why);
	if (r == 0)
		r = open_archive(st, v);
	if (r < 0) {
		volume_discard(v);
		return r;
	}
	v->read_all = st->opt->pass == PASS_BACKGROUND;
	*out = v;
	return 0;
}

int volume_reopen(struct store *st, const struct source_env *env, const struct volume *v,
		  struct volume **out, char why[static 512])
{
	return open_whole(st, env, v->spec, false, out, why);
}

int volume_check(struct volume *v, const _Atomic bool *stop, char why[static 512])
{
	int r = source_check(v->source, why);

	return r == -EOPNOTSUPP ? object_check(v->object, stop) : r;
}

int volume_look(struct volume *v)
{
	static const _Atomic bool never = false;

	return source_path(v->source) ? object_check(v->object, &never) : 0;
}

void volume_begin(struct volume *v)
{
	if (v->archive && v->read_all)
		archive_read_all(v->archive);
}

void volume_stop(struct volume *v)
{
	if (v->archive)
		archive_stop(v->archive);
}

struct volume *volume_free(struct volume *v)
{
	if (!v)
		return NULL;
	archive_free(v->archive);
	object_close(v->object);
	source_close(v->source);
	extras_free(&v->extras);
	free(v->dir);
	free(v->archive_dir);
	free(v->spec);
	free(v);
	return NULL;
}

struct volume *volume_discard(struct volume *v)
{
	if (!v)
		return NULL;
	volume_stop(v);
	if (v->source)
		source_stop(v->source);
	return volume_free(v);
}

/* What was odd about members: how many, and what. */
static struct json *damage_status(const struct archive_info *i)
{
	struct json *list = json_array();

	for (unsigned k = 0; k < TREE_DAMAGES; k++) {
		struct json *j;

		if (i->damage[k] == 0)
			continue;
		j = json_object();
		json_set_u64(j, "members", i->damage[k]);
		json_set_str(j, "what", tree_damage_text(k));
		json_append(list, j);
	}
	return list;
}

static struct json *archive_status(struct archive *a)
{
	struct json *j = json_object();
	struct archive_info i;

	if (!a) {
		json_set_str(j, "format", NULL);
		json_set_str(j, "state", "none");
		return j;
	}
	archive_info(a, &i);
	json_set_str(j, "format", i.format);
	json_set_str(j, "state", i.state);
	json_set_u64(j, "members", i.members);
	json_set_u64(j, "position", i.position);
	json_set_u64(j, "total", i.total);
	json_set_u64(j, "rate", i.rate);
	json_set_bool(j, "verified", i.verified);
	json_set_str(j, "error", i.error);
	json_set(j, "damage", damage_status(&i));
	return j;
}

static struct json *lease_status(struct source *s)
{
	struct json *j = json_object();
	int64_t expires = source_expires(s);
	char text[32];

	clock_format(expires, text);
	json_set_str(j, "expires", expires ? text : NULL);
	return j;
}

static struct json *version_status(struct volume *v)
{
	struct json *j = json_object();
	int64_t checked = atomic_load(&v->checked);
	char text[32];

	clock_format(checked, text);
	json_set_str(j, "is", object_version(v->object));
	json_set_str(j, "checked", checked ? text : NULL);
	json_set_bool(j, "changed", object_changed(v->object));
	json_set_u64(j, "earlier", v->earlier);
	return j;
}

struct json *volume_status(struct volume *v)
{
	struct json *j = json_object();
	char trouble[512];

	source_trouble(v->source, trouble);
	json_set_str(j, "slug", v->dir);
	json_set_str(j, "id", v->dataset->id);
	json_set_str(j, "name", v->dataset->name);
	json_set_str(j, "filename", v->dataset->filename);
	json_set_u64(j, "size", v->raw->size);
	json_set_str(j, "scheme", source_scheme(v->source));
	json_set_str(j, "identity", v->raw->identity);
	json_set(j, "version", version_status(v));
	json_set(j, "archive", archive_status(v->archive));
	json_set(j, "lease", lease_status(v->source));
	json_set_bool(j, "absent", object_absent(v->object));
	json_set_str(j, "trouble", trouble);
	return j;
}
