/* SPDX-License-Identifier: MPL-2.0 */
/* list.c - mdcfs list: search the catalogue.  Needs no key and costs nothing. */
#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <string.h>

#include "base/log.h"
#include "cli/command.h"
#include "cli/env.h"
#include "cli/human.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "source/catalogue.h"

#define TERMS_MAX 64u

static const char help[] =
	"Usage: mdcfs list [OPTION...] [WORD...]\n"
	"\n"
	"Search the catalogue of the Mozilla Data Collective. Needs no API key.\n"
	"\n"
	"  WORD...            what to look for; without it all datasets are shown\n"
	"  -t, --task=TASK    of this task: ASR, TTS, NLP, ...\n"
	"  -l, --locale=LOCALE\n"
	"                     of this language\n"
	"      --license=LICENSE\n"
	"                     under this licence, as CC0-1.0\n"
	"      --format=FORMAT\n"
	"                     of this format, as MP3\n"
	"      --sample       those that have a sample\n"
	"  -s, --sort=relevance|newest|size\n"
	"  -r, --reverse      the other way round\n"
	"  -n, --limit=N      at most N datasets (0, the default: all)\n"
	"      --filters      show the values that can be searched for\n"
	"  -j, --json         as JSON, as the API gives it\n"
	"  -o OPTS            options, as for 'mdcfs mount'\n"
	"  -h, --help         show this\n"
	"\n"
	"--task, --locale, --license and --format may be repeated: any of the values.\n"
	"On a terminal the result is a table, else one line a dataset with tabs between\n"
	"SLUG, BYTES, LOCALE, TASK, FORMAT, LICENSE, DATE and NAME.\n";

struct listing {
	struct catalogue_term terms[TERMS_MAX];
	size_t n;
	uint64_t limit;
	bool filters, json;
};

static int add_term(struct listing *l, const char *name, const char *value)
{
	if (l->n == TERMS_MAX)
		return command_misused("mdcfs list", "at most %u filters", TERMS_MAX);
	l->terms[l->n++] = (struct catalogue_term){ name, value };
	return 0;
}

/* ---- output ---- */

static int print_json(const struct json *j)
{
	AUTO(auto_free) char *text = j ? json_print(j, true) : NULL;

	if (!text)
		return log_error(-ENOMEM, "the answer");
	return fputs(text, stdout) < 0 ? -EIO : 0;
}

static const char *either(const struct json *j, const char *first, const char *second)
{
	const char *s = json_str(j, first);

	return s && *s ? s : json_str(j, second);
}

static char *size_text(const struct json *item, bool people)
{
	char text[32];
	uint64_t n;

	if (!json_u64(item, "sizeBytes", &n))
		return NULL;
	if (people)
		human_size(n, text);
	else
		snprintf(text, sizeof(text), "%" PRIu64, n);
	return strdup(text);
}

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

static char *date_of(const struct json *item)
{
	const char *created = json_str(item, "createdAt");

	return created ? strndup(created, strcspn(created, "T")) : NULL;
}

static void fill_row(char **row, const struct json *item, bool people)
{
	*row++ = copy(either(item, "slug", "id"));
	*row++ = size_text(item, people);
	*row++ = copy(json_str(item, "locale"));
	*row++ = copy(json_str(item, "task"));
	*row++ = copy(json_str(item, "format"));
	*row++ = copy(either(item, "licenseAbbreviation", "license"));
	*row++ = date_of(item);
	*row++ = copy(json_str(item, "name"));
}

static int print_table(const struct json *items, unsigned width)
{
	static const struct table_column columns[] = {
		{ "SLUG", false, 0 }, { "SIZE", true, 0 },    { "LOCALE", false, 1 },
		{ "TASK", false, 2 }, { "FORMAT", false, 5 }, { "LICENCE", false, 3 },
		{ "DATE", false, 4 }, { "NAME", false, 0 },
	};
	AUTO(table_clear) struct table t = { columns, ARRAY_SIZE(columns), NULL, json_len(items) };
	const struct json *item;

	t.cells = calloc(MAX(t.n_rows, 1), sizeof(columns) / sizeof(columns[0]) * sizeof(char *));
	if (!t.cells)
		return log_error(-ENOMEM, "the table");
	for (size_t i = 0; i < t.n_rows && (item = json_at(items, i)); i++)
		fill_row(&t.cells[i * t.n_columns], item, width > 0);
	if (t.n_rows > 0)
		table_print(stdout, &t, width);
	return 0;
}

/* How much of what there is was shown; only for people. */
static void print_summary(const struct listing *l, uint64_t n, uint64_t total)
{
	if (n == 0 && l->n > 0)
		fputs("No dataset matches; 'mdcfs list --filters' shows what can be searched "
		      "for.\n",
		      stderr);
	else if (n == 0)
		fputs("The catalogue is empty.\n", stderr);
	else if (n < total && l->limit == n && progress_columns(stdout) > 0)
		fprintf(stderr, "%" PRIu64 " of %" PRIu64 " datasets.\n", n, total);
}

/* "OPTION:" and the values in lines of so many columns. */
static void wrap_values(const char *option, const struct json *list, unsigned width)
{
	unsigned column = 2;

	printf("%s:\n  ", option);
	for (size_t i = 0; i < json_len(list); i++) {
		const char *text = json_text(json_at(list, i));
		unsigned n = text ? human_columns(text) : 0;

		if (!text)
			continue;
		if (column > 2 && column + 2 + n > width) {
			fputs("\n  ", stdout);
			column = 2;
		}
		if (column > 2)
			fputs("  ", stdout);
		human_print(stdout, text);
		column += 2 + n;
	}
	putchar('\n');
}

static void list_values(const char *option, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const char *text = json_text(json_at(list, i));

		if (!text)
			continue;
		printf("%s\t", option);
		human_print(stdout, text);
		putchar('\n');
	}
}

/* ---- the two questions ---- */

static int show_filters(struct env *e, bool as_json, char why[static 512])
{
	static const char *const keys[][2] = { { "tasks", "task" },
					       { "locales", "locale" },
					       { "licenses", "license" },
					       { "formats", "format" } };
	AUTO(auto_json_free) struct json *filters = NULL;
	unsigned width = progress_columns(stdout);
	int r = catalogue_filters(&e->src, &filters, why);

	if (r < 0 || as_json)
		return r < 0 ? r : print_json(filters);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct json *list = json_get(filters, keys[i][0]);

		if (width > 0)
			wrap_values(keys[i][1], list, width);
		else
			list_values(keys[i][1], list);
	}
	return 0;
}

static int show_items(struct env *e, const struct listing *l, char why[static 512])
{
	AUTO(auto_json_free) struct json *items = NULL;
	uint64_t total = 0;
	int r = catalogue_search(&e->src, l->terms, l->n, l->limit, &items, &total, why);

	if (r < 0)
		return r;
	r = l->json ? print_json(items) : print_table(items, progress_columns(stdout));
	if (r == 0 && !l->json)
		print_summary(l, json_len(items), total);
	return r;
}

static int show(struct env *e, const struct listing *l)
{
	char why[512] = "";
	int r = env_open(e);

	if (r < 0)
		return r;
	setlocale(LC_CTYPE, "");
	r = l->filters ? show_filters(e, l->json, why) : show_items(e, l, why);
	if (r < 0 && why[0])
		(void)log_error(0, "%s", why);
	return r;
}

/* ---- the command line ---- */

static int parse_limit(struct listing *l, const char *text)
{
	char *end;

	errno = 0;
	l->limit = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno)
		return command_misused("mdcfs list", "--limit: '%s' is not a number", text);
	return 0;
}

static int take_option(struct listing *l, int option, const char *arg)
{
	switch (option) {
	case 't':
		return add_term(l, "task", arg);
	case 'l':
		return add_term(l, "locale", arg);
	case 'L':
		return add_term(l, "license", arg);
	case 'F':
		return add_term(l, "format", arg);
	case 'S':
		return add_term(l, "sample", "true");
	case 'r':
		return add_term(l, "sortDirection", "asc");
	case 'n':
		return parse_limit(l, arg);
	case 'V':
		l->filters = true;
		return 0;
	default:
		if (strcmp(arg, "relevance") != 0 && strcmp(arg, "newest") != 0 &&
		    strcmp(arg, "size") != 0)
			return command_misused(
				"mdcfs list", "--sort: '%s' is not relevance, newest or size", arg);
		return add_term(l, "sort", arg);
	}
}

/* All words, as one text for the API; malloc'd. */
static char *join(char **words)
{
	size_t n = 1;
	char *text;

	for (char **w = words; *w; w++)
		n += strlen(*w) + 1;
	text = calloc(1, n);
	for (char **w = words; text && *w; w++) {
		size_t len = strlen(text);

		snprintf(text + len, n - len, "%s%s", len > 0 ? " " : "", *w);
	}
	return text;
}

int command_list(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "task", required_argument, NULL, 't' },
		{ "locale", required_argument, NULL, 'l' },
		{ "license", required_argument, NULL, 'L' },
		{ "licence", required_argument, NULL, 'L' },
		{ "format", required_argument, NULL, 'F' },
		{ "sample", no_argument, NULL, 'S' },
		{ "sort", required_argument, NULL, 's' },
		{ "reverse", no_argument, NULL, 'r' },
		{ "limit", required_argument, NULL, 'n' },
		{ "filters", no_argument, NULL, 'V' },
		{ 0 },
	};
	AUTO(env_close) struct env e = { 0 };
	AUTO(auto_free) char *query = NULL;
	struct listing l = { 0 };
	struct command_common c = { .help = help, .json = &l.json, .env = &e };
	int option, r = 0;

	while (r == 0 && (option = command_option(argc, argv, &c, "t:l:s:rn:", longs)) != -1) {
		if (option == 0)
			return c.result;
		r = take_option(&l, option, optarg);
	}
	query = join(argv + optind);
	if (!query)
		return -ENOMEM;
	if (r == 0 && l.filters && (*query || l.n > 0))
		return command_misused(argv[0], "--filters stands alone");
	if (r == 0 && *query)
		r = add_term(&l, "q", query);
	return r == 0 ? show(&e, &l) : r;
}
