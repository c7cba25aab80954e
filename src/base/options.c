/* SPDX-License-Identifier: MPL-2.0 */
/* options.c - see options.h.  Code per type, never per option. */
#include "base/options.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/envfile.h"
#include "base/file.h"
#include "base/log.h"
#include "base/options_types.h"
#include "base/password.h"
#include "base/suggest.h"

#define WHY ENVFILE_WHY
#define LIST_MAX 65536 /* bytes of one -o argument */
#define HELP_COLUMN 27
#define HELP_WIDTH 79

struct option {
	const char *name;
	const struct option_type *type;
	size_t offset; /* of its field in struct options */
	const char *def, *help;
};

static const struct option table[] = {
#define OPTION_ROW(name, type, def, help) \
	{ #name, &options_type_##type, offsetof(struct options, name), def, help },
	OPTIONS(OPTION_ROW)
#undef OPTION_ROW
};

/* What mount(8), fstab and systemd put among the options and what means nothing here. */
static const char *const mount_words[] = {
	"defaults",   "auto",	     "noauto",	      "user",	  "nouser",	"users",
	"owner",      "group",	     "_netdev",	      "nofail",	  "nosuid",	"nodev",
	"exec",	      "noexec",	     "async",	      "atime",	  "noatime",	"relatime",
	"norelatime", "strictatime", "nostrictatime", "diratime", "nodiratime", "lazytime",
	"nolazytime", "silent",	     "loud",	      "rw",
};

static bool mount_word(const char *name)
{
	if (strncasecmp(name, "x-", 2) == 0 || strcmp(name, "comment") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(mount_words); i++)
		if (strcmp(name, mount_words[i]) == 0)
			return true;
	return false;
}

static void *field_of(struct options *o, const struct option *opt)
{
	return (char *)o + opt->offset;
}

static const struct option *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

/* -EINVAL, with the reason written to why. */
static int PRINTF(2, 3) refuse(char why[static WHY], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, WHY, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* What is no option, since everybody can read the arguments of a process: in the environment and .env,
 * and in the config file. */
enum secret { SECRET_MDC, SECRET_ODS, SECRET_PUSH };
static const struct {
	const char *var, *name;
} secret_names[] = {
	[SECRET_MDC] = { "MDC_API_KEY", "api_key" },
	[SECRET_ODS] = { "ODS_API_KEY", "ods_api_key" },
	[SECRET_PUSH] = { "ODS_PUSH_KEY", "ods_push_key" },
};

static int refuse_unknown(const char *name, char why[static WHY])
{
	struct suggest s = { .typed = name };

	for (size_t i = 0; i < ARRAY_SIZE(secret_names); i++)
		if (strcmp(name, secret_names[i].name) == 0)
			return refuse(why,
				      "%s is no -o option, everybody could read it in the list of "
				      "processes: use %s or the config file",
				      name, secret_names[i].var);
	if (strcmp(name, "dev") == 0 || strcmp(name, "suid") == 0)
		return refuse(why, "option '%s' is refused: a mount is always nodev, nosuid", name);
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		suggest_offer(&s, table[i].name);
	if (s.best)
		return refuse(why, "unknown option '%.64s'; did you mean %s?", name, s.best);
	return refuse(why, "unknown option '%.64s'; 'mdcfs mount --help' lists them", name);
}

/* value NULL: the name stood alone. */
static int set(struct options *o, const char *name, const char *value, char why[static WHY])
{
	const struct option *opt = find(name);
	int r;

	if (!opt)
		return refuse_unknown(name, why);
	if (!value && !opt->type->alone)
		return refuse(why, "option %s needs a value: %s=%s", name, name,
			      opt->type->metavar);
	r = opt->type->parse(value ? value : opt->type->alone, field_of(o, opt));
	if (r == -EINVAL)
		return refuse(why, "option %s: '%.64s' is not %s", name, value, opt->type->allowed);
	if (r < 0)
		snprintf(why, WHY, "out of memory");
	return r;
}

int options_set(struct options *o, const char *name, const char *value)
{
	char why[WHY];
	int r = set(o, name, value, why);

	if (r < 0)
		(void)log_error(0, "%s", why);
	return r;
}

static int set_listed(struct options *o, char *item)
{
	char *value = strchr(item, '=');

	if (*item == '\0')
		return 0;
	if (value)
		*value++ = '\0';
	return !find(item) && mount_word(item) ? 0 : options_set(o, item, value);
}

int options_parse(struct options *o, const char *list)
{
	AUTO(auto_free) char *item = NULL;
	size_t n = 0;

	if (strlen(list) > LIST_MAX)
		return log_at(LOG_LEVEL_ERROR, -EINVAL, "the options are too long");
	item = malloc(strlen(list) + 1);
	if (!item)
		return -ENOMEM;
	for (const char *p = list;; p++) {
		bool comma = p[0] == '\\' && p[1] == ',';
		int r;

		if (*p && (*p != ',' || comma)) {
			p += comma;
			item[n++] = *p;
			continue;
		}
		item[n] = '\0';
		n = 0;
		r = set_listed(o, item);
		if (r < 0 || *p == '\0')
			return r;
	}
}

/* A key goes into a header: visible ASCII from the character least on; "" for none.  No message shows
 * it. */
static int set_secret(char **slot, const char *value, unsigned char least, char why[static WHY])
{
	char *copy = NULL;

	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < least || *p >= 0x7f || p - value >= OPTIONS_TEXT_MAX)
			return refuse(why, "the API key has a blank or an odd character in it");
	if (*value && !(copy = strdup(value))) {
		snprintf(why, WHY, "out of memory");
		return -ENOMEM;
	}
	password_free(*slot);
	*slot = copy;
	return 0;
}

static int set_named_secret(struct options *o, enum secret which, const char *value,
			    char why[static WHY])
{
	switch (which) {
	case SECRET_MDC:
		o->api_key_given = true;
		return set_secret(&o->api_key, value, '!', why);
	case SECRET_ODS: /* may be USER:PASSWORD, and a password have blanks */
		return set_secret(&o->ods_key, value, ' ', why);
	case SECRET_PUSH:
		return set_secret(&o->push_key, value, '!', why);
	}
	return -EINVAL;
}

struct file_sink {
	struct envfile_sink sink;
	struct options *o;
	bool saw_key;
};

static int set_from_config(struct envfile_sink *sink, const char *name, const char *value,
			   char why[static WHY])
{
	struct file_sink *s = container_of(sink, struct file_sink, sink);

	for (size_t i = 0; i < ARRAY_SIZE(secret_names); i++)
		if (strcmp(name, secret_names[i].name) == 0) {
			s->saw_key = true;
			return set_named_secret(s->o, (enum secret)i, value, why);
		}
	return set(s->o, name, value, why);
}

static int load_config(struct options *o)
{
	struct file_sink s = { .sink.set = set_from_config, .o = o };
	AUTO(auto_free) char *dir = path_xdg("XDG_CONFIG_HOME", ".config");
	AUTO(auto_free) char *path = dir ? path_join(dir, "mdcfs/config") : NULL;
	struct stat st;
	int r;

	if (!path)
		return 0;
	r = envfile_read(path, true, &s.sink);
	if (r == 0 && s.saw_key && stat(path, &st) == 0 && (st.st_mode & 077))
		(void)log_warn(0, "%s holds an API key and others may read it: chmod 600 %s", path,
			       path);
	return r == -ENOENT || r == -ENOTDIR ? 0 : r;
}

static int set_from_dotenv(struct envfile_sink *sink, const char *name, const char *value,
			   char why[static WHY])
{
	struct options *o = container_of(sink, struct file_sink, sink)->o;

	for (size_t i = 0; i < ARRAY_SIZE(secret_names); i++)
		if (strcmp(name, secret_names[i].var) == 0)
			return set_named_secret(o, (enum secret)i, value, why);
	if (strcmp(name, "MDC_API_URL") == 0 && *value)
		return set(o, "api_url", value, why);
	if (strcmp(name, "MDC_DOWNLOAD_PATH") == 0 && setenv(name, value, 0) < 0) {
		snprintf(why, WHY, "out of memory");
		return -ENOMEM;
	}
	return 0;
}

/* A .env says where the key is sent: it must be ours or root's, and nobody else may change it. */
static bool trusted(const char *path, const struct stat *st)
{
	if ((st->st_uid == geteuid() || st->st_uid == 0) && !(st->st_mode & S_IWOTH))
		return true;
	(void)log_warn(0, "%s is not used: somebody else may change it", path);
	return false;
}

/* The .env of the working directory or of the nearest parent that has one. */
static int load_dotenv(struct options *o)
{
	struct file_sink s = { .sink.set = set_from_dotenv, .o = o };
	AUTO(auto_free) char *dir = getcwd(NULL, 0);

	while (dir) {
		AUTO(auto_free) char *path = path_join(dir, ".env");
		char *slash = strrchr(dir, '/');
		struct stat st;

		if (!path)
			return -ENOMEM;
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			return trusted(path, &st) ? envfile_read(path, false, &s.sink) : 0;
		if (!slash || *dir == '\0')
			break;
		*slash = '\0';
	}
	return 0;
}

/* Set an option from an environment variable, if that is there; the message names the variable.
 * name NULL: it is a secret. */
static int set_from_env(struct options *o, const char *var, const char *name, enum secret which)
{
	const char *value = getenv(var);
	char why[WHY];
	int r;

	if (!value || (!*value && name))
		return 0;
	r = name ? set(o, name, value, why) : set_named_secret(o, which, value, why);
	if (r < 0)
		(void)log_error(0, "environment variable %s: %s", var, why);
	return r;
}

static int load_environment(struct options *o)
{
	char var[64];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(secret_names); i++)
		r = set_from_env(o, secret_names[i].var, NULL, (enum secret)i);
	if (r == 0)
		r = set_from_env(o, "MDC_API_URL", "api_url", SECRET_MDC);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(table); i++) {
		snprintf(var, sizeof(var), "MDCFS_%s", table[i].name);
		for (char *p = var; *p; p++)
			if (*p >= 'a' && *p <= 'z')
				*p = (char)(*p - 'a' + 'A');
		r = set_from_env(o, var, table[i].name, SECRET_MDC);
	}
	return r;
}

static int load_defaults(struct options *o)
{
	char why[WHY];
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(table); i++) {
		r = set(o, table[i].name, table[i].def, why);
		if (r < 0)
			(void)log_error(0, "default: %s", why);
	}
	return r;
}

int options_load(struct options *o)
{
	int r;

	*o = (struct options){ 0 };
	r = load_defaults(o);
	if (r == 0)
		r = load_config(o);
	if (r == 0)
		r = load_dotenv(o);
	if (r == 0)
		r = load_environment(o);
	if (r < 0)
		options_free(o);
	return r;
}

void options_free(struct options *o)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].type->owned)
			free(*(char **)field_of(o, &table[i]));
	password_free(o->api_key);
	password_free(o->ods_key);
	password_free(o->push_key);
	password_free(o->password);
	*o = (struct options){ 0 };
}

/* Words of text from column HELP_COLUMN on, broken before HELP_WIDTH. */
static void print_wrapped(FILE *f, int column, const char *text)
{
	while (*text) {
		int n = (int)strcspn(text, " ");

		if (column > HELP_COLUMN && column + 1 + n > HELP_WIDTH) {
			fputc('\n', f);
			column = 0;
		}
		if (column < HELP_COLUMN)
			fprintf(f, "%*s", HELP_COLUMN - column, "");
		else if (column > HELP_COLUMN)
			fputc(' ', f);
		column = MAX(column + (column > HELP_COLUMN), HELP_COLUMN) + n;
		fprintf(f, "%.*s", n, text);
		text += n + (text[n] == ' ');
	}
}

void options_print_help(FILE *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct option *opt = &table[i];
		const char *var = opt->type->metavar;
		char text[256];
		int n = fprintf(f, "  %s%s%s", opt->name, var ? "=" : "", var ? var : "");

		if (n > HELP_COLUMN - 2) {
			fputc('\n', f);
			n = 0;
		}
		snprintf(text, sizeof(text), "%s%s%s%s", opt->help, *opt->def ? " [" : "", opt->def,
			 *opt->def ? "]" : "");
		print_wrapped(f, n, text);
		fputc('\n', f);
	}
}

void options_print_names(FILE *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		fprintf(f, "%s\n", table[i].name);
}
