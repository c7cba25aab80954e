/* SPDX-License-Identifier: MPL-2.0 */
/* index.c - mdcfs index: build, show, export and import the index of an archive. */
#include <errno.h>
#include <string.h>

#include "cli/index_build.h"
#include "cli/command.h"
#include "cli/index_show.h"
#include "cli/index_transfer.h"

static const char help[] =
	"Usage: mdcfs index build  [--json] [-o OPT[,OPT...]] SOURCE\n"
	"       mdcfs index show   [--json] [-o OPT[,OPT...]] SOURCE\n"
	"       mdcfs index export [-o OPT[,OPT...]] SOURCE FILE\n"
	"       mdcfs index import [-o OPT[,OPT...]] FILE [SOURCE]\n"
	"\n"
	"The index of an archive says where its members are. A mount makes it when it is\n"
	"needed; this makes it beforehand, or carries it from one machine to another.\n"
	"\n"
	"  build        read the archive to its end; goes on where it was stopped\n"
	"  show         how far the index is, and how large\n"
	"  export       write a complete index to one file, '-' for standard output\n"
	"  import       use such a file; with SOURCE only if it is of that\n"
	"\n"
	"  SOURCE       SLUG, ID or mdc:SLUG; https://HOST/FILE; a path with a '/'\n"
	"  -j, --json   print the result as JSON\n"
	"  -o OPTS      options, as for 'mdcfs mount'\n"
	"  -h, --help   show this\n";

struct order {
	struct engine engine;
	bool as_json;
	char **args; /* behind the verb */
	int n;
};

static int build(struct order *o)
{
	return index_build(&o->engine, o->args[0], o->as_json);
}

static int show(struct order *o)
{
	return index_show(&o->engine, o->args[0], o->as_json);
}

static int export(struct order *o)
{
	return index_export(&o->engine, o->args[0], o->args[1]);
}

static int import(struct order *o)
{
	return index_import(&o->engine, o->args[0], o->n > 1 ? o->args[1] : NULL);
}

static const struct verb {
	const char *name;
	int min, max; /* arguments */
	bool json;
	const char *wants;
	int (*run)(struct order *o);
} verbs[] = {
	{ "build", 1, 1, true, "one SOURCE is expected", build },
	{ "show", 1, 1, true, "one SOURCE is expected", show },
	{ "export", 2, 2, false, "a SOURCE and a FILE are expected", export },
	{ "import", 1, 2, false, "a FILE is expected, and a SOURCE maybe", import },
};

static int run(struct order *o, const char *argv0, const char *name)
{
	const struct verb *v = NULL;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			v = &verbs[i];
	if (!v)
		return command_misused(argv0, "'%s' is not build, show, export or import", name);
	if (o->n < v->min || o->n > v->max)
		return command_misused(argv0, "%s: %s", name, v->wants);
	if (o->as_json && !v->json)
		return command_misused(argv0, "%s prints no JSON", name);
	r = env_options(&o->engine.env, NULL);
	return r == 0 ? v->run(o) : r;
}

int command_index(int argc, char **argv)
{
	struct order o = { .as_json = false };
	struct command_common c = { .help = help, .json = &o.as_json, .env = &o.engine.env };
	int r;

	if (command_option(argc, argv, &c, NULL, NULL) == 0) {
		r = c.result;
	} else if (optind == argc) {
		r = command_misused(argv[0], "build, show, export or import?");
	} else {
		o.args = argv + optind + 1;
		o.n = argc - optind - 1;
		r = run(&o, argv[0], argv[optind]);
	}
	engine_close(&o.engine);
	return r;
}
