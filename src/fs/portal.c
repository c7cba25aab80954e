/* SPDX-License-Identifier: MPL-2.0 */
/* portal.c - see portal.h: opening, and what is read. */
#include "fs/portal.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "fs/portal_archive.h"
#include "fs/portal_media.h"
#include "fs/portal_names.h"
#include "fs/portal_parts.h"

/* ---- numbers ---- */

/* "KIND/DATASET/TEXT" is what is interned. */
bool portal_made_at(struct portal *p, uint32_t n, struct made *out)
{
	const char *text;
	unsigned kind, dataset;
	int end = 0;

	pthread_mutex_lock(&p->lock);
	text = intern_text(p->made, n);
	pthread_mutex_unlock(&p->lock);
	if (!text || sscanf(text, "%u/%u/%n", &kind, &dataset, &end) < 2 || end == 0)
		return false;
	*out = (struct made){ (enum made_kind)kind, dataset, text + end };
	return true;
}

int portal_made(struct portal *p, enum made_kind kind, uint32_t dataset, const char *text,
		uint64_t *local)
{
	AUTO(auto_free) char *key = NULL;
	uint32_t n;
	int r;

	if (asprintf(&key, "%u/%u/%s", (unsigned)kind, dataset, text) < 0) {
		key = NULL;
		return -ENOMEM;
	}
	pthread_mutex_lock(&p->lock);
	r = intern_add(p->made, key, &n);
	pthread_mutex_unlock(&p->lock);
	if (r == -ENOSPC && !atomic_exchange(&p->made_full, true))
		(void)log_error(0, "%s: more than %u names have been asked for: mount again",
				ods_domain(p->ods), MADE_MAX);
	if (r == 0)
		*local = MADE_BIT | n;
	return r;
}

bool portal_spot(struct portal *p, uint64_t local, struct spot *out)
{
	*out = (struct spot){ .root = local == BRANCH_ROOT, .search = local == LOCAL_SEARCH };
	if (out->root || out->search)
		return true;
	if (local & MADE_BIT) {
		out->is_made = true;
		if (!portal_made_at(p, (uint32_t)(local & ~MADE_BIT), &out->made))
			return false;
		out->dataset = out->made.dataset;
		if (out->made.kind == MADE_SEARCH)
			return true;
	} else {
		if (local >> 8 == 0 || local >> 8 > ODS_DATASETS_MAX)
			return false;
		out->dataset = (uint32_t)(local >> 8) - 1;
		out->what = (enum what)(local & 0xff);
	}
	return ods_catalog_get(p->catalog, out->dataset, &out->d);
}

/* ---- reading ---- */

static bool is_push(const struct spot *s)
{
	return s->is_made && s->made.kind == MADE_PUSH;
}

static int open_push(struct portal *p, const struct spot *s, struct branch_open *out)
{
	*out = (struct branch_open){ .direct = true };
	return portal_push_open(p->push, s->dataset, s->made.text, &out->handle);
}

static int open_file(struct branch *b, uint64_t local, bool write, struct waiter *w,
		     struct branch_open *out)
{
	struct portal *p = container_of(b, struct portal, base);
	AUTO(remote_clear) struct remote remote = { 0 };
	struct spot s;
	uint32_t n;
	int r;

	if (!portal_spot(p, local, &s))
		return -ENOENT;
	if (s.root || s.search)
		return -EISDIR;
	if (is_push(&s))
		return write ? open_push(p, &s, out) : -EACCES;
	if (write)
		return -EROFS;
	if (!s.is_made && (s.what == WHAT_DETAILS || s.what == WHAT_README)) {
		*out = (struct branch_open){ 0 };
		return 0;
	}
	r = ods_catalog_find(p->catalog, s.d.id, w, &n); /* is this still its version? */
	if (r < 0)
		return r;
	if (!portal_spot(p, local, &s))
		return -ENOENT;
	r = portal_remote(p, &s, &remote);
	return r < 0 ? r : portal_files_open(p->files, &remote, w, out);
}

static void release(struct branch *b, uint64_t local, uint64_t handle)
{
	struct portal *p = container_of(b, struct portal, base);
	struct spot s;

	if (handle && portal_spot(p, local, &s) && is_push(&s))
		portal_push_release(p->push, handle);
	else if (handle)
		portal_files_release(p->files, handle);
}

static int truncate_file(struct branch *b, uint64_t local)
{
	struct portal *p = container_of(b, struct portal, base);
	struct spot s;

	return portal_spot(p, local, &s) && is_push(&s) ? 0 : -EROFS;
}

static int write_file(struct branch *b, uint64_t local, uint64_t handle, const void *data, size_t n,
		      uint64_t off, bool append)
{
	struct portal *p = container_of(b, struct portal, base);

	if (truncate_file(b, local) < 0)
		return -EROFS;
	return portal_push_write(p->push, handle, data, n, off, append);
}

static int flush(struct branch *b, uint64_t local, uint64_t handle, struct waiter *w)
{
	struct portal *p = container_of(b, struct portal, base);

	return truncate_file(b, local) < 0 ? 0 : portal_push_flush(p->push, handle, w);
}

static int64_t read_text(struct portal *p, const struct spot *s, void *buf, size_t len,
			 uint64_t off)
{
	AUTO(auto_free) char *text = NULL;
	int r = portal_text(p, s->dataset, s->what, &text);
	size_t n = r == 0 ? strlen(text) : 0;

	if (r < 0)
		return r;
	if (off >= n)
		return 0;
	len = MIN(len, n - off);
	memcpy(buf, text + off, len);
	return (int64_t)len;
}

static int64_t read_file(struct branch *b, uint64_t local, uint64_t handle, void *buf, size_t len,
			 uint64_t off, struct waiter *w)
{
	struct portal *p = container_of(b, struct portal, base);
	struct spot s;

	if (handle && portal_spot(p, local, &s) && is_push(&s))
		return -EBADF;
	if (handle)
		return portal_files_pread(p->files, handle, buf, len, off, w);
	if (!portal_spot(p, local, &s) || s.is_made)
		return -EBADF;
	return s.what == WHAT_DETAILS || s.what == WHAT_README ? read_text(p, &s, buf, len, off)
							       : -EISDIR;
}

/* From .search/PARAMETERS to the dataset. */
static int read_link(struct branch *b, uint64_t local, struct waiter *w, char **out)
{
	struct portal *p = container_of(b, struct portal, base);
	struct spot s;

	(void)w;
	if (!portal_spot(p, local, &s))
		return -ENOENT;
	if (!s.is_made || s.made.kind != MADE_LINK)
		return -EINVAL;
	return asprintf(out, PORTAL_LINK "%s", s.made.text) < 0 ? -ENOMEM : 0;
}

/* ---- status and life ---- */

static struct json *status(struct branch *b)
{
	struct portal *p = container_of(b, struct portal, base);
	struct json *j = json_object();
	struct ods_quota q;
	char reset[32];

	ods_quota(p->ods, &q);
	clock_format(q.reset, reset);
	json_set_str(j, "domain", ods_domain(p->ods));
	json_set_u64(j, "datasets", ods_catalog_count(p->catalog));
	if (q.limit == UINT64_MAX)
		json_set_str(j, "calls_limit", NULL);
	else
		json_set_u64(j, "calls_limit", q.limit);
	if (q.left == UINT64_MAX)
		json_set_str(j, "calls_left", NULL);
	else
		json_set_u64(j, "calls_left", q.left);
	json_set_str(j, "calls_reset", q.reset ? reset : NULL);
	json_set_bool(j, "calls_used_up", q.used_up);
	return j;
}

static void free_portal(struct branch *b)
{
	struct portal *p = container_of(b, struct portal, base);

	portal_files_free(p->files);
	portal_archives_free(p->archives);
	portal_media_free(p->media);
	portal_push_free(p->push);
	ods_answers_free(p->answers);
	ods_catalog_free(p->catalog);
	ods_free(p->ods);
	intern_free(p->made);
	pthread_mutex_destroy(&p->lock);
	free(p->base.dir);
	free(p);
}

static const struct branch_ops ops = {
	.lookup = portal_lookup,
	.stat = portal_stat,
	.list = portal_list,
	.open = open_file,
	.release = release,
	.truncate = truncate_file,
	.write = write_file,
	.flush = flush,
	.read = read_file,
	.readlink = read_link,
	.archive = portal_archive,
	.status = status,
	.free = free_portal,
};

/* The portal's first answer: whoever mounts hears what is wrong with it. */
static int wait_for_it(struct portal *p, const char *spec, char why[static 512])
{
	struct thread_waiter t;
	int r;

	thread_waiter_init(&t);
	while ((r = ods_catalog_first(p->catalog, &t.w)) == PARKED) {
		r = thread_waiter_wait(&t, -1);
		if (r < 0)
			break;
	}
	thread_waiter_destroy(&t);
	if (r == -ENOENT)
		snprintf(why, 512,
			 "%.300s: the portal has no such dataset, or shows it to others only",
			 spec);
	return r;
}

static int set_up(struct portal *p, const struct source_env *env, const char *spec,
		  char why[static 512])
{
	AUTO(auto_free) char *only = NULL;
	int r = ods_new(env, spec, &p->ods, &only, why);

	if (r == 0)
		r = ods_catalog_new(p->ods, only, &p->catalog);
	if (r == 0)
		r = ods_answers_new(p->ods, portal_names_reduce, p, &p->answers);
	if (r == 0)
		r = portal_files_new(p->st, p->ods, &p->files);
	if (r == 0)
		r = portal_media_new(&p->media);
	if (r == 0)
		r = portal_archives_new(&p->archives);
	if (r == 0 && env->opt->push)
		r = portal_push_new(p->ods, p->catalog, &p->push);
	if (r == 0)
		r = intern_new(MADE_MAX, &p->made);
	if (r < 0)
		return r;
	p->base.dir = strdup(ods_domain(p->ods));
	return p->base.dir ? wait_for_it(p, spec, why) : -ENOMEM;
}

int portal_open(struct store *st, const struct source_env *env, const char *spec,
		struct branch **out, char why[static 512])
{
	struct portal *p = calloc(1, sizeof(*p));
	int r;

	why[0] = '\0';
	if (!p)
		return -ENOMEM;
	p->base.ops = &ops;
	p->st = st;
	pthread_mutex_init(&p->lock, NULL);
	/* On failure too: calls may still be under way, the caller frees it after they have ended. */
	*out = &p->base;
	r = set_up(p, env, spec, why);
	if (r == -ENOMEM && !why[0])
		snprintf(why, 512, "%.300s: %s", spec, strerror(-r));
	return r;
}

struct branch *portal_close(struct branch *b)
{
	if (b)
		b->ops->free(b);
	return NULL;
}
