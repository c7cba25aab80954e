/* SPDX-License-Identifier: MPL-2.0 */
/* http_call.c - http_do() of http.h: submit and wait for one answer. */
#include "net/http.h"

#include <errno.h>

#include "base/buf.h"

struct call {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done; /* guarded by lock */
	struct buf body;
};

static int call_body(struct http_request *q, const void *p, size_t n)
{
	struct call *c = q->call;
	int r = buf_add(&c->body, p, n);

	return r == -EMSGSIZE ? -EFBIG : r;
}

static void call_done(struct http_request *q)
{
	struct call *c = q->call;
	LOCK_SCOPE(&c->lock);

	c->done = true;
	pthread_cond_signal(&c->cond);
}

int http_do(struct http *h, struct http_request *q, size_t max, char **body)
{
	struct call c = { .lock = PTHREAD_MUTEX_INITIALIZER,
			  .cond = PTHREAD_COND_INITIALIZER,
			  .body = BUF_INIT(max) };

	q->body = call_body;
	q->done = call_done;
	q->call = &c;
	http_submit(h, q);
	pthread_mutex_lock(&c.lock);
	while (!c.done)
		pthread_cond_wait(&c.cond, &c.lock);
	pthread_mutex_unlock(&c.lock);
	q->call = NULL;
	*body = buf_take(&c.body);
	return q->reply.err;
}
