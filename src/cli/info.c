/* SPDX-License-Identifier: MPL-2.0 */
/* info.c - mdcfs info: what is known of a dataset without touching its bytes or any quota. */
#include <errno.h>
#include <inttypes.h>
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

/* Does the long text say anything that the short one does not? */
static bool is_more(const char *brief, const char *text)
{
	return text && (!brief || strcmp(brief, text) != 0);
}

static const char *either(const struct json *j, const char *first, const char *second)
{
	const char *s = json_str(j, first);

	return s && *s ? s : json_str(j, second);
}

/* Free, or what it costs; nothing when that is not told. */
static void print_price(const struct json *j)
{
	const struct json *pricing = json_get(j, "pricing");
	const char *currency = json_str(pricing, "currency");
	uint64_t cents;

	if (!json_get(j, "isPaid"))
		return;
	if (!json_bool(j, "isPaid", false)) {
		print_field("price", "free");
		return;
	}
	if (!json_u64(pricing, "totalPriceCents", &cents) &&
	    !json_u64(j, "basePriceCents", &cents)) {
		print_field("price", "to be paid for");
		return;
	}
	printf("%-12s %" PRIu64 ".%02u ", "price", cents / 100, (unsigned)(cents % 100));
	human_print(stdout, currency ? currency : "");
	putchar('\n');
}

static void print_publisher(const struct json *j)
{
	const struct json *organization = json_get(j, "organization");

	print_field("publisher", either(organization, "name", "slug"));
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
	print_publisher(j);
	print_field("locale", json_str(j, "locale"));
	print_field("task", json_str(j, "task"));
	print_field("format", json_str(j, "format"));
	print_price(j);
	clock_format(d->mtime, stamp);
	print_field("created", d->mtime > 0 ? stamp : NULL);
	print_field("page", d->page);
	print_description(json_str(j, "shortDescription"));
	if (is_more(json_str(j, "shortDescription"), json_str(j, "longDescription")))
		print_description(json_str(j, "longDescription"));
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
	AUTO(env_close) struct env e = { 0 };
	bool as_json = false;
	struct command_common c = { .help = help, .json = &as_json, .env = &e };

	if (command_option(argc, argv, &c, NULL, NULL) == 0)
		return c.result;
	if (argc - optind != 1)
		return command_misused(argv[0], "one SOURCE is expected");
	return show(&e, argv[optind], as_json);
}
