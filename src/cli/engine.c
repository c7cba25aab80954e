/* SPDX-License-Identifier: MPL-2.0 */
/* engine.c - see engine.h. */
#include "cli/engine.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "store/follow.h"
#include "fs/portal.h"
#include "source/ods.h"

#define ERRAND_THREADS 8u

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
	r = memory_new(opt->memory, &e->st.memory);
	if (r < 0 || opt->cache_mode == CACHE_NONE)
		return r;
	e->st.state_dir = e->env.state_dir;
	r = cache_open(&c, &e->st.cache);
	if (r < 0)
		(void)log_warn(
			0, "going on without a cache: everything read is fetched again next time");
	else
		cache_bound_queue(e->st.cache, opt->memory / 8 / BLOCK_SIZE);
	return 0;
}

int engine_open(struct engine *e)
{
	int r = env_open(&e->env);

	if (r == 0)
		r = volumes_new(&e->volumes);
	if (r == 0)
		r = errands_new(ERRAND_THREADS, &e->errands);
	return r < 0 ? r : open_store(e);
}

static int add(struct engine *e, const char *spec,
	       int (*open)(struct store *st, const struct source_env *env, const char *spec,
			   struct volume **out, char why[static 512]))
{
	struct volume *v = NULL;
	char why[512] = "";
	int r = open(&e->st, &e->env.src, spec, &v, why);

	if (r < 0)
		return why[0] ? log_error(0, "%s", why), r : r;
	r = volumes_add(e->volumes, v);
	if (r < 0)
		volume_discard(v);
	return r;
}

static int add_portal(struct engine *e, const char *spec)
{
	struct branch **more =
		reallocarray(e->branches, (size_t)e->n_branches + 1, sizeof(struct branch *));
	struct branch *b = NULL;
	char why[512] = "";
	int r;

	if (!more)
		return log_error(-ENOMEM, "%s", spec);
	e->branches = more;
	r = portal_open(&e->st, &e->env.src, spec, &b, why);
	for (unsigned i = 0; i < e->n_branches && r == 0; i++)
		if (strcmp(e->branches[i]->dir, b->dir) == 0)
			r = log_at(LOG_LEVEL_ERROR, -EEXIST, "%s: the portal is named twice", spec);
	if (b) {
		b->number = e->n_branches;
		e->branches[e->n_branches++] = b;
	}
	return r < 0 && why[0] ? log_error(0, "%s", why), r : r;
}

int engine_add(struct engine *e, const char *spec)
{
	if (ods_claims(spec))
		return add_portal(e, spec);
	return add(e, spec, volumes_count(e->volumes) == 0 ? volume_open : volume_open_lazily);
}

int engine_resolve(struct engine *e, const char *spec)
{
	return add(e, spec, volume_resolve);
}

int engine_nest(struct engine *e)
{
	if (!e->env.opt.nested && e->n_branches == 0)
		return 0;
	return nest_new(&e->st, VOLUMES_MAX + 1, &e->nest);
}

int engine_refresh(struct engine *e)
{
	return refresh_start(&e->st, &e->env.src, e->volumes, &e->refresh);
}

int engine_warm(struct engine *e)
{
	if (!e->env.opt.warm)
		return 0;
	if (!store_blocks_cache(&e->st))
		return log_warn(0, "warm: there is no cache to bring anything to");
	return warmer_start(&e->st, e->volumes, &e->warmer);
}

int engine_automount(struct engine *e)
{
	if (!e->env.opt.automount)
		return 0;
	return automount_new(&e->st, &e->env.src, e->volumes, e->errands, &e->automount);
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
	e->warmer = warmer_stop(e->warmer);
	refresh_end(e->refresh);
	errands_end(e->errands);
	nest_stop(e->nest); /* they read from the others */
	volumes_stop(e->volumes);
	atomic_store(&e->st.stopping, true);
	if (e->st.cache) /* what others bring would be ours to bring when they end */
		follow_stop(cache_follow(e->st.cache));
	volumes_stop_sources(e->volumes);
	if (e->env.http)
		http_stop(e->env.http);
	e->refresh = refresh_free(e->refresh); /* what it waited for has ended */
	e->errands = errands_free(e->errands); /* whoever waited for the network has been answered */
	e->automount = automount_free(e->automount);
	e->env.pool = pool_free(e->env.pool); /* jobs may still submit: it ends at once */
	e->nest = nest_free(e->nest);
	for (unsigned i = 0; i < e->n_branches; i++)
		portal_close(e->branches[i]);
	free(e->branches);
	e->branches = NULL;
	e->n_branches = 0;
	e->volumes = volumes_free(e->volumes);
	e->st.memory = memory_free(e->st.memory);
	e->st.cache = cache_close(e->st.cache);
	env_close(&e->env);
}
