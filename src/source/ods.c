/* SPDX-License-Identifier: MPL-2.0 */
/* ods.c - see ods.h. */
#include "source/ods.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/credentials.h"
#include "base/log.h"
#include "base/password.h"
#include "net/url.h"
#include "source/dataset.h"
#include "source/scheme.h"

#define DAY_S 86400

struct ods {
	const struct source_env *env;
	char *domain, *base;
	char *secret;	    /* NULL: anonymous */
	const char *scheme; /* of secret */
	char who[DIGEST_HEX];
	pthread_mutex_t lock; /* guards what follows */
	struct ods_quota quota;
	int64_t until; /* nothing is asked before this second of clock_now() */
};

/* ---- who and where ---- */

bool ods_claims(const char *spec)
{
	return strncmp(spec, "ods:", 4) == 0;
}

static char *base64(const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strlen(text);
	char *out = malloc((n + 2) / 3 * 4 + 1), *to = out;

	for (size_t i = 0; out && i < n; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)text[i] << 16;

		if (i + 1 < n)
			v |= (uint32_t)(unsigned char)text[i + 1] << 8;
		if (i + 2 < n)
			v |= (unsigned char)text[i + 2];
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < n ? digits[v & 63] : '=';
	}
	if (out)
		*to = '\0';
	return out;
}

/* The environment's or the configuration's, else what was kept for this domain. */
static int find_secret(struct ods *o)
{
	AUTO(auto_free) char *scope = NULL;
	char *kept = NULL;
	const char *given = o->env->opt->ods_key;
	int r = 0;

	if (asprintf(&scope, "ods:%s", o->domain) < 0) {
		scope = NULL;
		return -ENOMEM;
	}
	if (!given || !given[0]) {
		r = credentials_get(scope, &kept);
		given = kept;
	}
	if (r < 0)
		return r == -ENOMEM ? r : 0; /* it was logged, or there is none */
	o->scheme = strchr(given, ':') ? "Basic" : "Apikey";
	o->secret = strchr(given, ':') ? base64(given) : strdup(given);
	password_free(kept);
	return o->secret ? 0 : -ENOMEM;
}

/* A host name with an optional port, lower case. */
static int set_domain(struct ods *o, const char *p, size_t n, char why[static 512])
{
	if (n == 0 || n > ODS_DOMAIN_MAX)
		return scheme_fail(why, -EINVAL, "a portal is ods:DOMAIN or ods:DOMAIN/DATASET");
	o->domain = strndup(p, n);
	if (!o->domain)
		return -ENOMEM;
	for (char *c = o->domain; *c; c++) {
		*c = (char)tolower((unsigned char)*c);
		if (!isalnum((unsigned char)*c) && !strchr(".-:", *c))
			return scheme_fail(why, -EINVAL, "ods:%.80s: this is no domain: %s", p,
					   "it is a host name, as in ods:public.opendatasoft.com");
	}
	if (o->domain[0] == '.' || o->domain[0] == '-')
		return scheme_fail(why, -EINVAL, "ods:%.80s: this is no domain", p);
	if (asprintf(&o->base, "http://%s", o->domain) < 0)
		return o->base = NULL, -ENOMEM;
	if (url_is_loopback(o->base))
		return 0;
	free(o->base);
	if (asprintf(&o->base, "https://%s", o->domain) < 0)
		return o->base = NULL, -ENOMEM;
	return 0;
}

static int set_up(struct ods *o, const char *spec, char **dataset, char why[static 512])
{
	const char *p = spec + 4;
	size_t n = strcspn(p, "/");
	size_t end = strlen(p);
	int r = set_domain(o, p, n, why);

	while (end > n && p[end - 1] == '/')
		end--;
	if (r == 0)
		r = find_secret(o);
	if (r == 0)
		r = digest_strings(o->who, o->domain, o->secret ? o->secret : "", NULL);
	if (r < 0 || end <= n + 1)
		return r;
	*dataset = strndup(p + n + 1, end - n - 1);
	if (!*dataset)
		return -ENOMEM;
	if (strchr(*dataset, '/') || !dataset_name_ok(*dataset)) {
		free(steal(dataset));
		return scheme_fail(why, -EINVAL,
				   "%.200s: behind the domain stands one dataset's id", spec);
	}
	return 0;
}

int ods_new(const struct source_env *env, const char *spec, struct ods **out, char **dataset,
	    char why[static 512])
{
	struct ods *o = calloc(1, sizeof(*o));
	int r;

	*dataset = NULL;
	if (!o)
		return -ENOMEM;
	o->env = env;
	pthread_mutex_init(&o->lock, NULL);
	o->quota = (struct ods_quota){ .limit = UINT64_MAX, .left = UINT64_MAX };
	r = set_up(o, spec, dataset, why);
	if (r < 0) {
		ods_free(o);
		return r;
	}
	*out = o;
	return 0;
}

struct ods *ods_free(struct ods *o)
{
	if (!o)
		return NULL;
	pthread_mutex_destroy(&o->lock);
	password_free(o->secret);
	free(o->domain);
	free(o->base);
	free(o);
	return NULL;
}

const char *ods_domain(const struct ods *o)
{
	return o->domain;
}

const struct source_env *ods_env(const struct ods *o)
{
	return o->env;
}

const char *ods_base(const struct ods *o)
{
	return o->base;
}

const char *ods_who(const struct ods *o)
{
	return o->who;
}

void ods_sign(const struct ods *o, struct http_request *q)
{
	q->bearer = o->secret;
	q->scheme = o->scheme;
	q->bearer_stays = true; /* a file may lie elsewhere */
}

/* ---- quota ---- */

int ods_allowed(struct ods *o)
{
	LOCK_SCOPE(&o->lock);
	if (o->until && clock_now() < o->until)
		return -EDQUOT;
	o->until = 0;
	o->quota.used_up = false;
	return 0;
}

void ods_quota(struct ods *o, struct ods_quota *out)
{
	LOCK_SCOPE(&o->lock);
	*out = o->quota;
	out->used_up = o->until > clock_now();
}

static void note_figures(struct ods *o, const struct http_reply *r)
{
	LOCK_SCOPE(&o->lock);
	if (r->rate_limit >= 0)
		o->quota.limit = (uint64_t)r->rate_limit;
	if (r->rate_left >= 0)
		o->quota.left = (uint64_t)r->rate_left;
	if (r->date_reset[0])
		o->quota.reset = (int64_t)MIN(strtoull(r->date_reset, NULL, 10), 1ull << 40);
}

/* The text behind "key" in a body that need not be JSON: the documentation's own sample of the quota
 * error has a quote too many. */
static const char *value_of(const char *body, const char *key)
{
	const char *p = body ? strstr(body, key) : NULL;

	return p ? p + strlen(key) + strspn(p + strlen(key), "\": \t\r\n") : NULL;
}

static int64_t reset_of(const struct ods_quota *q, const char *body, int64_t now)
{
	const char *text = value_of(body, "\"reset_time\"");
	char date[40] = "";
	int64_t t;

	if (text)
		snprintf(date, sizeof(date), "%.*s", (int)strcspn(text, "\""), text);
	if (date[0] && clock_parse(date, &t) == 0 && t > now && t < now + 32 * DAY_S)
		return t;
	if (q->reset > now && q->reset < now + 32 * DAY_S)
		return q->reset;
	return now - now % DAY_S + DAY_S; /* midnight UTC */
}

static int used_up(struct ods *o, const char *body)
{
	int64_t now = clock_now();
	bool known;
	char when[32];

	pthread_mutex_lock(&o->lock);
	known = o->until > now;
	o->until = reset_of(&o->quota, body, now);
	o->quota.used_up = true;
	o->quota.left = 0;
	o->quota.reset = o->until;
	clock_format(o->until, when);
	pthread_mutex_unlock(&o->lock);
	if (!known)
		(void)log_error(0, "%s: the calls of the day are used up; new ones at %s%s",
				o->domain, when,
				o->secret ? "" : " (a key may have more: ODS_API_KEY)");
	return -EDQUOT;
}

/* ---- what an answer means ---- */

static long code_of(const char *body)
{
	const char *p = value_of(body, "\"errorcode\"");

	return p ? strtol(p, NULL, 10) : 0;
}

/* What the portal says about it, for people; "" when nothing. */
static void remark_of(const char *body, char out[static 256])
{
	const char *p = value_of(body, "\"error\"");
	AUTO(auto_free) char *text = NULL, *plain = NULL;

	out[0] = '\0';
	if (!p)
		p = value_of(body, "\"message\"");
	text = p ? strndup(p, MIN(strcspn(p, "\""), 200)) : NULL;
	plain = text ? dataset_plain(text, false) : NULL;
	if (plain && plain[0])
		snprintf(out, 256, ": %s", plain);
}

static int refused(struct ods *o, int status, const char *body, const char *what)
{
	char remark[256];

	remark_of(body, remark);
	switch (status) {
	case 401:
		return log_error(0, "%s: %s: %s", o->domain, what,
				 o->secret ? "the key or password was refused (ODS_API_KEY)"
					   : "a key is needed: set ODS_API_KEY, or `mdcfs login`"),
		       -EACCES;
	case 403:
		return log_error(0, "%s: %s: not allowed%s", o->domain, what, remark), -EACCES;
	case 404:
	case 410:
		return -ENOENT;
	case 400:
	case 414:
	case 422:
		return log_error(0, "%s: %s: refused by the portal%s", o->domain, what, remark),
		       -EINVAL;
	}
	if (status == 408 || status == 425 || status == 429 || status >= 500)
		return -EAGAIN;
	return log_error(0, "%s: %s: unexpected answer %d%s", o->domain, what, status, remark),
	       -EPROTO;
}

/* An error object instead of what was asked for.  Records have fields of any name, and as lines of JSON
 * they begin like one: so it must be all there is of the answer, and no field may stand before it. */
static bool is_error_text(const char *body)
{
	AUTO(auto_json_free) struct json *j = NULL;
	const char *p = body ? body + strspn(body, " \t\r\n\xEF\xBB\xBF") : "", *first;

	if (*p != '{')
		return false;
	first = p + 1 + strspn(p + 1, " \t\r\n");
	if (strncmp(first, "\"error", 6) != 0 && strncmp(first, "\"message\"", 9) != 0)
		return false;
	if (json_parse(p, &j) < 0) /* the sample of the quota error, which is no JSON */
		return strncmp(first, "\"errorcode\"", 11) == 0 && strstr(first, "\"error\"\"");
	return json_get(j, "error") || json_get(j, "errorcode") || json_get(j, "error_code");
}

/* Nothing that a portal exports is HTML; what is and has no tag in front may still be JSON. */
static bool is_page(const struct http_reply *r, const char *body)
{
	return strncasecmp(r->content_type, "text/html", 9) == 0 &&
	       (!body || body[strspn(body, " \t\r\n\xEF\xBB\xBF")] == '<');
}

int ods_judge(struct ods *o, const struct http_reply *r, const char *body, const char *what)
{
	long code = code_of(body);
	bool ok = r->status >= 200 && r->status <= 299;
	bool error = !ok || is_error_text(body);
	char remark[256];

	if (r->err < 0 && r->status == 0)
		return r->err;
	note_figures(o, r);
	if (error && (code == 10001 || code == 10005 ||
		      (code == 10002 && (r->status == 429 || value_of(body, "\"reset_time\"")))))
		return used_up(o, body);
	if (!ok)
		return refused(o, r->status, body, what);
	if (is_page(r, body))
		return log_error(0, "%s: %s: answered with a page for people: is this a portal?",
				 o->domain, what),
		       -EPROTO;
	remark_of(body, remark);
	if (error)
		return log_error(0, "%s: %s: the portal says%s", o->domain, what,
				 remark[0] ? remark : " that it failed"),
		       -EIO;
	return r->err;
}
