/* SPDX-License-Identifier: MPL-2.0 */
/* spool_take.c - see spool_take.h. */
#include "store/spool_take.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "base/stats.h"
#include "net/retry.h"
#include "source/api.h"
#include "store/about.h"
#include "store/blocks.h"
#include "store/spool_held.h"

#define QUEUE_MAX 16u /* blocks that wait for the job; one piece more may come: libcurl's buffer */
#define QUEUE_SLOTS 32u
#define WINDOW_MAX 32u /* blocks ahead of the readers, where it may not run further */
#define HEAD_MAX 4096u

static const struct retry_policy policy = {
	.max_tries = 4,
	.base_ms = 500,
	.cap_ms = 5000,
	.deadline_ms = 60000,
};

struct take {
	struct take_config c;
	struct cache *cache; /* NULL: there is none */
	uint64_t keeps;	     /* so many bytes of one file may go there */
	_Atomic unsigned refs;
	_Atomic enum take_state state;
	_Atomic bool streams;
	char identity[DIGEST_HEX], sum[DIGEST_HEX];
	struct blocks *blocks;
	char *dir;     /* in the cache; NULL: there is none */
	int use;       /* of that */
	uint64_t size; /* when whole */
	int err;       /* when failed */

	/* The transfer.  cur and head are the I/O thread's until it has ended. */
	struct http_request rq;
	char *url;
	struct block *cur;
	char head[HEAD_MAX + 1];
	size_t head_len;
	unsigned tries;
	int64_t begun_ms;

	/* The job's own. */
	struct job job;
	struct digest *digest;
	bool judged;

	pthread_mutex_t lock; /* guards what follows */
	struct block *queue[QUEUE_SLOTS];
	unsigned first, n;
	bool queued; /* the job is, or runs */
	bool paused, ended, abandoned, canceled;
	uint64_t have;	 /* bytes that can be read */
	uint64_t coming; /* bytes that have arrived */
	uint64_t wanted; /* end of what readers have asked for */
	struct held held;
	struct http_reply begins; /* as of the first byte; the job's own while blocks come */
};

/* ---- life ---- */

/* A block that was there cannot be brought by itself: whoever wants it looks again and finds it lost. */
static void no_fill(void *arg, uint64_t first, uint32_t n, bool demand)
{
	struct take *t = arg;

	(void)demand;
	for (uint32_t i = 0; i < n; i++)
		blocks_fail(t->blocks, first + i, 0);
}

static const struct blocks_ops no_fills = { .fill = no_fill };

/* Its place in the cache, and for people what it is.  Without either everything works. */
static int settle(struct take *t)
{
	const struct spool_config *c = t->c.spool;
	struct about a = { .size = t->size };
	int r;

	if (!c->st->cache)
		return 0;
	r = cache_object_dir(c->st->cache, t->identity, &t->dir);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	snprintf(a.name, sizeof(a.name), "%s:%s", c->scheme, c->name);
	snprintf(a.version, sizeof(a.version), "%s", c->version);
	if (digest_strings(a.of, c->scheme, c->key, NULL) < 0)
		a.of[0] = '\0';
	r = about_enter(t->dir, &a, &t->use);
	if (r < 0)
		debug(store, "%s: nobody is told that it is in use: %s", t->dir, strerror(-r));
	return 0;
}

static int make_blocks(struct take *t)
{
	struct store *st = t->c.spool->st;
	struct blocks_config c = {
		.memory = st->memory,
		.cache = st->cache,
		.identity = t->identity,
		.layer = "spool",
		.size = UINT64_MAX,
		.fill_max = 1,
		.ops = &no_fills,
		.arg = t,
	};
	int r = settle(t);

	return r < 0 ? r : blocks_new(&c, &t->blocks);
}

static int make(const struct take_config *c, struct take **out)
{
	struct take *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->c = *c;
	t->use = -1;
	t->cache = c->spool->st->cache;
	t->keeps = t->cache ? c->spool->st->opt->cache_size / 2 : 0;
	atomic_init(&t->refs, 1);
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

/* Each has an identity that no other one will ever have. */
static int name(struct take *t)
{
	unsigned char salt[16];
	char hex[2 * sizeof(salt) + 1];

	if (getrandom(salt, sizeof(salt), 0) != (ssize_t)sizeof(salt))
		return -EIO;
	for (size_t i = 0; i < sizeof(salt); i++)
		snprintf(hex + 2 * i, 3, "%02x", salt[i]);
	return digest_strings(t->identity, t->c.spool->scheme, t->c.spool->key, t->c.spool->version,
			      hex, NULL);
}

int take_new(const struct take_config *c, struct take **out)
{
	struct take *t;
	int r = make(c, &t);

	if (r < 0)
		return r;
	r = name(t);
	if (r == 0)
		r = make_blocks(t);
	if (r < 0) {
		take_unref(t);
		return r;
	}
	*out = t;
	return 0;
}

int take_recall(const struct spool_config *c, const char *identity, const char *sum, uint64_t size,
		struct take **out)
{
	struct take_config config = { .spool = c };
	struct take *t;
	int r = make(&config, &t);

	if (r < 0)
		return r;
	memcpy(t->identity, identity, DIGEST_HEX);
	memcpy(t->sum, sum, DIGEST_HEX);
	t->size = t->have = t->coming = size;
	atomic_init(&t->state, TAKE_WHOLE);
	r = make_blocks(t);
	if (r < 0) {
		take_unref(t);
		return r;
	}
	blocks_set_size(t->blocks, size);
	*out = t;
	return 0;
}

struct take *take_ref(struct take *t)
{
	atomic_fetch_add(&t->refs, 1);
	return t;
}

void take_unref(struct take *t)
{
	if (!t || atomic_fetch_sub(&t->refs, 1) > 1)
		return;
	blocks_free(t->blocks);
	about_leave(t->dir, t->use);
	if (t->dir && take_state(t) == TAKE_FAILED)
		(void)!cache_remove(t->cache, t->identity);
	free(t->dir);
	block_unref(t->cur);
	held_clear(&t->held);
	digest_free(t->digest);
	pthread_mutex_destroy(&t->lock);
	free(t->url);
	free(t);
}

enum take_state take_state(const struct take *t)
{
	return atomic_load(&t->state);
}

bool take_streams(const struct take *t)
{
	return atomic_load(&t->streams);
}

int take_error(const struct take *t)
{
	return t->err;
}

uint64_t take_size(const struct take *t)
{
	return t->size;
}

const char *take_identity(const struct take *t)
{
	return t->identity;
}

const char *take_sum(const struct take *t)
{
	return t->sum;
}

/* ---- the I/O thread ---- */

static uint64_t window(const struct take *t)
{
	uint64_t blocks = t->c.spool->st->opt->read_ahead / 4 >> BLOCK_SHIFT;

	return MAX(MIN(blocks, WINDOW_MAX), 2u) << BLOCK_SHIFT;
}

/* Has enough come for now? */
static bool is_full_locked(const struct take *t)
{
	return t->n >= QUEUE_MAX || (take_streams(t) && t->coming > t->wanted + window(t));
}

static void run(struct job *j);

static void wake_job_locked(struct take *t)
{
	if (t->queued)
		return;
	t->queued = true;
	t->job.run = run;
	pool_submit(t->c.spool->st->pool, &t->job, JOB_DEMAND);
}

static void push_cur_locked(struct take *t)
{
	if (!t->cur)
		return;
	t->queue[(t->first + t->n++) % QUEUE_SLOTS] = t->cur;
	t->cur = NULL;
	wake_job_locked(t);
}

static void keep_head(struct take *t, const void *p, size_t n)
{
	if ((n = MIN(n, HEAD_MAX - t->head_len)) == 0)
		return; /* it may be looked at already */
	memcpy(t->head + t->head_len, p, n);
	t->head_len += n;
	t->head[t->head_len] = '\0';
}

static int add_locked(struct take *t, const unsigned char *p, size_t n)
{
	while (n > 0) {
		size_t k;

		if (t->n == QUEUE_SLOTS)
			return -ENOBUFS; /* a piece larger than libcurl's buffer */
		if (!t->cur && !(t->cur = block_new(t->c.spool->st->memory)))
			return -ENOMEM;
		k = MIN(n, BLOCK_SIZE - t->cur->len);
		memcpy(t->cur->data + t->cur->len, p, k);
		t->cur->len += (uint32_t)k;
		t->coming += k;
		p += k;
		n -= k;
		if (t->cur->len == BLOCK_SIZE)
			push_cur_locked(t);
	}
	return 0;
}

static int on_body(struct http_request *q, const void *p, size_t n)
{
	struct take *t = container_of(q, struct take, rq);

	if (q->reply.status != 200) {
		keep_head(t, p, n);
		return 0;
	}
	LOCK_SCOPE(&t->lock);
	if (is_full_locked(t)) {
		t->paused = true;
		wake_job_locked(t); /* it looks whether that is still so */
		return HTTP_PAUSE;
	}
	stats_add(storage_bytes, n);
	if (t->coming == 0)
		t->begins = q->reply;
	keep_head(t, p, n);
	if (t->coming + n > t->keeps)
		atomic_store(&t->streams, true);
	return add_locked(t, p, n);
}

static void on_done(struct http_request *q)
{
	struct take *t = container_of(q, struct take, rq);

	LOCK_SCOPE(&t->lock);
	t->ended = true;
	if (q->reply.err < 0) /* whole blocks alone are served of what breaks off */
		block_unref(steal(&t->cur));
	push_cur_locked(t);
	wake_job_locked(t);
}

/* ---- the job ---- */

static void cancel_locked(struct take *t)
{
	if (t->ended || t->canceled)
		return;
	t->canceled = true;
	http_cancel(t->c.spool->st->http, &t->rq);
}

static int judge(struct take *t, const struct http_reply *reply)
{
	const struct spool_config *s = t->c.spool;
	int r = s->judge(s->arg, reply, t->head_len ? t->head : NULL, s->name);

	if (r == 0 && !reply->framed && reply->status == 200)
		r = log_error(-EPROTO, "%s: the server does not say where it ends", s->name);
	t->judged = r == 0;
	return r;
}

/* Into the cache, while it takes what it is given; and among the last ones in any case. */
static void place(struct take *t, uint64_t blk, struct block *b)
{
	struct block *old;

	pthread_mutex_lock(&t->lock);
	old = held_put(&t->held, blk, b);
	pthread_mutex_unlock(&t->lock);
	block_unref(old);
	if (take_streams(t))
		return;
	blocks_put(t->blocks, blk, block_ref(b));
	if (!blocks_has(t->blocks, blk))
		atomic_store(&t->streams, true);
}

static int publish(struct take *t, struct block *b)
{
	uint64_t blk = t->have >> BLOCK_SHIFT;
	uint32_t len = b->len;
	int r = t->judged ? 0 : judge(t, &t->begins);

	if (r == 0 && !t->digest && !(t->digest = digest_new()))
		r = -ENOMEM;
	if (r < 0) {
		block_unref(b);
		return r;
	}
	digest_add(t->digest, b->data, len);
	place(t, blk, b);
	pthread_mutex_lock(&t->lock);
	t->have += len;
	pthread_mutex_unlock(&t->lock);
	return 0;
}

/* The next block, or NULL: none is here, and this job has ended unless *last. */
static struct block *pop(struct take *t, bool *last)
{
	struct block *b;

	LOCK_SCOPE(&t->lock);
	if (t->n > 0) {
		b = t->queue[t->first];
		t->first = (t->first + 1) % QUEUE_SLOTS;
		t->n--;
		return b;
	}
	if (t->abandoned && take_streams(t))
		cancel_locked(t);
	*last = t->ended;
	if (!t->ended) {
		t->queued = false;
		if (t->paused && !is_full_locked(t)) {
			t->paused = false;
			http_resume(t->c.spool->st->http, &t->rq);
		}
	}
	return NULL;
}

static void send_take(struct take *t, int64_t delay_ms);

/* Nothing of it has come yet: once more may help.  0: it is under way again. */
static int again(struct take *t, int err)
{
	int64_t wait;

	if (t->have > 0 || t->canceled || (err != -EAGAIN && !api_is_down(err)) || err == -EPROTO)
		return err;
	wait = retry_wait(&policy, t->tries, clock_ms() - t->begun_ms, t->rq.reply.retry_after_s,
			  retry_random());
	if (wait < 0)
		return err;
	pthread_mutex_lock(&t->lock);
	t->queued = t->ended = t->paused = false;
	t->coming = 0;
	pthread_mutex_unlock(&t->lock);
	t->head_len = 0;
	t->err = 0;
	stats_inc(storage_retries);
	send_take(t, wait);
	return 0;
}

static void let_go(struct take *t)
{
	LOCK_SCOPE(&t->lock);
	held_clear(&t->held);
}

static void fail(struct take *t, int err)
{
	const char *s = t->c.spool->name;

	if (err == -ECANCELED)
		debug(store, "%s: ended", s);
	else if (t->have > 0 || err == -ECONNRESET)
		(void)log_error(err,
				"%s: it broke off after %" PRIu64 " bytes; nothing of it is kept",
				s, t->coming);
	else if (err == -EAGAIN || (api_is_down(err) && err != -EPROTO))
		(void)log_error(err, "%s: it cannot be had now", s);
	let_go(t);
	blocks_forget(t->blocks, (t->have + BLOCK_SIZE - 1) >> BLOCK_SHIFT);
	t->err = err == -EDQUOT || err == -EACCES || err == -ENOENT || err == -EINVAL ||
				 err == -ENOMEM || err == -ESTALE
			 ? err
			 : -EIO;
	atomic_store(&t->state, TAKE_FAILED);
}

static void succeed(struct take *t)
{
	digest_end(steal(&t->digest), t->sum);
	t->size = t->have;
	blocks_set_size(t->blocks, t->size);
	if (!take_streams(t))
		let_go(t); /* the cache has them */
	atomic_store(&t->state, TAKE_WHOLE);
}

/* The transfer has ended, and all it brought is where it belongs. */
static void end(struct take *t)
{
	int r = t->err < 0 ? t->err : t->rq.reply.err;

	if (r == 0 && !t->judged)
		r = judge(t, &t->rq.reply);
	if (r == 0 && !t->digest && !(t->digest = digest_new()))
		r = -ENOMEM;
	if (r < 0 && again(t, r) == 0)
		return;
	if (r < 0)
		fail(t, r);
	else
		succeed(t);
	t->c.moved(t->c.arg, t, take_state(t));
	take_unref(t);
}

static void run(struct job *j)
{
	struct take *t = container_of(j, struct take, job);
	bool last = false;
	struct block *b;

	while ((b = pop(t, &last))) {
		if (t->err < 0) { /* what still comes of one that is being ended */
			block_unref(b);
			continue;
		}
		t->err = publish(t, b);
		if (t->err == 0) {
			t->c.moved(t->c.arg, t, TAKE_RUNNING);
			continue;
		}
		LOCK_SCOPE(&t->lock);
		cancel_locked(t);
	}
	if (last)
		end(t);
}

static void send_take(struct take *t, int64_t delay_ms)
{
	const struct spool_config *s = t->c.spool;
	int r;

	t->rq = (struct http_request){ .delay_ms = delay_ms, .body = on_body, .done = on_done };
	free(steal(&t->url));
	r = s->request(s->arg, &t->rq, &t->url);
	t->rq.url = t->url;
	t->tries++;
	if (r < 0) {
		t->rq.reply.err = r;
		on_done(&t->rq);
		return;
	}
	stats_inc(api_requests);
	http_submit(s->st->http, &t->rq);
}

void take_start(struct take *t)
{
	take_ref(t); /* the transfer's, until its end */
	t->begun_ms = clock_ms();
	send_take(t, 0);
}

/* ---- readers ---- */

void take_abandon(struct take *t)
{
	LOCK_SCOPE(&t->lock);
	t->abandoned = true;
	if (take_state(t) != TAKE_RUNNING)
		held_clear(&t->held); /* of one that was not kept: it is received anew */
	if (take_state(t) == TAKE_RUNNING && take_streams(t))
		cancel_locked(t);
}

uint64_t take_have(struct take *t, uint64_t off, size_t len)
{
	LOCK_SCOPE(&t->lock);
	t->abandoned = false;
	t->wanted = MAX(t->wanted, off + len);
	if (t->paused)
		wake_job_locked(t);
	return t->have;
}

static bool read_held(struct take *t, void *buf, size_t len, uint64_t off)
{
	LOCK_SCOPE(&t->lock);
	return t->have > 0 && held_read(&t->held, t->have, buf, len, off);
}

int64_t take_pread(struct take *t, void *buf, size_t len, uint64_t off, struct waiter *w)
{
	uint64_t to = (off + len - 1) >> BLOCK_SHIFT;

	if (read_held(t, buf, len, off))
		return (int64_t)len;
	for (uint64_t blk = off >> BLOCK_SHIFT; blk <= to; blk++)
		if (!blocks_has(t->blocks, blk))
			return -ENODATA;
	return blocks_pread(t->blocks, buf, len, off, w);
}
