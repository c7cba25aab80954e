/* SPDX-License-Identifier: MPL-2.0 */
/* spool.c - see spool.h.  What a transfer brings is spool_take.c; here are readers and takes. */
#include "store/spool.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/digest.h"
#include "base/log.h"
#include "store/facts.h"
#include "store/spool_take.h"

#define REPEATS_MAX 3u /* then the cache is no place for it */

struct spool {
	struct spool_config c; /* its strings are the next four */
	char *name, *scheme, *key, *version;
	pthread_mutex_t lock;	 /* guards what follows */
	struct take *now;	 /* NULL: none was made */
	struct take *again;	 /* receives anew what `now` has lost; NULL: nothing does */
	uint64_t number;	 /* of `now` */
	unsigned opens, running; /* takes that have not ended */
	unsigned repeats;	 /* takes of what had been lost */
	struct want want;	 /* of the one that receives */
};

/* "<dataset's version> <take's identity> <SHA-256>" as facts.h keeps it. */
struct kept {
	uint64_t size;
	char identity[DIGEST_HEX], sum[DIGEST_HEX];
};

static int version_hex(const struct spool_config *c, char hex[static DIGEST_HEX])
{
	return digest_strings(hex, c->version, NULL);
}

static bool recall(const struct spool_config *c, struct kept *out)
{
	char version[DIGEST_HEX], hex[DIGEST_HEX];
	struct facts f;

	if (!c->st->cache || facts_load(c->st->state_dir, c->scheme, c->key, &f) < 0 ||
	    version_hex(c, hex) < 0 ||
	    sscanf(f.version, "%64[0-9a-f] %64[0-9a-f] %64[0-9a-f]", version, out->identity,
		   out->sum) != 3)
		return false;
	out->size = f.size;
	return strcmp(version, hex) == 0 && strlen(out->identity) == DIGEST_HEX - 1 &&
	       strlen(out->sum) == DIGEST_HEX - 1;
}

static void keep(struct spool *s, const struct take *t)
{
	char hex[DIGEST_HEX];
	struct facts f = { .size = take_size(t) };

	if (!s->c.st->cache || version_hex(&s->c, hex) < 0)
		return;
	snprintf(f.version, sizeof(f.version), "%s %s %s", hex, take_identity(t), take_sum(t));
	facts_save(s->c.st->state_dir, s->c.scheme, s->c.key, &f);
}

static int copy_config(struct spool *s, const struct spool_config *c)
{
	s->c = *c;
	s->c.name = s->name = strdup(c->name);
	s->c.scheme = s->scheme = strdup(c->scheme);
	s->c.key = s->key = strdup(c->key);
	s->c.version = s->version = strdup(c->version);
	return s->name && s->scheme && s->key && s->version ? 0 : -ENOMEM;
}

int spool_new(const struct spool_config *c, struct spool **out)
{
	struct spool *s = calloc(1, sizeof(*s));
	struct kept kept;
	int r;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	want_init(&s->want);
	s->number = 1;
	r = copy_config(s, c);
	if (r == 0 && recall(&s->c, &kept))
		r = take_recall(&s->c, kept.identity, kept.sum, kept.size, &s->now);
	if (r < 0) {
		spool_free(s);
		return r;
	}
	*out = s;
	return 0;
}

struct spool *spool_free(struct spool *s)
{
	if (!s)
		return NULL;
	take_unref(s->now);
	take_unref(s->again);
	free(s->name);
	free(s->scheme);
	free(s->key);
	free(s->version);
	pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

bool spool_known(const struct spool_config *c, uint64_t *size)
{
	struct kept kept;

	if (!recall(c, &kept))
		return false;
	*size = kept.size;
	return true;
}

static bool is_whole_locked(const struct spool *s)
{
	return s->now && take_state(s->now) == TAKE_WHOLE;
}

bool spool_size(struct spool *s, uint64_t *out)
{
	LOCK_SCOPE(&s->lock);
	if (!is_whole_locked(s) || take_streams(s->now))
		return false;
	*out = take_size(s->now);
	return true;
}

bool spool_about(struct spool *s, struct spool_about *out)
{
	LOCK_SCOPE(&s->lock);
	if (!is_whole_locked(s) || take_streams(s->now))
		return false;
	out->size = take_size(s->now);
	snprintf(out->identity, sizeof(out->identity), "%s", take_identity(s->now));
	snprintf(out->sum, sizeof(out->sum), "%s", take_sum(s->now));
	return true;
}

bool spool_idle(struct spool *s)
{
	LOCK_SCOPE(&s->lock);
	return s->opens == 0 && s->running == 0;
}

/* ---- takes ---- */

/* What was lost has been received once more, or could not be. */
static void replace_locked(struct spool *s, bool whole)
{
	struct take *old = whole ? s->now : s->again;

	if (whole && strcmp(take_sum(s->again), take_sum(s->now)) != 0) {
		s->number++;
		(void)log_warn(0,
			       "%s: received once more, and it is another one now: who has it open "
			       "must open it again",
			       s->c.name);
	}
	if (whole)
		s->now = s->again;
	s->again = NULL;
	take_unref(old);
}

/* A take has moved: a block has come, or it has ended.  A whole one in the place of one that has lost
 * something is the same file, or another. */
static void on_take(void *arg, struct take *t, enum take_state state)
{
	struct spool *s = arg;

	LOCK_SCOPE(&s->lock);
	if (t == s->again && state != TAKE_RUNNING)
		replace_locked(s, state == TAKE_WHOLE);
	if (state == TAKE_WHOLE && !take_streams(t))
		keep(s, t);
	want_wake(&s->want, state == TAKE_FAILED ? take_error(t) : 0);
	if (state != TAKE_RUNNING)
		s->running--; /* the last that is done with s: it may be freed from here on */
}

static int start_locked(struct spool *s, struct take **out)
{
	struct take_config c = { .spool = &s->c, .moved = on_take, .arg = s };
	int r = take_new(&c, out);

	if (r < 0)
		return r;
	s->running++;
	take_start(*out);
	return 0;
}

/* ---- readers ---- */

/* There is nothing of it yet: a reader's take, started now. */
static int begin_locked(struct spool *s)
{
	if (s->now)
		return 0;
	return start_locked(s, &s->now);
}

/* What has failed is no use to who comes now, nor what was not kept. */
static void drop_failed_locked(struct spool *s)
{
	if (!s->now || (take_state(s->now) != TAKE_FAILED && !take_streams(s->now)))
		return;
	if (take_state(s->now) == TAKE_RUNNING)
		return;
	take_unref(s->now);
	s->now = NULL;
	s->number++;
}

void spool_open(struct spool *s, uint64_t *take)
{
	LOCK_SCOPE(&s->lock);
	s->opens++;
	drop_failed_locked(s);
	*take = s->number;
}

int spool_receive(struct spool *s, struct waiter *w)
{
	int r;

	LOCK_SCOPE(&s->lock);
	drop_failed_locked(s);
	r = begin_locked(s);
	if (r == 0 && take_state(s->now) == TAKE_RUNNING && !take_streams(s->now))
		return want_park(&s->want, w);
	return r;
}

void spool_close(struct spool *s)
{
	LOCK_SCOPE(&s->lock);
	if (--s->opens > 0)
		return;
	if (s->now)
		take_abandon(s->now);
	if (s->again)
		take_abandon(s->again);
}

/* What has come of the take: how much of [off, off + len) can be read.  Nothing yet: 0 when the reader
 * has a part already, else PARKED. */
static int64_t available_locked(struct spool *s, size_t len, uint64_t off, bool partial,
				struct waiter *w)
{
	uint64_t have = take_have(s->now, off, len);
	enum take_state state = take_state(s->now);

	if (off < have)
		return (int64_t)MIN(len, have - off);
	if (state == TAKE_RUNNING)
		return partial ? 0 : want_park(&s->want, w);
	return state == TAKE_WHOLE ? 0 : take_error(s->now);
}

/* A block that was there is gone.  Of a whole take: receive it anew; PARKED.  Else it was received
 * no faster than it was read, and somebody wants to go back. */
static int64_t lost(struct spool *s, struct take *t, struct waiter *w)
{
	int r = 0;

	LOCK_SCOPE(&s->lock);
	if (t != s->now)
		return -EAGAIN; /* another one has come meanwhile: look again */
	if (take_state(t) == TAKE_FAILED)
		return take_error(t);
	if (take_state(t) == TAKE_RUNNING && !take_streams(t))
		return want_park(&s->want, w); /* until it is whole */
	if (take_state(t) != TAKE_WHOLE || take_streams(t))
		return log_error(-EIO,
				 "%s: it is larger than what the cache may keep of it "
				 "(cache_size), and so can be read in order only",
				 s->c.name);
	if (!s->again && s->repeats++ >= REPEATS_MAX)
		return log_error(-EIO, "%s: the cache does not keep it", s->c.name);
	if (!s->again) {
		log_info("%s: the cache has dropped parts of it; it is received once more",
			 s->c.name);
		r = start_locked(s, &s->again);
	}
	return r < 0 ? r : want_park(&s->want, w);
}

static int64_t read_once(struct spool *s, uint64_t number, void *buf, size_t len, uint64_t off,
			 bool partial, struct waiter *w)
{
	struct take *t;
	int64_t n;

	pthread_mutex_lock(&s->lock);
	n = number == s->number ? begin_locked(s) : -ESTALE;
	if (n == 0)
		n = available_locked(s, len, off, partial, w);
	t = n > 0 ? take_ref(s->now) : NULL;
	pthread_mutex_unlock(&s->lock);
	if (n <= 0)
		return n;
	n = take_pread(t, buf, (size_t)n, off, w);
	if (n == -ENODATA)
		n = lost(s, t, w);
	take_unref(t);
	return n;
}

int64_t spool_pread(struct spool *s, uint64_t take, void *buf, size_t len, uint64_t off,
		    struct waiter *w)
{
	size_t done = 0;

	if (off > INT64_MAX || len > INT64_MAX - off)
		return -EINVAL;
	while (done < len) {
		int64_t n =
			read_once(s, take, (char *)buf + done, len - done, off + done, done > 0, w);

		if (n == -EAGAIN)
			continue;
		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (int64_t)done;
}
