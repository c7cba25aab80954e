/* SPDX-License-Identifier: MPL-2.0 */
/* info.c - mdcfs info: what is known of a dataset without touching its bytes or any quota. */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/command.h"
#include "cli/env.h"
#include "cli/human.h"
#include "net/json.h"

static const char help[] =
	"Usage: mdcfs info [--json] [-o OPT[,OPT...]] SOURCE\n"
	"\n"
	"Show what is known of a dataset. Costs no download of the daily quota.\n"
	"\n"
	"  SOURCE       SLUG, ID or mdc:SLUG; https://HOST/FILE; a path with a '/'\n"
	"  -j, --json   print the details as the source gives them\n"
	"  -o OPTS      options, as for 'mdcfs mount'\n"
	"  -h, --help   show this\n";

static void print_field(const char *label, const char *value)
{
	if (!value || !*value)
		return;
	printf("%-12s ", label);
	human_print(stdout, value);
	putchar('\n');
}

static void print_size(const struct dataset *d)
{
	char size[32], count[32];

	if (d->has_size)
		printf("%-12s %s (%s bytes)\n", "size", human_size(d->size, size),
		       human_count(d->size, count));
	else
		printf("%-12s not known\n", "size");
}

/* Words of a text of any length, in lines of at most 78 columns (bytes, that is). */
static void print_description(const char *text)
{
	size_t column = 0;

	if (!text || !*text)
		return;
	putchar('\n');
	while (*(text += strspn(text, " \t\r\n"))) {
		size_t n = strcspn(text, " \t\r\n");
		AUTO(auto_free) char *word = strndup(text, n);

		if (column > 0)
			putchar(column + 1 + n > 78 ? '\n' : ' ');
		column = column > 0 && column + 1 + n <= 78 ? column + 1 + n : n;
		human_print(stdout, word ? word : "?");
		text += n;
	}
	putchar('\n');
}

static const char *either(const struct json *j, const char *first, const char *second)
{
	const char *s = json_str(j, first);

	return s && *s ? s : json_str(j, second);
}

static void print_human(const struct source *s)
{
	const struct dataset *d = source_dataset(s);
	AUTO(auto_json_free) struct json *j = NULL;
	char stamp[32];

	if (d->details && json_parse(d->details, &j) < 0)
		(void)log_warn(0, "the details are no JSON: some fields are not shown");
	print_field("name", d->name);
	print_field("slug", d->slug);
	print_field("id", d->id);
	print_field("file", d->filename);
	print_size(d);
	print_field("sha256", d->checksum);
	print_field("licence", either(j, "license", "licenseAbbreviation"));
	print_field("publisher", json_str(json_get(j, "organization"), "name"));
	print_field("locale", json_str(j, "locale"));
	print_field("task", json_str(j, "task"));
	print_field("format", json_str(j, "format"));
	clock_format(d->mtime, stamp);
	print_field("created", d->mtime > 0 ? stamp : NULL);
	print_field("page", d->page);
	print_description(either(j, "longDescription", "shortDescription"));
}

static int show(struct env *e, const char *spec, bool as_json)
{
	struct source *s = NULL;
	char why[512] = "";
	int r = env_open(e);

	if (r < 0)
		return r;
	r = source_open(&e->src, spec, &s, why);
	if (r < 0) {
		(void)log_error(0, "%s", why[0] ? why : strerror(-r));
		return r;
	}
	if (as_json && source_dataset(s)->details)
		fputs(source_dataset(s)->details, stdout);
	else if (as_json)
		puts("{}");
	else
		print_human(s);
	source_close(s);
	return 0;
}

int command_info(int argc, char **argv)
{
	static const struct option longs[] = { { "json", no_argument, NULL, 'j' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	AUTO(env_close) struct env e = { 0 };
	bool as_json = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "jo:h", longs, NULL)) != -1) {
		if (c == 'h')
			return fputs(help, stdout) < 0 ? -EIO : 0;
		if (c != 'j' && c != 'o')
			return command_misused(argv[0], NULL);
		as_json |= c == 'j';
		r = c == 'o' ? env_options(&e, optarg) : 0;
		if (r < 0)
			return r == -EINVAL ? COMMAND_USAGE : r;
	}
	if (argc - optind != 1)
		return command_misused(argv[0], "one SOURCE is expected");
	return show(&e, argv[optind], as_json);
}
