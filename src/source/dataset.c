/* SPDX-License-Identifier: MPL-2.0 */
/* dataset.c - see dataset.h. */
#include "source/dataset.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "source/scheme.h"
#include "source/suffix.h"

#define README_MAX (1u << 20)
#define CONTROL_DIR ".mdcfs" /* the mount's own directory beside the datasets */

static bool is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

bool dataset_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > 255 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (name[i] == '/' || is_control((unsigned char)name[i]))
			return false;
	return true;
}

char *dataset_slug(const char *filename)
{
	return strndup(filename, strlen(filename) - suffix_len(filename));
}

static int check_name(const char *what, const char *name, char why[static 512])
{
	AUTO(auto_free) char *plain = NULL;

	if (dataset_name_ok(name) && strcmp(name, CONTROL_DIR) != 0)
		return 0;
	plain = dataset_plain(name, false);
	return scheme_fail(why, -EBADMSG,
		"the %s \"%.80s\" cannot be a file name here: it must be 1 to "
		"255 bytes without \"/\" or control characters, not \".\", \"..\" or \"%s\"",
		what, plain ? plain : "", CONTROL_DIR);
}

int dataset_set_names(
	struct dataset *d, const char *slug, const char *filename, char why[static 512])
{
	int r = check_name("dataset name", slug, why);

	if (r == 0)
		r = check_name("file name", filename, why);
	if (r < 0)
		return r;
	d->slug = strdup(slug);
	d->filename = strdup(filename);
	return d->slug && d->filename ? 0 : -ENOMEM;
}

bool dataset_checksum(const char *text, char out[static DIGEST_HEX])
{
	static const char hex[] = "0123456789abcdefABCDEF";

	out[0] = '\0';
	if (text && strncasecmp(text, "sha256:", 7) == 0)
		text += 7;
	if (!text || strlen(text) != DIGEST_HEX - 1 || strspn(text, hex) != DIGEST_HEX - 1)
		return false;
	for (size_t i = 0; i < DIGEST_HEX; i++)
		out[i] = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] - 'A' + 'a' : text[i]);
	return true;
}

char *dataset_plain(const char *text, bool lines)
{
	char *p = strdup(text);

	for (char *c = p; c && *c; c++)
		if (is_control((unsigned char)*c) && !(lines && (*c == '\n' || *c == '\t')))
			*c = ' ';
	return p;
}

/* One "- what: value" line, or none when the value is absent. */
static int add_fact(struct buf *b, const char *what, const char *value)
{
	AUTO(auto_free) char *plain = NULL;

	if (!value || !value[0])
		return 0;
	plain = dataset_plain(value, false);
	return plain ? buf_addf(b, "- %s: %s\n", what, plain) : -ENOMEM;
}

static int add_size(struct buf *b, const struct dataset *d)
{
	static const char *const units[] = { "bytes", "kB", "MB", "GB", "TB", "PB", "EB" };
	double size = (double)d->size;
	size_t u = 0;

	if (!d->has_size)
		return 0;
	while (size >= 1000 && u + 1 < ARRAY_SIZE(units)) {
		size /= 1000;
		u++;
	}
	if (u == 0)
		return buf_addf(b, "- Size: %" PRIu64 " bytes\n", d->size);
	return buf_addf(b, "- Size: %.1f %s (%" PRIu64 " bytes)\n", size, units[u], d->size);
}

static int add_facts(struct buf *b, const struct dataset *d, const struct json *details)
{
	char date[32] = "";
	const char *licence = json_str(details, "license");
	const struct {
		const char *what, *value;
	} facts[] = {
		{ "Licence", licence ? licence : json_str(details, "licenseAbbreviation") },
		{ "Publisher", json_str(json_get(details, "organization"), "name") },
		{ "Language", json_str(details, "locale") },
		{ "Task", json_str(details, "task") },
		{ "Format", json_str(details, "format") },
		{ "File", d->filename },
		{ "Date", date },
		{ "SHA-256", d->checksum },
		{ "Identifier", d->id },
		{ "Page", d->page },
	};
	int r = add_size(b, d);

	if (d->mtime > 0)
		clock_format(d->mtime, date);
	for (size_t i = 0; i < ARRAY_SIZE(facts) && r == 0; i++)
		r = add_fact(b, facts[i].what, facts[i].value);
	return r;
}

static int add_text(struct buf *b, const char *text)
{
	AUTO(auto_free) char *plain = NULL;

	if (!text || !text[0])
		return 0;
	plain = dataset_plain(text, true);
	return plain ? buf_addf(b, "\n%s\n", plain) : -ENOMEM;
}

char *dataset_readme(const struct dataset *d, const struct json *details)
{
	AUTO(buf_free) struct buf b = BUF_INIT(README_MAX);
	int r = buf_addf(&b, "# %s\n\n", d->name);

	if (r == 0)
		r = add_facts(&b, d, details);
	if (r == 0)
		r = add_text(&b, json_str(details, "shortDescription"));
	if (r < 0)
		return NULL;
	/* A description beyond the maximum is left out: it is in dataset.json. */
	(void)!add_text(&b, json_str(details, "longDescription"));
	return buf_take(&b);
}

void dataset_clear(struct dataset *d)
{
	free(d->slug);
	free(d->id);
	free(d->name);
	free(d->filename);
	free(d->page);
	free(d->details);
	free(d->readme);
	*d = (struct dataset){ 0 };
}
