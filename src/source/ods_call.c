/* SPDX-License-Identifier: MPL-2.0 */
/* ods_call.c - the one call of ods.h: ask, judge in the pool, ask again. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"
#include "net/retry.h"
#include "net/url.h"
#include "source/api.h"
#include "source/ods.h"

static const struct retry_policy policy = {
	.max_tries = 4,
	.base_ms = 300,
	.cap_ms = 3000,
	.deadline_ms = 30000,
};

static int on_body(struct http_request *q, const void *p, size_t n)
{
	return buf_add(&container_of(q, struct ods_call, rq)->body, p, n);
}

static void judge(struct job *j);

static void on_done(struct http_request *q)
{
	struct ods_call *c = container_of(q, struct ods_call, rq);

	c->job.run = judge;
	pool_submit(ods_env(c->ods)->pool, &c->job, JOB_DEMAND);
}

static void send_call(struct ods_call *c, int64_t delay_ms)
{
	c->rq = (struct http_request){
		.url = c->url,
		.delay_ms = delay_ms,
		.body = on_body,
		.done = on_done,
	};
	ods_sign(c->ods, &c->rq);
	c->tries++;
	stats_inc(api_requests);
	http_submit(ods_env(c->ods)->http, &c->rq);
}

static bool may_pass(int err)
{
	return err == -EAGAIN || err == -ECONNREFUSED || err == -ECONNRESET || err == -ETIMEDOUT;
}

/* 0: it is sent again. */
static int again(struct ods_call *c, int err)
{
	int64_t wait;

	if (!may_pass(err))
		return err;
	wait = retry_wait(&policy, c->tries, clock_ms() - c->begun_ms, c->rq.reply.retry_after_s,
			  retry_random());
	if (wait < 0)
		return err;
	buf_free(&c->body);
	c->body = (struct buf)BUF_INIT(ODS_ANSWER_MAX);
	send_call(c, wait);
	return 0;
}

static int end_of(struct ods_call *c, struct json **answer)
{
	char shown[256];
	int r;

	url_redact(c->url, shown, sizeof(shown));
	r = ods_judge(c->ods, &c->rq.reply, c->body.p, shown + strlen(ods_base(c->ods)));
	if (r == 0 && !c->body.p)
		r = -EPROTO;
	if (r == 0)
		r = json_parse(c->body.p, answer);
	if (r == -EBADMSG)
		r = log_error(-EPROTO, "%s: the answer is not JSON", shown);
	return r;
}

static void judge(struct job *j)
{
	struct ods_call *c = container_of(j, struct ods_call, job);
	AUTO(auto_json_free) struct json *answer = NULL;
	int r = end_of(c, &answer);

	if (r < 0 && r != -EDQUOT && again(c, r) == 0)
		return;
	if (may_pass(r) || r == -EHOSTUNREACH)
		(void)log_error(r, "%s: the portal cannot be asked", ods_domain(c->ods));
	buf_free(&c->body);
	free(steal(&c->url));
	c->done(c, r, answer);
}

int ods_call(struct ods *o, struct ods_call *c, const char *path)
{
	int r = ods_allowed(o);

	if (r < 0)
		return r;
	c->ods = o;
	c->tries = 0;
	c->begun_ms = clock_ms();
	c->body = (struct buf)BUF_INIT(ODS_ANSWER_MAX);
	if (asprintf(&c->url, "%s%s", ods_base(o), path) < 0) {
		c->url = NULL;
		return -ENOMEM;
	}
	send_call(c, 0);
	return 0;
}
