/* SPDX-License-Identifier: MPL-2.0 */
/* login.c - mdcfs login: keep a key where mounts find it, after a look at whether it is one. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/credentials.h"
#include "base/log.h"
#include "base/password.h"
#include "cli/command.h"
#include "cli/env.h"
#include "cli/secret.h"
#include "source/api.h"

static const char help[] =
	"Usage: mdcfs login [--remove] [--no-check] [-o OPT[,OPT...]] [ods:DOMAIN]\n"
	"\n"
	"Keep a key for later mounts, in a file that only you can read. It is typed on\n"
	"the terminal without echo, or else the first line of standard input.\n"
	"\n"
	"Without an argument it is the API key of the Mozilla Data Collective; ods:DOMAIN\n"
	"is an OpenDataSoft portal, whose secret is an API key or USER:PASSWORD.\n"
	"\n"
	"      --remove     forget it\n"
	"      --no-check   do not ask the service whether it takes the key\n"
	"  -o OPTS          options, as for 'mdcfs mount'; the key belongs to api_url\n"
	"  -h, --help       show this\n";

struct login {
	struct env env;
	const char *target; /* as given, NULL: the Mozilla Data Collective */
	char *scope;
	bool remove, no_check;
};

/* "ods:DOMAIN" in lower case. */
static int portal_scope(const char *target, char **out)
{
	const char *domain = strncmp(target, "ods:", 4) == 0 ? target + 4 : "";
	size_t n = strlen(domain);

	if (n == 0 || n > 253 || domain[0] == '.' || domain[0] == '-')
		return -EINVAL;
	for (const char *c = domain; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-.:", *c))
			return -EINVAL;
	*out = strdup(target);
	for (char *c = *out; c && *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return *out ? 0 : -ENOMEM;
}

/* A header's word, as the API's keys are. */
static bool is_word(const char *secret)
{
	for (const char *c = secret; *c; c++)
		if (*c <= 0x20 || *c >= 0x7f)
			return false;
	return true;
}

static int check_shape(const struct login *l, const char *secret)
{
	if (!credentials_secret_ok(secret) || (!l->target && !is_word(secret)))
		return log_error(0, "this is no key: there is a blank or an odd character in it"),
		       -EINVAL;
	if (!l->target && strncasecmp(secret, "mdc_", 4) == 0)
		(void)log_warn(0, "this looks like a client id, which is no API key");
	return 0;
}

/* 0: keep it; -EACCES: it was refused. */
static int ask_service(struct login *l, const char *secret)
{
	char why[512];
	int r = env_open(&l->env);

	if (r == 0)
		r = api_check_key(&l->env.src, secret, why);
	else
		snprintf(why, sizeof(why), "%s", strerror(-r));
	if (r == -EACCES)
		return log_error(0, "%s: nothing is kept (see --no-check)", why), r;
	if (r < 0)
		(void)log_warn(0, "the key could not be tried: %s", why);
	else
		puts("The API takes the key.");
	return 0;
}

static int say_kept(const struct login *l)
{
	AUTO(auto_free) char *path = credentials_path();

	if (!l->target && l->env.opt.api_key_given)
		(void)log_warn(0, "MDC_API_KEY, .env or the configuration has a key too, and that "
				  "one is used");
	return printf("Kept for %s in %s.\n", l->scope + 4, path ? path : "?") < 0 ? -EIO : 0;
}

static int keep(struct login *l)
{
	char prompt[600], *secret = NULL;
	int r;

	snprintf(prompt, sizeof(prompt),
		 l->target ? "Key, or USER:PASSWORD, for %s: " : "API key for %s: ", l->scope + 4);
	r = secret_read(prompt, CREDENTIALS_SECRET_MAX, &secret);
	if (r == -EINTR)
		return COMMAND_INTERRUPTED;
	if (r < 0)
		return log_error(0, "%s",
				 r == -ENODATA ? "no key was given" : "the key cannot be read"),
		       r;
	r = check_shape(l, secret);
	if (r == 0 && !l->target && !l->no_check)
		r = ask_service(l, secret);
	if (r == 0)
		r = credentials_set(l->scope, secret);
	password_free(secret);
	return r == 0 ? say_kept(l) : r;
}

static int forget(const struct login *l)
{
	int r = credentials_set(l->scope, NULL);

	if (r == -ENOENT)
		return log_error(0, "nothing is kept for %s", l->scope + 4), r;
	return r < 0 ? r : printf("Forgotten: %s.\n", l->scope + 4) < 0 ? -EIO : 0;
}

static int run(struct login *l, const char *argv0)
{
	int r = env_options(&l->env, NULL);

	if (r < 0)
		return r;
	r = l->target ? portal_scope(l->target, &l->scope) : api_scope(&l->env.opt, &l->scope);
	if (r == -EINVAL && l->target)
		return command_misused(argv0, "'%s' is not ods:DOMAIN", l->target);
	if (r < 0)
		return log_error(r, "api_url");
	r = l->remove ? forget(l) : keep(l);
	free(l->scope);
	return r;
}

int command_login(int argc, char **argv)
{
	static const struct option longs[] = { { "remove", no_argument, NULL, 'R' },
					       { "no-check", no_argument, NULL, 'N' },
					       { 0 } };
	struct login l = { .remove = false };
	struct command_common c = { .help = help, .env = &l.env };
	int option, r;

	while ((option = command_option(argc, argv, &c, NULL, longs)) > 0) {
		l.remove |= option == 'R';
		l.no_check |= option == 'N';
	}
	if (option == 0) {
		r = c.result;
	} else if (argc - optind > 1) {
		r = command_misused(argv[0],
				    "one service at a time; the key itself is no argument");
	} else {
		l.target = argc > optind ? argv[optind] : NULL;
		r = run(&l, argv[0]);
	}
	env_close(&l.env);
	return r;
}
