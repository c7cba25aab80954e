/* SPDX-License-Identifier: MPL-2.0 */
/* env.c - see env.h. */
#include "cli/env.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/credentials.h"
#include "base/file.h"
#include "base/log.h"
#include "base/password.h"
#include "base/version.h"
#include "source/api.h"

#define POOL_MIN 2
#define POOL_MAX 32

static char *default_dir(const char *var, const char *below_home)
{
	AUTO(auto_free) char *base = path_xdg(var, below_home);

	return base ? path_join(base, "mdcfs") : NULL;
}

/* A path as given: "~/x" and relative ones made absolute, for nothing expands them in a config file
 * or behind -o, and a daemon's working directory is not its user's. */
static char *absolute_path(const char *given)
{
	const char *home = getenv("HOME");
	AUTO(auto_free) char *cwd = NULL;

	if (given[0] == '/')
		return strdup(given);
	if (strncmp(given, "~/", 2) == 0 && home && home[0] == '/')
		return path_join(home, given + 2);
	cwd = getcwd(NULL, 0);
	return cwd ? path_join(cwd, given) : NULL;
}

int env_options(struct env *e, const char *list)
{
	int r = e->loaded ? 0 : options_load(&e->opt);

	if (r < 0)
		return r;
	e->loaded = true;
	return list ? options_parse(&e->opt, list) : 0;
}

static int load_password(struct options *opt)
{
	AUTO(auto_free) char *path = NULL;

	if (!opt->password_file || !*opt->password_file || opt->password)
		return 0;
	path = absolute_path(opt->password_file);
	return path ? password_read(path, &opt->password) : -ENOMEM;
}

/* A key that was given anywhere wins over the one that was kept, also when it is empty. */
static int load_api_key(struct options *opt)
{
	AUTO(auto_free) char *scope = NULL;
	int r;

	if (opt->api_key_given)
		return 0;
	r = api_scope(opt, &scope);
	if (r == 0)
		r = credentials_get(scope, &opt->api_key);
	return r == -ENOMEM ? r : 0; /* without a key a lot is possible */
}

/* Make it, and see that we may write there. */
static int make_dir(const char *dir)
{
	int r = dir_make(dir, 0700);

	return r == 0 && access(dir, W_OK | X_OK) < 0 ? -errno : r;
}

char *env_lease_dir(const struct options *opt)
{
	const char *given = opt->lease_dir;

	return given && *given ? absolute_path(given)
			       : default_dir("XDG_STATE_HOME", ".local/state");
}

/* One for all mounts of a user, whatever their caches.  Where there is no home to keep it in,
 * leases are at least kept with the cache. */
static void resolve_lease_dir(struct env *e)
{
	const char *given = e->opt.lease_dir;
	int r;

	free(e->lease_dir);
	e->lease_dir = env_lease_dir(&e->opt);
	r = e->lease_dir ? make_dir(e->lease_dir) : -ENOENT;
	if (r == 0)
		return;
	if (given && *given)
		(void)log_warn(r, "%s: leases cannot be kept there", given);
	free(e->lease_dir);
	e->lease_dir = e->state_dir ? path_join(e->state_dir, "leases") : NULL;
}

/* It is opened again for each connection, wherever the process is then. */
static int place_cacert(struct options *opt)
{
	char *path;

	if (!opt->cacert || !*opt->cacert)
		return 0;
	path = absolute_path(opt->cacert);
	if (!path)
		return -ENOMEM;
	free(opt->cacert);
	opt->cacert = path;
	return 0;
}

int env_resolve(struct env *e)
{
	const char *given;
	int r = env_options(e, NULL);

	if (r == 0)
		r = log_set_areas(e->opt.debug);
	if (r == 0)
		r = load_password(&e->opt);
	if (r == 0)
		r = place_cacert(&e->opt);
	if (r == 0)
		r = load_api_key(&e->opt);
	if (r < 0)
		return r;
	free(e->cache_dir);
	free(e->state_dir);
	e->state_dir = NULL;
	given = e->opt.cache_dir;
	e->cache_dir =
		given && *given ? absolute_path(given) : default_dir("XDG_CACHE_HOME", ".cache");
	if (!e->cache_dir) {
		(void)log_error(0, "no directory for the cache: give -o cache_dir=DIR or set HOME");
		return -ENOENT;
	}
	r = make_dir(e->cache_dir);
	if (r < 0)
		(void)log_warn(r, "nothing is kept in %s", e->cache_dir);
	else if (!(e->state_dir = strdup(e->cache_dir)))
		return -ENOMEM;
	resolve_lease_dir(e);
	return 0;
}

static unsigned pool_size(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return (unsigned)MIN(MAX(n, POOL_MIN), POOL_MAX);
}

/* A secret in memory stays out of core dumps (which go where others may read them). */
static void protect_secrets(const struct env *e)
{
#ifdef SANITIZED
	(void)e; /* sanitizers ptrace the process */
#else
	if ((e->opt.api_key || e->opt.ods_key || e->opt.password) && prctl(PR_SET_DUMPABLE, 0) < 0)
		(void)log_warn(-errno, "core dumps cannot be turned off");
#endif
}

static int start_http(struct env *e)
{
	const struct http_config c = {
		.connections = e->opt.connections,
		.cacert = e->opt.cacert,
		.hedge = e->opt.hedge,
		.connect_timeout_s = (unsigned)e->opt.connect_timeout,
		.stall_timeout_s = (unsigned)e->opt.stall_timeout,
	};

	return http_new(&c, &e->http);
}

int env_open(struct env *e)
{
	int r = e->cache_dir ? 0 : env_resolve(e);

	if (r < 0)
		return r;
	protect_secrets(e);
	r = pool_new(pool_size(), &e->pool);
	if (r < 0)
		return log_error(r, "cannot start threads");
	r = start_http(e);
	if (r < 0)
		return log_error(r, "cannot start the network thread");
	r = servertime_new(&e->time);
	if (r < 0)
		return log_error(r, "cannot start");
	e->src = (struct source_env){
		.http = e->http,
		.pool = e->pool,
		.opt = &e->opt,
		.state_dir = e->opt.cache_mode == CACHE_NONE ? NULL : e->state_dir,
		.api_down_ms = &e->api_down_ms,
		.lease_dir = e->lease_dir,
		.time = e->time,
	};
	return 0;
}

void env_close(struct env *e)
{
	/* the pool last: transfers that are cancelled hand their ends to it */
	e->http = http_free(e->http);
	e->pool = pool_free(e->pool);
	free(e->cache_dir);
	free(e->state_dir);
	free(e->lease_dir);
	e->cache_dir = e->state_dir = e->lease_dir = NULL;
	e->time = servertime_free(e->time);
	options_free(&e->opt);
	e->loaded = false;
}
