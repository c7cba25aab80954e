/* SPDX-License-Identifier: MPL-2.0 */
/* ods_text.c - see ods_text.h. */
#include "source/ods_text.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "net/url.h"
#include "source/dataset.h"
#include "source/ods_meta.h"

#define README_MAX (1u << 20)

static int add_fact(struct buf *b, const char *what, const char *value)
{
	AUTO(auto_free) char *plain = value ? dataset_plain(value, false) : NULL;

	return plain && plain[0] ? buf_addf(b, "- %s: %s\n", what, plain) : 0;
}

static int add_count(struct buf *b, const struct json *details)
{
	const struct json *metas = json_get(details, "metas");
	uint64_t n;

	if (!json_u64(metas, "records_count", &n) &&
	    !json_u64(json_get(metas, "default"), "records_count", &n))
		return 0;
	return buf_addf(b, "- Records: %" PRIu64 "\n", n);
}

static int add_facts(struct buf *b, const struct json *details, const char *id, const char *base)
{
	static const struct {
		const char *what, *name;
	} facts[] = {
		{ "Licence", "license" },	   { "Publisher", "publisher" },
		{ "Language", "language" },	   { "Modified", "modified" },
		{ "Processed", "data_processed" }, { "References", "references" },
	};
	AUTO(auto_free) char *escaped = url_encode(id);
	int r = add_count(b, details);

	for (size_t i = 0; i < ARRAY_SIZE(facts) && r == 0; i++)
		r = add_fact(b, facts[i].what, ods_meta_str(details, facts[i].name));
	if (r == 0)
		r = add_fact(b, "Identifier", id);
	if (r == 0 && escaped)
		r = buf_addf(b, "- Page: %s/explore/dataset/%s/\n", base, escaped);
	return r;
}

/* Tags become line ends; nobody renders this. */
static void strip_tags(char *text)
{
	char *to = text;
	bool inside = false;

	for (const char *p = text; *p; p++) {
		if (*p == '<')
			inside = true;
		else if (*p == '>' && inside)
			inside = false, *to++ = '\n';
		else if (!inside)
			*to++ = *p;
	}
	*to = '\0';
}

/* Paragraphs of text, without empty lines in a row. */
static int add_description(struct buf *b, const char *text)
{
	AUTO(auto_free) char *plain = text ? dataset_plain(text, true) : NULL;
	char *rest = plain, *line;
	int r = 0;

	if (!plain)
		return 0;
	strip_tags(plain);
	while (r == 0 && (line = strsep(&rest, "\n")))
		if (line[strspn(line, " \t")])
			r = buf_addf(b, "\n%s\n", line + strspn(line, " \t"));
	return r;
}

static int add_fields(struct buf *b, const struct json *details)
{
	const struct json *list = json_get(details, "fields");
	int r = json_len(list) ? buf_addf(b, "\n## Fields\n\n") : 0;

	for (size_t i = 0; i < json_len(list) && r == 0; i++) {
		const struct json *f = json_at(list, i);
		const char *name = json_str(f, "name"), *type = json_str(f, "type");
		const char *label = json_str(f, "label");
		AUTO(auto_free) char *said = NULL, *plain = NULL;

		if (!name)
			continue;
		if (asprintf(&said, "%s (%s)%s%s", name, type ? type : "?", label ? ": " : "",
			     label ? label : "") < 0)
			return said = NULL, -1;
		plain = dataset_plain(said, false);
		if (plain)
			r = buf_addf(b, "- %s\n", plain);
	}
	return r;
}

char *ods_readme(const struct json *details, const char *base)
{
	AUTO(buf_free) struct buf b = BUF_INIT(README_MAX);
	const char *id = ods_meta_id(details), *title = ods_meta_str(details, "title");
	AUTO(auto_free) char *plain = NULL;

	plain = dataset_plain(title ? title : id ? id : "dataset", false);
	if (!plain || buf_addf(&b, "# %s\n\n", plain) < 0 ||
	    add_facts(&b, details, id ? id : "", base) < 0)
		return NULL;
	/* What is beyond the maximum is left out: it is in dataset.json. */
	if (add_description(&b, ods_meta_str(details, "description")) == 0)
		(void)!add_fields(&b, details);
	return buf_take(&b);
}
