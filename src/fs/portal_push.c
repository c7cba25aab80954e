/* SPDX-License-Identifier: MPL-2.0 */
/* portal_push.c - see portal_push.h. */
#include "fs/portal_push.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

#define OPEN_MAX_PUSH 64u

enum state { WRITING, SENDING, SENT };

struct pushing {
	struct ods_push push;
	struct portal_push *home;
	struct list link;
	uint64_t handle;
	uint32_t dataset;
	const char *resource;
	struct buf data;
	uint64_t
		base; /* offset in the file of its first byte: a file may take several, one after another */
	enum state state;
	int result; /* of SENT, for the flush that waits for it */
	bool released;
	struct want want;
};

struct portal_push {
	struct ods *ods;
	struct ods_catalog *catalog;
	pthread_mutex_t lock; /* guards what follows */
	struct list all;
	unsigned n;
	uint64_t last; /* handle */
};

int portal_push_new(struct ods *o, struct ods_catalog *c, struct portal_push **out)
{
	struct portal_push *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->ods = o;
	t->catalog = c;
	pthread_mutex_init(&t->lock, NULL);
	list_init(&t->all);
	*out = t;
	return 0;
}

static void drop_locked(struct portal_push *t, struct pushing *p)
{
	list_remove(&p->link);
	t->n--;
	buf_free(&p->data);
	free(p);
}

struct portal_push *portal_push_free(struct portal_push *t)
{
	if (!t)
		return NULL;
	list_for_each(pos, next, &t->all)
		drop_locked(t, list_entry(pos, struct pushing, link));
	pthread_mutex_destroy(&t->lock);
	free(t);
	return NULL;
}

int portal_push_open(struct portal_push *t, uint32_t dataset, const char *resource,
		     uint64_t *handle)
{
	const char *key = ods_env(t->ods)->opt->push_key;
	struct pushing *p;

	if (!key || !key[0])
		return log_error(-EACCES, "%s: a push key is needed: set ODS_PUSH_KEY",
				 ods_domain(t->ods));
	LOCK_SCOPE(&t->lock);
	if (t->n >= OPEN_MAX_PUSH)
		return -ENFILE;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->home = t;
	p->dataset = dataset;
	p->resource = resource;
	p->data = (struct buf)BUF_INIT(ODS_PUSH_MAX);
	want_init(&p->want);
	list_push(&t->all, &p->link);
	t->n++;
	*handle = p->handle = ++t->last;
	return 0;
}

static struct pushing *find_locked(struct portal_push *t, uint64_t handle)
{
	list_for_each(pos, next, &t->all) {
		struct pushing *p = list_entry(pos, struct pushing, link);

		if (p->handle == handle)
			return p;
	}
	return NULL;
}

int portal_push_write(struct portal_push *t, uint64_t handle, const void *p, size_t n, uint64_t off,
		      bool append)
{
	struct pushing *x;
	size_t over;
	int r;

	LOCK_SCOPE(&t->lock);
	x = find_locked(t, handle);
	if (!x || x->state == SENDING)
		return x ? -EBUSY : -EBADF;
	x->state = WRITING;
	if (x->data.len == 0)
		x->base = off;
	off = append ? x->data.len : off - x->base;
	if (off > x->data.len)
		return -EINVAL;
	over = MIN(n, x->data.len - (size_t)off);
	if (over > 0)
		memcpy(x->data.p + off, p, over);
	r = n > over ? buf_add(&x->data, (const char *)p + over, n - over) : 0;
	return r == -EMSGSIZE ? -EFBIG : r;
}

/* An object or an array? */
static bool is_document(const struct buf *b)
{
	AUTO(auto_json_free) struct json *j = NULL;
	const char *p = b->p + strspn(b->p, " \t\r\n");

	return strlen(b->p) == b->len && (*p == '{' || *p == '[') && json_parse(b->p, &j) == 0;
}

static void on_pushed(struct ods_push *push, int err)
{
	struct pushing *p = container_of(push, struct pushing, push);
	struct portal_push *t = p->home;

	if (err == 0)
		ods_catalog_touch(t->catalog, p->dataset);
	LOCK_SCOPE(&t->lock);
	p->state = SENT;
	p->result = err;
	buf_free(&p->data);
	p->data = (struct buf)BUF_INIT(ODS_PUSH_MAX);
	want_wake(&p->want, 0);
	if (p->released)
		drop_locked(t, p);
}

static int send_locked(struct portal_push *t, struct pushing *p)
{
	struct ods_dataset d;
	int r;

	if (!is_document(&p->data))
		return log_error(-EINVAL,
				 "%s: what was written to push/%s is no JSON object or array",
				 ods_domain(t->ods), p->resource);
	if (!ods_catalog_get(t->catalog, p->dataset, &d))
		return -ENOENT;
	p->push.done = on_pushed;
	r = ods_push(t->ods, &p->push, d.id, p->resource, p->data.p, p->data.len);
	if (r == 0)
		p->state = SENDING;
	return r;
}

int portal_push_flush(struct portal_push *t, uint64_t handle, struct waiter *w)
{
	struct pushing *p;
	int r;

	LOCK_SCOPE(&t->lock);
	p = find_locked(t, handle);
	if (!p)
		return -EBADF;
	if (p->state == SENT) {
		r = p->result;
		p->result = 0;
		return r;
	}
	if (p->state == WRITING && p->data.len == 0)
		return 0;
	r = p->state == WRITING ? send_locked(t, p) : 0;
	return r < 0 ? r : want_park(&p->want, w);
}

void portal_push_release(struct portal_push *t, uint64_t handle)
{
	struct pushing *p;

	LOCK_SCOPE(&t->lock);
	p = find_locked(t, handle);
	if (!p)
		return;
	if (p->state == WRITING && p->data.len > 0)
		(void)log_error(0, "%s: push/%s was closed with something in it that was not sent",
				ods_domain(t->ods), p->resource);
	if (p->state == SENDING)
		p->released = true; /* its flush was interrupted */
	else
		drop_locked(t, p);
}
