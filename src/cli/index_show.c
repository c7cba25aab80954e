/* SPDX-License-Identifier: MPL-2.0 */
/* index_show.c - see index_show.h. */
#include "cli/index_show.h"

#include <errno.h>
#include <string.h>

#include "archive/index/index_copy.h"
#include "base/log.h"
#include "cli/human.h"

static const char *state_word(const struct index_summary *s)
{
	if (s->complete)
		return "complete";
	if (s->damaged)
		return "damaged";
	return s->format[0] ? "partial" : "none";
}

static uint64_t bytes_per_member(const struct index_summary *s)
{
	return s->members > 0 ? s->bytes / s->members : 0;
}

static uint64_t position(const struct index_summary *s, const struct volume *v)
{
	return s->complete ? v->raw->size : s->position;
}

static int print_json(const struct volume *v, const char *path, const struct index_summary *s)
{
	AUTO(auto_json_free) struct json *j = json_object();
	AUTO(auto_free) char *text = NULL;

	json_set_str(j, "slug", v->dataset->slug);
	json_set_str(j, "filename", v->dataset->filename);
	json_set_u64(j, "size", v->raw->size);
	json_set_str(j, "identity", v->raw->identity);
	json_set_str(j, "path", path);
	json_set_str(j, "state", state_word(s));
	json_set_str(j, "format", s->format[0] ? s->format : NULL);
	json_set_u64(j, "position", position(s, v));
	json_set_u64(j, "members", s->members);
	json_set_u64(j, "points", s->points);
	if (s->stream_size != UINT64_MAX)
		json_set_u64(j, "stream_size", s->stream_size);
	else
		json_set(j, "stream_size", NULL);
	json_set_bool(j, "verified", s->verified);
	json_set_str(j, "error", s->error);
	json_set_u64(j, "index_bytes", s->bytes);
	json_set_u64(j, "bytes_per_member", bytes_per_member(s));
	text = json_print(j, true);
	return !text ? -ENOMEM : fputs(text, stdout) < 0 ? -EIO : 0;
}

static void print_text(const char *label, const char *value)
{
	printf("%-12s ", label);
	human_print(stdout, value);
	putchar('\n');
}

static void print_count(const char *label, uint64_t n)
{
	char count[32];

	print_text(label, human_count(n, count));
}

static void print_bytes(const char *label, uint64_t n)
{
	char size[32], count[32];

	if (n < 1024)
		printf("%-12s %s\n", label, human_size(n, size));
	else
		printf("%-12s %s (%s bytes)\n", label, human_size(n, size), human_count(n, count));
}

static void print_state(const struct index_summary *s, const struct volume *v)
{
	uint64_t size = v->raw->size;

	printf("%-12s %s", "state", state_word(s));
	if (!s->complete && !s->damaged && s->format[0] && size > 0)
		printf(", %.1f %% was read", 100.0 * (double)s->position / (double)size);
	if (s->verified)
		printf(", SHA-256 verified");
	putchar('\n');
}

static void print_human(const struct volume *v, const char *path, const struct index_summary *s)
{
	print_text("file", v->dataset->filename);
	print_bytes("size", v->raw->size);
	if (s->format[0])
		print_text("format", s->format);
	print_state(s, v);
	if (s->error[0])
		print_text("error", s->error);
	if (s->format[0]) {
		print_count("members", s->members);
		print_count("seek points", s->points);
	}
	if (s->stream_size != UINT64_MAX && s->stream_size > 0)
		print_bytes("decoded", s->stream_size);
	if (s->bytes > 0)
		print_bytes("index", s->bytes);
	if (s->members > 0)
		print_count("per member", bytes_per_member(s));
	print_text("identity", v->raw->identity);
	print_text("path", path);
}

/* No index is an answer too; one that cannot be used will be made anew. */
static int look(const char *path, struct index_summary *s)
{
	int r = index_summary(path, s);

	if (r == -ENOENT || r == -ESTALE || r == -EUCLEAN)
		*s = (struct index_summary){ .stream_size = UINT64_MAX };
	if (r == -ESTALE || r == -EUCLEAN)
		(void)log_warn(0, "%s: %s, the next mount makes it anew", path,
			       r == -ESTALE ? "of another version of mdcfs" : "damaged");
	else if (r < 0 && r != -ENOENT)
		return log_error(r, "%s", path);
	return 0;
}

int index_show_volume(const struct volume *v, bool as_json)
{
	AUTO(auto_free) char *path = NULL;
	struct index_summary s;
	int r = engine_index(v, &path);

	if (r == 0)
		r = look(path, &s);
	if (r < 0)
		return r;
	if (as_json) {
		r = print_json(v, path, &s);
		if (r < 0)
			return r;
	} else {
		print_human(v, path, &s);
	}
	return s.format[0] ? 0 : -ENOENT;
}

int index_show(struct engine *e, const char *spec, bool as_json)
{
	int r = engine_open(e);

	e->st.facts_first = true;
	if (r == 0)
		r = engine_resolve(e, spec);
	if (r < 0)
		return r;
	r = index_show_volume(volumes_at(e->volumes, 0), as_json);
	if (r == -ENOENT && object_dir(volumes_at(e->volumes, 0)->object))
		(void)log_error(0, "there is no index yet: `mdcfs index build` makes it, and so "
				   "does the first listing in a mount");
	return r;
}
