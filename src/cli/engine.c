/* SPDX-License-Identifier: MPL-2.0 */
/* engine.c - see engine.h. */
#include "cli/engine.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"

static int open_store(struct engine *e)
{
	const struct options *opt = &e->env.opt;
	struct cache_config c = {
		.dir = e->env.cache_dir,
		.max_bytes = opt->cache_size,
		.min_free = opt->cache_reserve,
	};
	int r;

	e->st.http = e->env.http;
	e->st.pool = e->env.pool;
	e->st.opt = opt;
	e->st.state_dir = e->env.state_dir;
	r = memory_new(opt->read_ahead, &e->st.memory);
	if (r < 0)
		return r;
	r = cache_open(&c, &e->st.cache);
	if (r < 0)
		(void)log_warn(
			0, "going on without a cache: everything read is fetched again next time");
	return 0;
}

int engine_open(struct engine *e)
{
	int r = env_open(&e->env);

	return r < 0 ? r : open_store(e);
}

/* Two datasets of one name: the second gets a number. */
static int make_unique(const struct engine *e, struct volume *v)
{
	for (unsigned n = 2;; n++) {
		bool taken = false;
		char *name;

		for (unsigned i = 0; i < e->n_volumes; i++)
			taken |= strcmp(e->volumes[i]->dir, v->dir) == 0;
		if (!taken)
			return 0;
		if (asprintf(&name, "%s-%u", v->dataset->slug, n) < 0)
			return log_error(-ENOMEM, "%s", v->dataset->slug);
		free(v->dir);
		v->dir = name;
	}
}

static int add(struct engine *e, const char *spec,
	       int (*open)(struct store *st, const struct source_env *env, const char *spec,
			   struct volume **out, char why[static 512]))
{
	struct volume **more =
		reallocarray(e->volumes, (size_t)e->n_volumes + 1, sizeof(struct volume *));
	struct volume *v = NULL;
	char why[512] = "";
	int r;

	if (!more)
		return log_error(-ENOMEM, "%s", spec);
	e->volumes = more;
	r = open(&e->st, &e->env.src, spec, &v, why);
	if (r == 0)
		r = make_unique(e, v);
	if (v)
		e->volumes[e->n_volumes++] = v;
	return r < 0 && why[0] ? log_error(0, "%s", why), r : r;
}

int engine_add(struct engine *e, const char *spec)
{
	return add(e, spec, volume_open);
}

int engine_resolve(struct engine *e, const char *spec)
{
	return add(e, spec, volume_resolve);
}

int engine_nest(struct engine *e)
{
	if (!e->env.opt.nested)
		return 0;
	return nest_new(&e->st, e->n_volumes + 1, &e->nest);
}

int engine_index(const struct volume *v, char **path)
{
	const char *dir = object_dir(v->object);

	if (!dir)
		return log_error(0, "there is no cache directory, and so no index"), -ENOENT;
	*path = path_join(dir, "index.db");
	return *path ? 0 : -ENOMEM;
}

void engine_close(struct engine *e)
{
	nest_stop(e->nest); /* they read from the others */
	for (unsigned i = 0; i < e->n_volumes; i++)
		volume_stop(e->volumes[i]);
	atomic_store(&e->st.stopping, true);
	for (unsigned i = 0; i < e->n_volumes; i++)
		if (e->volumes[i]->source)
			source_stop(e->volumes[i]->source);
	if (e->env.http)
		http_stop(e->env.http);
	e->env.pool = pool_free(e->env.pool); /* jobs may still submit: it ends at once */
	e->nest = nest_free(e->nest);
	for (unsigned i = 0; i < e->n_volumes; i++)
		volume_free(e->volumes[i]);
	free(e->volumes);
	e->volumes = NULL;
	e->n_volumes = 0;
	e->st.memory = memory_free(e->st.memory);
	e->st.cache = cache_close(e->st.cache);
	env_close(&e->env);
}
