/* SPDX-License-Identifier: MPL-2.0 */
/* cache_show.c - see cache_show.h. */
#include "cli/cache_show.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "cli/human.h"
#include "net/json.h"

struct figures {
	uint64_t limit, data, meta, free, reserve, pinned;
};

static void measure(struct cache *c, const struct options *opt, const struct cache_list *l,
		    struct figures *f)
{
	struct statvfs fs;

	*f = (struct figures){ .limit = opt->cache_size };
	if (statvfs(cache_dir(c), &fs) == 0) {
		f->free = (uint64_t)fs.f_bavail * fs.f_frsize;
		f->reserve = portion_bytes(opt->cache_reserve, (uint64_t)fs.f_blocks * fs.f_frsize);
	}
	for (size_t k = 0; k < l->n; k++) {
		f->data += l->at[k].data;
		f->meta += l->at[k].meta;
		f->pinned += l->at[k].pinned;
	}
}

/* -- for programs -- */

static struct json *json_row(const struct cache_row *row)
{
	struct json *j = json_object();

	json_set_str(j, "name", row->name);
	json_set_u64(j, "blocks", row->blocks);
	json_set_u64(j, "bytes", row->bytes);
	json_set_u64(j, "on_disk", row->on_disk);
	json_set_bool(j, "usable", row->map == 0);
	return j;
}

static struct json *json_item(const struct cache_item *i)
{
	struct json *j = json_object(), *rows = json_array();

	json_set_str(j, "identity", i->identity);
	json_set_str(j, "name", i->name);
	json_set_str(j, "file", i->file);
	json_set_str(j, "version", i->version);
	json_set_str(j, "outer", i->outer[0] ? i->outer : NULL);
	json_set_u64(j, "size", i->size);
	json_set_u64(j, "data", i->data);
	json_set_u64(j, "meta", i->meta);
	json_set_i64(j, "last_used", i->used / CLOCK_NS);
	json_set_bool(j, "pinned", i->pinned);
	json_set_bool(j, "in_use", i->in_use);
	for (size_t n = 0; n < i->n_rows; n++)
		json_append(rows, json_row(&i->rows[n]));
	json_set(j, "layers", rows);
	return j;
}

static int print_json(struct cache *c, const struct figures *f, const struct cache_list *l)
{
	AUTO(auto_json_free) struct json *j = json_object();
	AUTO(auto_free) char *text = NULL;
	struct json *objects = json_array();

	json_set_str(j, "dir", cache_dir(c));
	json_set_u64(j, "limit", f->limit);
	json_set_u64(j, "used", f->data + f->meta);
	json_set_u64(j, "data", f->data);
	json_set_u64(j, "meta", f->meta);
	json_set_u64(j, "disk_free", f->free);
	json_set_u64(j, "disk_reserve", f->reserve);
	for (size_t k = 0; k < l->n; k++)
		if (l->at[k].chosen)
			json_append(objects, json_item(&l->at[k]));
	json_set(j, "objects", objects);
	text = json_print(j, true);
	return !text ? -ENOMEM : fputs(text, stdout) < 0 ? -EIO : 0;
}

/* -- for people -- */

static void print_totals(struct cache *c, const struct figures *f, const struct cache_list *l)
{
	char a[32], b[32];

	printf("%-12s ", "cache");
	human_print(stdout, cache_dir(c));
	printf("\n%-12s %s of %s\n", "used", human_size(f->data + f->meta, a),
	       human_size(f->limit, b));
	printf("%-12s %s of blocks, %s of maps and indexes\n", "", human_size(f->data, a),
	       human_size(f->meta, b));
	printf("%-12s %s free, %s are left alone\n", "disk", human_size(f->free, a),
	       human_size(f->reserve, b));
	printf("%-12s %zu", "objects", l->n);
	if (f->pinned > 0)
		printf(", %s pinned", human_count(f->pinned, a));
	putchar('\n');
}

static void print_text(const char *label, const char *text)
{
	if (!*text)
		return;
	printf("    %-10s ", label);
	human_print(stdout, text);
	putchar('\n');
}

static void print_rows(const struct cache_item *i)
{
	char a[32], b[32];

	for (size_t n = 0; n < i->n_rows; n++) {
		const struct cache_row *row = &i->rows[n];
		bool raw = strcmp(row->name, "raw") == 0;

		if (row->on_disk == 0 && row->blocks == 0)
			continue;
		printf("    %-10s %s", raw ? "as it is" : "decoded", human_size(row->on_disk, a));
		if (row->map == 0)
			printf(", %s blocks", human_count(row->blocks, b));
		else
			printf(", cannot be used: %s", row->map == -ENOENT ? "its map is gone"
						       : row->map == -EILSEQ
							       ? "of another version of mdcfs"
							       : strerror(-row->map));
		putchar('\n');
	}
}

static void print_item(const struct cache_list *l, const struct cache_item *i)
{
	const struct cache_item *outer = i->outer[0] ? cache_list_find(l, i->outer) : NULL;
	char size[32];

	putchar('\n');
	human_print(stdout, cache_item_name(i));
	putchar('\n');
	if (i->file[0]) {
		printf("    %-10s ", "file");
		human_print(stdout, i->file);
		printf(", %s\n", human_size(i->size, size));
	}
	if (i->outer[0])
		print_text("inside", outer ? cache_item_name(outer) : i->outer);
	print_text("version", i->version);
	print_rows(i);
	printf("    %-10s %s\n", "index", human_size(i->meta, size));
	clock_format(i->used / CLOCK_NS, size);
	printf("    %-10s %s%s%s\n", "last used", i->in_use ? "now" : size, i->pinned ? "; " : "",
	       i->pinned ? "pinned" : "");
	print_text("identity", i->identity);
}

int cache_show(struct cache *c, const struct options *opt, const struct cache_list *l, bool as_json)
{
	struct figures f;

	measure(c, opt, l, &f);
	if (as_json)
		return print_json(c, &f, l);
	print_totals(c, &f, l);
	for (size_t k = 0; k < l->n; k++)
		if (l->at[k].chosen)
			print_item(l, &l->at[k]);
	return 0;
}
