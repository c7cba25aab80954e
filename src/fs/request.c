/* SPDX-License-Identifier: MPL-2.0 */
/* request.c - see request.h. */
#include "fs/request.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"
#include "fs/node.h"

static void wake_request(struct waiter *w)
{
	struct request *q = container_of(w, struct request, waiter);

	pool_submit(q->fs->st->pool, &q->job, JOB_REPLY);
}

void request_settle(struct request *q)
{
	struct fs *fs = q->fs;

	if (!q->listed)
		return;
	fuse_req_interrupt_func(q->req, NULL, NULL); /* waits for one that is being called */
	pthread_mutex_lock(&fs->lock);
	list_remove(&q->link);
	fs->n_replying++;
	pthread_mutex_unlock(&fs->lock);
	q->listed = false;
	q->replying = true;
}

/* The reply is out: the session is not needed for it any more. */
static void replied(struct request *q)
{
	struct fs *fs = q->fs;

	LOCK_SCOPE(&fs->lock);
	fs->n_replying--;
	pthread_cond_broadcast(&fs->changed);
}

/* What a call on a file may say; the log has the detail.  EAGAIN in the middle of a file would be
 * taken for its end by some (Python's read()), and the network's own errors mean sockets. */
static int file_errno(int r)
{
	switch (r) {
	case -EAGAIN:
	case -ECONNREFUSED:
	case -ECONNRESET:
	case -EHOSTUNREACH:
	case -EPROTO:
	case -ETIMEDOUT:
		return -EIO;
	default:
		return r;
	}
}

static void finish(struct request *q, int r)
{
	if (r < 0) {
		request_settle(q);
		fuse_reply_err(q->req, -file_errno(r));
	}
	if (q->replying)
		replied(q);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static void interrupt(fuse_req_t req, void *data)
{
	struct request *q = data;

	(void)req;
	atomic_store(&q->interrupted, true);
	(void)waiter_cancel(&q->waiter, -EINTR);
}

static void run_again(struct job *j)
{
	struct request *q = container_of(j, struct request, job);
	int r;

	pthread_mutex_lock(&q->lock); /* until the first thread has let go of it */
	pthread_mutex_unlock(&q->lock);
	r = waiter_take_error(&q->waiter);
	if (r == 0 && atomic_load(&q->interrupted))
		r = -EINTR;
	if (r == -EINTR)
		stats_inc(interrupted);
	if (r == 0)
		r = q->run(q);
	if (r != PARKED)
		finish(q, r);
}

/* The request waits: interrupts, deadlines and the unmount must be able to find it. */
static void enlist(struct request *q)
{
	struct fs *fs = q->fs;

	stats_inc(parked);
	q->since_ms = clock_ms();
	q->progress = node_progress(fs, q->ino);
	q->listed = true;
	pthread_mutex_lock(&fs->lock);
	list_push(&fs->parked, &q->link);
	if (fs->ending)
		(void)waiter_cancel(&q->waiter, -ENOTCONN);
	pthread_mutex_unlock(&fs->lock);
	fuse_req_interrupt_func(q->req, interrupt, q);
}

/* NULL without memory: that has been answered. */
static struct request *make(struct fs *fs, fuse_req_t req, int (*run)(struct request *q),
			    const char *name)
{
	size_t n = name ? strlen(name) + 1 : 1;
	struct request *q = malloc(sizeof(*q) + n);

	stats_inc(requests);
	if (!q) {
		fuse_reply_err(req, ENOMEM);
		return NULL;
	}
	memset(q, 0, sizeof(*q));
	memcpy(q->name, name ? name : "", n);
	q->fs = fs;
	q->req = req;
	q->run = run;
	q->job.run = run_again;
	waiter_init(&q->waiter, wake_request);
	q->waiter.patient = true; /* the kernel waits, and nothing of ours */
	list_init(&q->link);
	pthread_mutex_init(&q->lock, NULL);
	return q;
}

static void start(struct request *q)
{
	int r;

	pthread_mutex_lock(&q->lock);
	r = q->run(q);
	if (r == PARKED) {
		enlist(q);
		pthread_mutex_unlock(&q->lock);
		return;
	}
	pthread_mutex_unlock(&q->lock);
	finish(q, r);
}

void request_start(struct fs *fs, fuse_req_t req, int (*run)(struct request *q), uint64_t ino,
		   const char *name, size_t size, uint64_t off)
{
	struct request *q = make(fs, req, run, name);

	if (!q)
		return;
	q->ino = ino;
	q->off = off;
	q->size = size;
	start(q);
}

void request_start_open(struct fs *fs, fuse_req_t req, int (*run)(struct request *q), uint64_t ino,
			uint64_t handle, size_t size, uint64_t off)
{
	struct request *q = make(fs, req, run, NULL);

	if (!q)
		return;
	q->ino = ino;
	q->handle = handle;
	q->off = off;
	q->size = size;
	start(q);
}

/* Is it time to give a parked request up?  While the pass it waits for gets on, it is not. */
static bool overdue(struct request *q, int64_t now)
{
	uint64_t progress = node_progress(q->fs, q->ino);

	if (progress != q->progress) {
		q->progress = progress;
		q->since_ms = now;
	}
	return now - q->since_ms > q->fs->opt->deadline * 1000;
}

void request_check_deadlines(struct fs *fs)
{
	int64_t now = clock_ms();

	LOCK_SCOPE(&fs->lock);
	list_for_each(pos, tmp, &fs->parked) {
		struct request *q = list_entry(pos, struct request, link);

		if (atomic_load(&q->interrupted)) /* it came between two parks */
			(void)waiter_cancel(&q->waiter, -EINTR);
		else if (overdue(q, now) && waiter_cancel(&q->waiter, -ETIMEDOUT))
			stats_inc(deadlines);
	}
}

void request_end_all(struct fs *fs)
{
	LOCK_SCOPE(&fs->lock);
	fs->ending = true;
	pthread_cond_broadcast(&fs->changed); /* the timer need not sleep its second out */
	while (!list_empty(&fs->parked) || fs->n_replying > 0) {
		list_for_each(pos, tmp, &fs->parked)
			(void)waiter_cancel(&list_entry(pos, struct request, link)->waiter,
					    -ENOTCONN);
		(void)cond_wait_ms(&fs->changed, &fs->lock, 100);
	}
}
