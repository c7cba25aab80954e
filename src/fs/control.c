/* SPDX-License-Identifier: MPL-2.0 */
/* control.c - see control.h. */
#include "fs/control.h"

#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"
#include "base/version.h"
#include "fs/inode.h"
#include "source/ledger.h"

#define TEXT_MAX (4u << 20)

static void add_counter(void *arg, const char *name, const char *help, uint64_t value)
{
	(void)help;
	json_set_u64(arg, name, value);
}

static struct json *cache_status(struct fs *fs)
{
	struct json *j = json_object();

	json_set_str(j, "dir", fs->st->cache ? cache_dir(fs->st->cache) : NULL);
	json_set_u64(j, "used", fs->st->cache ? cache_used(fs->st->cache) : 0);
	json_set_u64(j, "meta", fs->st->cache ? cache_meta(fs->st->cache) : 0);
	json_set_u64(j, "limit", fs->opt->cache_size);
	return j;
}

/* status.json; the fields are described in mdcfs-status(1). */
static char *status_text(struct fs *fs)
{
	AUTO(auto_json_free) struct json *j = json_object();
	struct json *counters = json_object(), *datasets = json_array();
	struct json *portals = json_array();
	char since[32];

	clock_format(fs->since, since);
	json_set_str(j, "version", MDCFS_VERSION);
	json_set_u64(j, "pid", (uint64_t)getpid());
	json_set_str(j, "mountpoint", fs->mountpoint);
	json_set_str(j, "since", since);
	json_set(j, "cache", cache_status(fs));
	json_set_u64(j, "memory", memory_used(fs->st->memory));
	json_set_u64(j, "memory_peak", memory_peak(fs->st->memory));
	stats_each(add_counter, counters);
	json_set(j, "counters", counters);
	json_set(j, "downloads", ledger_status(fs->src->lease_dir, servertime_now(fs->src->time)));
	for (unsigned i = 0, n = volumes_count(fs->volumes); i < n; i++)
		json_append(datasets, volume_status(volumes_at(fs->volumes, i)));
	json_set(j, "datasets", datasets);
	for (unsigned i = 0; i < fs->n_branches; i++)
		json_append(portals, fs->branches[i]->ops->status(fs->branches[i]));
	json_set(j, "portals", portals);
	json_set(j, "nested", fs->nest ? nest_status(fs->nest) : NULL);
	return json_print(j, true);
}

/* Prometheus text exposition format 0.0.4. */
static void add_metric(void *arg, const char *name, const char *help, uint64_t value)
{
	(void)!buf_addf(
		arg,
		"# HELP mdcfs_%s_total %s\n# TYPE mdcfs_%s_total counter\nmdcfs_%s_total %llu\n",
		name, help, name, name, (unsigned long long)value);
}

static void add_gauge(struct buf *b, const char *name, const char *help, uint64_t value)
{
	(void)!buf_addf(b, "# HELP mdcfs_%s %s\n# TYPE mdcfs_%s gauge\nmdcfs_%s %llu\n", name, help,
			name, name, (unsigned long long)value);
}

/* Gauges: they fall at midnight, and other processes count too. */
static void add_downloads(struct buf *b, struct fs *fs)
{
	AUTO(auto_json_free)
	struct json *all = ledger_status(fs->src->lease_dir, servertime_now(fs->src->time));
	uint64_t posts, left;

	ledger_sum(all, &posts, &left);
	add_gauge(b, "downloads_today", "download sessions this user has asked for today", posts);
	if (left != UINT64_MAX)
		add_gauge(b, "downloads_left", "of the organization's today, as far as known",
			  left);
}

static char *metrics_text(struct fs *fs)
{
	AUTO(buf_free) struct buf b = BUF_INIT(TEXT_MAX);

	stats_each(add_metric, &b);
	add_gauge(&b, "cache_bytes", "bytes of data in the cache directory",
		  fs->st->cache ? cache_used(fs->st->cache) : 0);
	add_gauge(&b, "memory_bytes", "bytes of blocks in memory", memory_used(fs->st->memory));
	add_downloads(&b, fs);
	return buf_take(&b);
}

static struct control_text *slot_of(struct fs *fs, uint64_t ino)
{
	return &fs->control[ino - INO_STATUS];
}

int control_refresh(struct fs *fs, uint64_t ino)
{
	struct control_text *c = slot_of(fs, ino);
	char *text = ino == INO_STATUS	  ? status_text(fs)
		     : ino == INO_METRICS ? metrics_text(fs)
					  : log_tail();

	if (!text)
		return -ENOMEM;
	LOCK_SCOPE(&fs->lock);
	free(c->text);
	c->text = text;
	c->len = strlen(text);
	clock_gettime(CLOCK_REALTIME, &c->mtime);
	return 0;
}

void control_stat(struct fs *fs, uint64_t ino, size_t *len, struct timespec *mtime)
{
	const struct control_text *c = slot_of(fs, ino);

	LOCK_SCOPE(&fs->lock);
	*len = c->len;
	*mtime = c->mtime;
}

int64_t control_read(struct fs *fs, uint64_t ino, void *buf, size_t len, uint64_t off)
{
	const struct control_text *c = slot_of(fs, ino);

	LOCK_SCOPE(&fs->lock);
	if (off >= c->len)
		return 0;
	len = MIN(len, c->len - off);
	memcpy(buf, c->text + off, len);
	return (int64_t)len;
}

void control_free(struct fs *fs)
{
	for (size_t i = 0; i < ARRAY_SIZE(fs->control); i++)
		free(fs->control[i].text);
}
