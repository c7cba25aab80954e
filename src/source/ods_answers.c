/* SPDX-License-Identifier: MPL-2.0 */
/* ods_answers.c - see ods_answers.h. */
#include "source/ods_answers.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "source/api.h"

#define AGAIN_MS 30000 /* how long an old one is believed when there is no new one */

struct answer {
	struct ods_call call;
	struct ods_answers *home;
	struct list link; /* those wanted last at the tail */
	char *path;
	char *text; /* NULL: none has come */
	int err;    /* -ENOENT: there is none, for as long as an answer would do */
	int64_t asked_ms;
	bool under_way;
	struct want want;
};

struct ods_answers {
	struct ods *ods;
	ods_answers_reduce_fn reduce;
	void *arg; /* of reduce */
	int64_t ttl_ms;
	pthread_mutex_t lock; /* guards what follows */
	struct list all;
	unsigned n;
	size_t bytes; /* of text */
};

int ods_answers_new(struct ods *o, ods_answers_reduce_fn reduce, void *arg,
		    struct ods_answers **out)
{
	struct ods_answers *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->ods = o;
	a->reduce = reduce;
	a->arg = arg;
	a->ttl_ms = ods_env(o)->opt->metadata_ttl * 1000;
	pthread_mutex_init(&a->lock, NULL);
	list_init(&a->all);
	*out = a;
	return 0;
}

static void drop_locked(struct ods_answers *a, struct answer *x)
{
	list_remove(&x->link);
	a->n--;
	a->bytes -= x->text ? strlen(x->text) : 0;
	free(x->path);
	free(x->text);
	free(x);
}

struct ods_answers *ods_answers_free(struct ods_answers *a)
{
	if (!a)
		return NULL;
	list_for_each(pos, next, &a->all)
		drop_locked(a, list_entry(pos, struct answer, link));
	pthread_mutex_destroy(&a->lock);
	free(a);
	return NULL;
}

static struct answer *find_locked(struct ods_answers *a, const char *path)
{
	list_for_each(pos, next, &a->all) {
		struct answer *x = list_entry(pos, struct answer, link);

		if (strcmp(x->path, path) == 0)
			return x;
	}
	return NULL;
}

static int make_locked(struct ods_answers *a, const char *path, struct answer **out)
{
	struct answer *x;

	list_for_each(pos, next, &a->all) {
		x = list_entry(pos, struct answer, link);
		if (a->n < ODS_ANSWERS_MAX && a->bytes < ODS_ANSWERS_BYTES)
			break;
		if (!x->under_way)
			drop_locked(a, x);
	}
	if (a->n >= ODS_ANSWERS_MAX)
		return -EBUSY;
	x = calloc(1, sizeof(*x));
	if (!x || !(x->path = strdup(path))) {
		free(x);
		return -ENOMEM;
	}
	x->home = a;
	want_init(&x->want);
	list_push(&a->all, &x->link);
	a->n++;
	*out = x;
	return 0;
}

static int keep_text(struct ods_answers *a, const struct json *j, char **out)
{
	AUTO(auto_json_free) struct json *less = NULL;
	int r = a->reduce(a->arg, j, &less);

	if (r < 0)
		return r;
	*out = json_print(less ? less : j, false);
	if (!*out)
		return -ENOMEM;
	if (strlen(*out) <= ODS_ANSWER_TEXT_MAX)
		return 0;
	free(steal(out));
	return log_error(-EFBIG, "an answer of a portal is too long to make a directory of");
}

static void on_answer(struct ods_call *call, int err, const struct json *j)
{
	struct answer *x = container_of(call, struct answer, call);
	struct ods_answers *a = x->home;
	char *text = NULL;

	if (err == 0)
		err = keep_text(a, j, &text);
	LOCK_SCOPE(&a->lock);
	x->under_way = false;
	x->asked_ms = clock_ms();
	if (text || err == -ENOENT) {
		a->bytes -= x->text ? strlen(x->text) : 0;
		a->bytes += text ? strlen(text) : 0;
		free(x->text);
		x->text = text;
	} else if (x->text && (err == -EDQUOT || api_is_down(err))) {
		x->asked_ms += AGAIN_MS - a->ttl_ms;
		err = 0;
	}
	x->err = err;
	want_wake(&x->want, err == -ENOENT ? 0 : err); /* under the lock: then it may be dropped */
	if (!x->text && err != -ENOENT)
		drop_locked(a, x);
}

static int ask_locked(struct ods_answers *a, struct answer *x)
{
	int r;

	x->call.done = on_answer;
	r = ods_call(a->ods, &x->call, x->path);
	x->under_way = r == 0;
	return r;
}

int ods_answers_get(struct ods_answers *a, const char *path, struct waiter *w, struct json **out)
{
	struct answer *x;
	bool fresh;
	int r = 0;

	LOCK_SCOPE(&a->lock);
	x = find_locked(a, path);
	if (!x)
		r = make_locked(a, path, &x);
	if (r < 0)
		return r;
	list_remove(&x->link);
	list_push(&a->all, &x->link);
	fresh = (x->text || x->err == -ENOENT) && clock_ms() - x->asked_ms <= a->ttl_ms;
	if (!fresh && !x->under_way)
		r = ask_locked(a, x);
	if (!fresh && x->under_way)
		return want_park(&x->want, w);
	if (r == -EDQUOT && x->text)
		r = 0;
	if (r == 0 && x->err == -ENOENT)
		r = -ENOENT;
	if (r == 0)
		r = json_parse(x->text, out);
	else if (!x->text)
		drop_locked(a, x);
	return r;
}
