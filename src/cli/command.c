/* SPDX-License-Identifier: MPL-2.0 */
/* command.c - see command.h. */
#include "cli/command.h"

#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>

#include "base/log.h"
#include "base/options.h"
#include "base/suggest.h"
#include "base/version.h"
#include "cli/env.h"

#define HELPER "mount.mdcfs"
#define HELPER_ARGS_MAX 64
#define OWN_OPTIONS_MAX 24 /* long ones of one command */

static const struct command {
	const char *name, *help;
	int (*run)(int argc, char **argv);
} table[] = {
	{ "mount", "mount datasets below a directory", command_mount },
	{ "umount", "unmount, and wait until the daemon has ended", command_umount },
	{ "index", "build, show, export and import the index of an archive", command_index },
	{ "warm", "bring files of a mount to its cache", command_warm },
	{ "verify", "check the SHA-256 of a dataset's file", command_verify },
	{ "cache", "show, check and clear what is kept on the disk", command_cache },
	{ "list", "search the catalogue of datasets", command_list },
	{ "info", "show what is known of a dataset", command_info },
	{ "status", "show what mounts are doing", command_status },
	{ "login", "keep the key of a service", command_login },
	{ "doctor", "look for what keeps mounts from working", command_doctor },
	{ "version", "show the version", command_version },
};

static int print_help(void)
{
	puts("Usage: mdcfs COMMAND [ARGUMENT...]\n"
	     "\n"
	     "Mount remote datasets and archives, and read them as if they were here.\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		printf("  %-10s %s\n", table[i].name, table[i].help);
	puts("\n"
	     "'mdcfs COMMAND --help' says more about one, 'man mdcfs' about all.\n"
	     "mdcfs --version shows the version, --dump-options the names of all options.");
	return 0;
}

void command_ending(sigset_t *set)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction now;

	sigemptyset(set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
}

int command_misused(const char *argv0, const char *fmt, ...)
{
	va_list ap;

	if (fmt) {
		fprintf(stderr, "%s: ", argv0);
		va_start(ap, fmt);
		vfprintf(stderr, fmt, ap);
		va_end(ap);
		fputc('\n', stderr);
	}
	fprintf(stderr, "Try '%s --help'.\n", argv0);
	return COMMAND_USAGE;
}

/* Do what an option that all have means.  0: go on; 1: the command is over. */
static int take_common(struct command_common *c, int option)
{
	int r = 0;

	switch (option) {
	case 'h':
		c->result = fputs(c->help, stdout) < 0 ? -EIO : 0;
		return 1;
	case 'j':
		*c->json = true;
		return 0;
	default:
		r = env_options(c->env, optarg);
		c->result = r == -EINVAL ? COMMAND_USAGE : r;
		return r < 0;
	}
}

int command_option(int argc, char **argv, struct command_common *c, const char *shorts,
		   const struct option *longs)
{
	struct option all[OWN_OPTIONS_MAX + 3] = { { "help", no_argument, NULL, 'h' } };
	char letters[64];
	int n = 1, option;

	if (c->json)
		all[n++] = (struct option){ "json", no_argument, NULL, 'j' };
	for (; longs && longs->name && n < OWN_OPTIONS_MAX + 2; longs++)
		all[n++] = *longs;
	snprintf(letters, sizeof(letters), "h%s%s%s", c->json ? "j" : "", c->env ? "o:" : "",
		 shorts ? shorts : "");
	while ((option = getopt_long(argc, argv, letters, all, NULL)) != -1) {
		bool common =
			option == 'h' || (option == 'j' && c->json) || (option == 'o' && c->env);

		if (option == '?') {
			c->result = command_misused(argv[0], NULL);
			return 0;
		}
		if (!common)
			return option;
		if (take_common(c, option) != 0)
			return 0;
	}
	return -1;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

static int unknown(const char *name)
{
	struct suggest s = { .typed = name };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		suggest_offer(&s, table[i].name);
	if (s.best)
		return command_misused("mdcfs", "unknown command '%s'; did you mean %s?", name,
				       s.best);
	return command_misused("mdcfs", "unknown command '%s'", name);
}

/* argv[0] is replaced: getopt puts it in front of its messages. */
static int run(const struct command *c, int argc, char **argv)
{
	char title[64];

	snprintf(title, sizeof(title), "mdcfs %s", c->name);
	argv[0] = title;
	optind = 0; /* start anew, whatever was parsed before */
	return c->run(argc, argv);
}

/* `mdcfs help [COMMAND]` */
static int run_help(int argc, char **argv)
{
	char option[] = "--help", *args[] = { NULL, option, NULL };
	const struct command *c = argc > 1 ? find(argv[1]) : NULL;

	if (argc < 2)
		return print_help();
	return c ? run(c, 2, args) : unknown(argv[1]);
}

/* What mount(8) calls for "mdcfs" in /etc/fstab:
 *	mount.mdcfs SOURCE MOUNTPOINT [-sfnvrw] [-t TYPE] [-N NS] [-o OPTS]
 * becomes mdcfs mount [-o OPTS]... [-o ro] -- [SOURCE] MOUNTPOINT.  SOURCE "none" stands for
 * no source.  -f is mount(8)'s "all but the mounting". */
static int helper_args(int argc, char **argv, char **out, bool *fake)
{
	static char dash_o[] = "-o", ro[] = "ro", end[] = "--";
	int c, n = 1;

	*fake = false;
	while ((c = getopt(argc, argv, "sfnvrwt:N:o:")) != -1) {
		if (c == '?' || n + 8 > HELPER_ARGS_MAX)
			return -EINVAL;
		*fake |= c == 'f';
		if (c == 'o' || c == 'r') {
			out[n++] = dash_o;
			out[n++] = c == 'r' ? ro : optarg;
		}
	}
	if (argc - optind != 2)
		return -EINVAL;
	out[n++] = end;
	if (strcmp(argv[optind], "none") != 0)
		out[n++] = argv[optind];
	out[n++] = argv[optind + 1];
	out[n] = NULL;
	return n;
}

/* At boot there may be no HOME; configuration and cache are then those of the user we are. */
static void provide_home(void)
{
	const struct passwd *pw = getenv("HOME") ? NULL : getpwuid(geteuid());

	if (pw && setenv("HOME", pw->pw_dir, 0) < 0)
		(void)log_warn(-errno, "HOME");
}

static int run_helper(int argc, char **argv)
{
	char *args[HELPER_ARGS_MAX] = { NULL };
	bool fake;
	int n = helper_args(argc, argv, args, &fake);

	if (n < 0) {
		fputs("Usage: " HELPER " SOURCE MOUNTPOINT [-sfnvrw] [-o OPTS]\n"
		      "This is called by mount(8); 'mdcfs mount' is for people.\n",
		      stderr);
		return COMMAND_USAGE;
	}
	provide_home();
	return fake ? 0 : run(find("mount"), n, args);
}

static bool is_one_of(const char *arg, const char *a, const char *b)
{
	return strcmp(arg, a) == 0 || strcmp(arg, b) == 0;
}

int command_run(int argc, char **argv)
{
	const struct command *c;
	const char *base = argc > 0 ? strrchr(argv[0], '/') : NULL;

	base = base ? base + 1 : argc > 0 ? argv[0] : "mdcfs";
	if (strcmp(base, HELPER) == 0)
		return run_helper(argc, argv);
	if (argc < 2)
		return command_misused("mdcfs", "no command is given");
	if (is_one_of(argv[1], "--help", "-h"))
		return print_help();
	if (strcmp(argv[1], "help") == 0)
		return run_help(argc - 1, argv + 1);
	if (is_one_of(argv[1], "--version", "-V"))
		return printf("mdcfs %s\n", MDCFS_VERSION) < 0 ? -EIO : 0;
	if (strcmp(argv[1], "--dump-options") == 0) {
		options_print_names(stdout);
		return 0;
	}
	if (argv[1][0] == '-')
		return command_misused("mdcfs", "unknown option '%s'", argv[1]);
	c = find(argv[1]);
	return c ? run(c, argc - 1, argv + 1) : unknown(argv[1]);
}
