/* SPDX-License-Identifier: MPL-2.0 */
/* cache.c - mdcfs cache: what is kept on the disk, and for how long. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "cli/cache_clear.h"
#include "cli/cache_list.h"
#include "cli/cache_show.h"
#include "cli/cache_verify.h"
#include "cli/command.h"
#include "cli/engine.h"
#include "cli/human.h"
#include "store/objects.h"

static const char help[] =
	"Usage: mdcfs cache show   [--json] [-o OPT[,OPT...]] [SOURCE...]\n"
	"       mdcfs cache verify [--json] [-o OPT[,OPT...]] [SOURCE...]\n"
	"       mdcfs cache gc     [--json] [-o OPT[,OPT...]]\n"
	"       mdcfs cache clear  [--json] [--force] [-o OPT[,OPT...]] [SOURCE...]\n"
	"       mdcfs cache pin    [-o OPT[,OPT...]] SOURCE...\n"
	"       mdcfs cache unpin  [-o OPT[,OPT...]] SOURCE...\n"
	"\n"
	"The cache keeps on the disk what was read once, within cache_size.\n"
	"\n"
	"  show         what is in it, and how much\n"
	"  verify       read every block and forget those that are damaged\n"
	"  gc           take away what is of no use any more\n"
	"  clear        take away what belongs to SOURCE, or everything\n"
	"  pin          keep what belongs to SOURCE until it is unpinned\n"
	"  unpin        let it go when room is needed\n"
	"\n"
	"  SOURCE       SLUG or mdc:SLUG; https://HOST/FILE; a path; a file's name; or\n"
	"               an identity, at least eight digits of it\n"
	"  -f, --force  clear pinned ones too\n"
	"  -j, --json   print the result as JSON\n"
	"  -o OPTS      options, as for 'mdcfs mount'\n"
	"  -h, --help   show this\n";

struct order {
	struct engine engine;
	struct cache *cache;
	struct cache_list list;
	bool as_json, force;
	char **args; /* behind the verb */
	int n;
};

static int say_removed(const struct order *o, const struct cache_removed *what)
{
	AUTO(auto_json_free) struct json *j = NULL;
	AUTO(auto_free) char *text = NULL;
	char size[32];

	if (!o->as_json) {
		printf("%u objects and %u other files were removed, %s\n", what->objects,
		       what->files, human_size(what->bytes, size));
		return 0;
	}
	j = json_object();
	json_set_u64(j, "objects", what->objects);
	json_set_u64(j, "files", what->files);
	json_set_u64(j, "bytes", what->bytes);
	text = json_print(j, true);
	return !text ? -ENOMEM : fputs(text, stdout) < 0 ? -EIO : 0;
}

static int show(struct order *o)
{
	int r = cache_list_choose_all(&o->list, o->args, o->n);

	return r < 0 ? r : cache_show(o->cache, &o->engine.env.opt, &o->list, o->as_json);
}

static int verify(struct order *o)
{
	int r = cache_list_choose_all(&o->list, o->args, o->n);

	return r < 0 ? r : cache_verify(o->cache, &o->list, o->as_json);
}

static int gc(struct order *o)
{
	struct cache_removed what = { 0 };
	int r = cache_gc(o->cache, &o->list, &what), said = say_removed(o, &what);

	return r < 0 ? r : said;
}

static int clear(struct order *o)
{
	struct cache_removed what = { 0 };
	int r = cache_list_choose_all(&o->list, o->args, o->n), said;

	if (r < 0)
		return r;
	r = cache_clear(o->cache, &o->list, o->force, &what);
	said = say_removed(o, &what);
	return r < 0 ? r : said;
}

static int set_pin(struct order *o, const char *identity, const char *name, bool pinned)
{
	int r = objects_pin(cache_objects(o->cache), identity, pinned);

	if (r < 0)
		return log_error(r, "%s", name);
	human_print(stdout, name);
	puts(pinned ? " is pinned" : " is not pinned");
	return 0;
}

/* What the cache does not know yet: its source says which version it has now. */
static int pin_unknown(struct order *o, const char *spec)
{
	const struct volume *v;
	int r = o->engine.st.http ? 0 : engine_open(&o->engine);

	if (r == 0)
		r = engine_resolve(&o->engine, spec);
	if (r < 0)
		return r;
	v = volumes_at(o->engine.volumes, volumes_count(o->engine.volumes) - 1);
	return set_pin(o, v->raw->identity, spec, true);
}

/* Of several versions the one that was used last, and what lies inside of it. */
static int pin_one(struct order *o, char *spec)
{
	struct cache_list *l = &o->list;
	int r = 0;

	for (size_t k = 0; k < l->n; k++)
		l->at[k].chosen = false;
	if (cache_list_choose(l, spec) == 0)
		return pin_unknown(o, spec);
	for (size_t k = 0; k < l->n; k++)
		for (size_t n = k + 1; l->at[k].chosen && l->at[k].of[0] && n < l->n; n++)
			l->at[n].chosen &= strcmp(l->at[n].of, l->at[k].of) != 0;
	cache_list_choose_inner(l);
	for (size_t k = 0; r == 0 && k < l->n; k++)
		if (l->at[k].chosen)
			r = set_pin(o, l->at[k].identity, cache_item_name(&l->at[k]), true);
	return r;
}

static int pin(struct order *o)
{
	int result = 0;

	for (int i = 0; i < o->n; i++) {
		int r = pin_one(o, o->args[i]);

		result = result < 0 ? result : r;
	}
	return result;
}

static int unpin(struct order *o)
{
	int r = cache_list_choose_all(&o->list, o->args, o->n);

	for (size_t k = 0; r == 0 && k < o->list.n; k++) {
		const struct cache_item *i = &o->list.at[k];

		if (i->chosen && i->pinned)
			r = set_pin(o, i->identity, cache_item_name(i), false);
	}
	return r;
}

static const struct verb {
	const char *name;
	int min, max; /* arguments */
	bool json, force;
	int (*run)(struct order *o);
} verbs[] = {
	{ "show", 0, INT16_MAX, true, false, show },
	{ "verify", 0, INT16_MAX, true, false, verify },
	{ "gc", 0, 0, true, false, gc },
	{ "clear", 0, INT16_MAX, true, true, clear },
	{ "pin", 1, INT16_MAX, false, false, pin },
	{ "unpin", 1, INT16_MAX, false, false, unpin },
};

static int open_cache(struct order *o)
{
	struct env *e = &o->engine.env;
	struct cache_config c = { 0 };
	int r = env_options(e, NULL);

	if (r == 0)
		r = env_resolve(e);
	if (r < 0)
		return r;
	c.dir = e->cache_dir;
	c.max_bytes = e->opt.cache_size;
	c.min_free = e->opt.cache_reserve;
	r = cache_open(&c, &o->cache);
	return r < 0 ? r : cache_list_read(o->cache, &o->list);
}

static int run(struct order *o, const char *argv0, const char *name)
{
	const struct verb *v = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			v = &verbs[i];
	if (!v)
		return command_misused(argv0, "'%s' is not show, verify, gc, clear, pin or unpin",
				       name);
	if (o->n < v->min)
		return command_misused(argv0, "%s: a SOURCE is expected", name);
	if (o->n > v->max)
		return command_misused(argv0, "%s takes no SOURCE", name);
	if (o->as_json && !v->json)
		return command_misused(argv0, "%s prints no JSON", name);
	if (o->force && !v->force)
		return command_misused(argv0, "--force is for clear");
	r = open_cache(o);
	return r == 0 ? v->run(o) : r;
}

int command_cache(int argc, char **argv)
{
	static const struct option longs[] = { { "force", no_argument, NULL, 'f' }, { 0 } };
	struct order o = { .as_json = false };
	struct command_common common = { .help = help, .json = &o.as_json, .env = &o.engine.env };
	int c, r;

	while ((c = command_option(argc, argv, &common, "f", longs)) > 0)
		o.force |= c == 'f';
	if (c == 0) {
		r = common.result;
	} else if (optind == argc) {
		r = command_misused(argv[0], "show, verify, gc, clear, pin or unpin?");
	} else {
		o.args = argv + optind + 1;
		o.n = argc - optind - 1;
		r = run(&o, argv[0], argv[optind]);
	}
	cache_list_free(&o.list);
	o.cache = cache_close(o.cache);
	engine_close(&o.engine);
	return r;
}
