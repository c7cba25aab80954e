/* SPDX-License-Identifier: MPL-2.0 */
/* ods_push.c - see ods_push.h. */
#include "source/ods_push.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/password.h"
#include "base/stats.h"
#include "net/url.h"

#define ANSWER_MAX (64u << 10)

static int on_body(struct http_request *q, const void *p, size_t n)
{
	return buf_add(&container_of(q, struct ods_push, rq)->answer, p, n);
}

/* {"status": "OK"}; older portals say "ok". */
static int check_status(struct ods_push *p, const char *shown)
{
	AUTO(auto_json_free) struct json *j = NULL;
	const char *status;

	if (!p->answer.p || json_parse(p->answer.p, &j) < 0)
		return log_error(-EPROTO, "%s: the answer is not JSON", shown);
	status = json_str(j, "status");
	if (status && strcasecmp(status, "ok") == 0)
		return 0;
	return log_error(-EIO, "%s: the portal does not say that it took it", shown);
}

static void judge(struct job *j)
{
	struct ods_push *p = container_of(j, struct ods_push, job);
	const struct http_reply *reply = &p->rq.reply;
	char shown[256];
	int r;

	url_redact(p->url, shown, sizeof(shown));
	if (reply->status == 401 || reply->status == 403)
		r = log_error(-EACCES, "%s: the push key was refused (ODS_PUSH_KEY)", shown);
	else
		r = ods_judge(p->ods, reply, p->answer.p, shown);
	if (r == 0)
		r = check_status(p, shown);
	else if (r != -EACCES && r != -EDQUOT && r != -EINVAL)
		(void)log_error(r, "%s: the push has failed", shown);
	buf_free(&p->answer);
	password_free(steal(&p->url));
	p->done(p, r);
}

static void on_done(struct http_request *q)
{
	struct ods_push *p = container_of(q, struct ods_push, rq);

	p->job.run = judge;
	pool_submit(ods_env(p->ods)->pool, &p->job, JOB_DEMAND);
}

static int make_url(struct ods *o, struct ods_push *p, const char *dataset, const char *resource)
{
	AUTO(auto_free) char *d = url_encode(dataset), *res = url_encode(resource);
	char *key = url_encode(ods_env(o)->opt->push_key);
	int r = 0;

	if (!d || !res || !key ||
	    asprintf(&p->url, "%s/api/push/1.0/%s/%s/push/?pushkey=%s", ods_base(o), d, res, key) <
		    0) {
		p->url = NULL;
		r = -ENOMEM;
	}
	password_free(key);
	return r;
}

int ods_push(struct ods *o, struct ods_push *p, const char *dataset, const char *resource,
	     const void *data, size_t len)
{
	const char *key = ods_env(o)->opt->push_key;
	int r = ods_allowed(o);

	if (r < 0)
		return r;
	if (!key || !key[0])
		return log_error(-EACCES, "%s: a push key is needed: set ODS_PUSH_KEY",
				 ods_domain(o));
	r = make_url(o, p, dataset, resource);
	if (r < 0)
		return r;
	p->ods = o;
	p->answer = (struct buf)BUF_INIT(ANSWER_MAX);
	p->rq = (struct http_request){
		.method = "POST",
		.url = p->url,
		.post = data,
		.post_len = len,
		.post_type = "application/json",
		.body = on_body,
		.done = on_done,
	};
	stats_inc(api_requests);
	http_submit(ods_env(o)->http, &p->rq);
	return 0;
}
