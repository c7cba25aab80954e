/* SPDX-License-Identifier: MPL-2.0 */
/* cache_verify.c - see cache_verify.h. */
#include "cli/cache_verify.h"

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/log.h"
#include "cli/human.h"
#include "cli/progress.h"
#include "net/json.h"

#define SHOW_MS 250

struct verify {
	struct progress_view view;
	struct progress progress;
	int64_t begun_ms, shown_ms;
	uint64_t blocks, bad; /* of all */
	unsigned char buf[BLOCK_SIZE];
};

static void show(struct verify *v, bool always)
{
	int64_t now = clock_ms(), ms = now - v->begun_ms;

	if (!always && now - v->shown_ms < SHOW_MS)
		return;
	v->shown_ms = now;
	v->progress.rate = ms > 0 ? v->progress.done * 1000 / (uint64_t)ms : 0;
	progress_show(&v->view, &v->progress);
}

/* How many of its blocks were damaged. */
static uint64_t verify_layer(struct verify *v, struct cache_layer *l)
{
	uint64_t bad = 0;
	size_t len;

	for (uint64_t blk = 0; cache_next(l, &blk); blk++) {
		int r = cache_check(l, blk, v->buf, &len);

		if (r == -ENOENT) /* evicted just now */
			continue;
		v->blocks++;
		bad += r < 0;
		if (r == 0)
			v->progress.done = MIN(v->progress.done + len, v->progress.total);
		show(v, false);
	}
	return bad;
}

static int verify_item(struct verify *v, struct cache *c, const struct cache_item *i, uint64_t *bad)
{
	for (size_t n = 0; n < i->n_rows; n++) {
		struct cache_layer *l = NULL;
		int r;

		if (i->rows[n].map < 0) /* nobody reads it: gc takes it away */
			continue;
		r = cache_layer_open(c, i->identity, i->rows[n].name, &l);
		if (r < 0)
			return r;
		*bad += verify_layer(v, l);
		cache_layer_close(l);
	}
	v->bad += *bad;
	if (*bad > 0) {
		char count[32];

		(void)log_warn(0, "%s: %s damaged blocks were forgotten", cache_item_name(i),
			       human_count(*bad, count));
	}
	return 0;
}

static struct json *json_of(const struct cache_item *i, uint64_t bad)
{
	struct json *j = json_object();

	json_set_str(j, "identity", i->identity);
	json_set_str(j, "name", i->name);
	json_set_u64(j, "damaged", bad);
	return j;
}

static int print(const struct verify *v, struct json *j, struct json *objects, bool as_json)
{
	AUTO(auto_free) char *text = NULL;
	char a[32], b[32], c[32];

	json_set_u64(j, "blocks", v->blocks);
	json_set_u64(j, "bytes", v->progress.done);
	json_set_u64(j, "damaged", v->bad);
	json_set(j, "objects", objects);
	if (!as_json) {
		printf("%s blocks, %s: ", human_count(v->blocks, a),
		       human_size(v->progress.done, b));
		if (v->bad == 0)
			puts("all are sound");
		else
			printf("%s were damaged\n", human_count(v->bad, c));
		return 0;
	}
	text = json_print(j, true);
	return !text ? -ENOMEM : fputs(text, stdout) < 0 ? -EIO : 0;
}

static struct verify *verify_new(const struct cache_list *l)
{
	struct verify *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->begun_ms = clock_ms();
	for (size_t k = 0; k < l->n; k++)
		for (size_t n = 0; l->at[k].chosen && n < l->at[k].n_rows; n++)
			v->progress.total += l->at[k].rows[n].bytes;
	return v;
}

int cache_verify(struct cache *c, const struct cache_list *l, bool as_json)
{
	AUTO(auto_json_free) struct json *j = json_object();
	AUTO(auto_free) struct verify *v = verify_new(l);
	struct json *objects = json_array();
	int r = v ? 0 : -ENOMEM;

	for (size_t k = 0; r == 0 && k < l->n; k++) {
		uint64_t bad = 0;

		if (!l->at[k].chosen)
			continue;
		r = verify_item(v, c, &l->at[k], &bad);
		json_append(objects, json_of(&l->at[k], bad));
	}
	if (v)
		progress_clear(&v->view);
	if (r < 0) {
		json_free(objects);
		return log_error(r, "cache %s", cache_dir(c));
	}
	r = print(v, j, objects, as_json);
	return r < 0 ? r : v->bad > 0 ? -EBADMSG : 0;
}
