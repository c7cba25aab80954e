/* SPDX-License-Identifier: MPL-2.0 */
/* ledger.c - see ledger.h. */
#include "source/ledger.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/log.h"
#include "net/url.h"

#define DAY_S 86400
#define FILE_MAX (1u << 20)
#define TOLD_MAX_S (2 * DAY_S) /* a limit that is reached for longer is none of a day */
#define DAYS_BACK 2	       /* so long may a line of an earlier day still hold */
#define KEPT_DAYS 8	       /* files are kept, for who wants to look */
#define TEMP_KEPT_S 3600
#define LOCK_TRIES 100
#define LOCK_POLL_MS 10
#define DATE_LEN 10 /* 2026-11-21 */
#define SUFFIX ".ledger"
#define DOWNLOAD "download" /* the kind with a limit that is known */

struct ledger {
	char *dir, *tail; /* DIR/DATE.tail; NULL: nothing is kept */
	char *api;
	struct servertime *time;
	bool limited; /* there is a limit, told or not */
	unsigned reserve;
	pthread_mutex_t lock; /* guards what could not be written, of that day */
	int64_t day;
	unsigned posts;
	int64_t until, wait;
};

/* Lines folded: what the file of one day says. */
struct fold {
	unsigned posts, since_told;
	uint64_t limit, left;
	bool told;
	int64_t until, wait;
	char api[256];
};

static void date_of(int64_t day, char out[static 32])
{
	clock_format(day * DAY_S, out);
	out[DATE_LEN] = '\0';
}

/* ---- reading ---- */

/* Times beyond reason are another clock's, or damage. */
static void take_time(int64_t *at, long long t, int64_t now)
{
	if (t > now && t <= now + TOLD_MAX_S && t > *at)
		*at = t;
}

/* One line.  What is none of ours was torn: it counts. */
static void fold_line(struct fold *f, const char *line, int64_t now)
{
	long long t;
	unsigned limit, left;
	char id[8];
	int n = 0;

	if (sscanf(line, "post %lld %7s", &t, id) == 2)
		f->posts++, f->since_told++;
	else if (sscanf(line, "undo %lld%n", &t, &n) == 1 && !line[n])
		f->posts -= f->posts > 0, f->since_told -= f->since_told > 0;
	else if (sscanf(line, "limit %9u %9u%n", &limit, &left, &n) == 2 && !line[n])
		f->told = true, f->limit = limit, f->left = left, f->since_told = 0;
	else if (sscanf(line, "until %lld%n", &t, &n) == 1 && !line[n])
		take_time(&f->until, t, now);
	else if (sscanf(line, "wait %lld%n", &t, &n) == 1 && !line[n])
		take_time(&f->wait, t, now);
	else if (strncmp(line, "api ", 4) == 0)
		snprintf(f->api, sizeof(f->api), "%s", line + 4);
	else
		f->posts++, f->since_told++;
}

static void fold_text(struct fold *f, char *text, size_t len, int64_t now)
{
	for (char *line = text, *end = text + len; line < end;) {
		char *stop = memchr(line, '\n', (size_t)(end - line));

		if (!stop)
			stop = end;
		*stop = '\0'; /* at end: the NUL that is there */
		if (stop > line)
			fold_line(f, line, now);
		line = stop + 1;
	}
}

/* None is as good as an empty one; one that cannot be read says nothing. */
static void fold_file(struct fold *f, const char *path, int64_t now)
{
	AUTO(auto_free) char *text = NULL;
	size_t len;
	int r = file_slurp(path, FILE_MAX, &text, &len);

	if (r == 0)
		fold_text(f, text, len, now);
	else if (r == -EFBIG)
		f->posts = f->since_told = UINT16_MAX; /* nobody downloads as much in a day */
	else if (r != -ENOENT)
		(void)log_warn(r, "%s: what was downloaded today is not known", path);
}

static char *path_of(const struct ledger *l, int64_t day)
{
	char date[32], *path;

	date_of(day, date);
	return asprintf(&path, "%s/%s%s", l->dir, date, l->tail) < 0 ? NULL : path;
}

/* Today's lines, and what those of earlier days still hold. */
static void fold_days(const struct ledger *l, int64_t now, struct fold *f)
{
	int64_t day = now / DAY_S;

	*f = (struct fold){ 0 };
	for (int64_t d = day - DAYS_BACK; l->dir && d <= day; d++) {
		AUTO(auto_free) char *path = path_of(l, d);
		struct fold one = { 0 };

		if (!path)
			return;
		fold_file(&one, path, now);
		one.until = MAX(one.until, f->until);
		one.wait = MAX(one.wait, f->wait);
		if (d == day)
			*f = one;
		f->until = one.until;
		f->wait = one.wait;
	}
}

/* What the lines come to; limited: a limit is known without having been told. */
static void judge(const struct fold *f, bool limited, int64_t now, struct ledger_day *out)
{
	uint64_t limit = f->told ? f->limit : limited ? LEDGER_LIMIT : UINT32_MAX;
	uint64_t left = limit - MIN(limit, f->posts);

	if (f->told)
		left = MIN(left, f->left - MIN(f->left, f->since_told));
	if (f->until > now)
		left = 0;
	*out = (struct ledger_day){
		.posts = f->posts,
		.limit = (unsigned)limit,
		.left = (unsigned)left,
		.told = f->told,
		.until = f->until,
		.wait = f->wait,
		.resets = now - now % DAY_S + DAY_S,
	};
}

/* With what could not be written. */
static void look_at(struct ledger *l, int64_t now, struct ledger_day *out)
{
	struct fold f;

	fold_days(l, now, &f);
	pthread_mutex_lock(&l->lock);
	if (l->day == now / DAY_S) {
		f.posts += l->posts;
		f.since_told += l->posts;
	}
	take_time(&f.until, l->until, now);
	take_time(&f.wait, l->wait, now);
	pthread_mutex_unlock(&l->lock);
	judge(&f, l->limited, now, out);
}

void ledger_look(struct ledger *l, struct ledger_day *out)
{
	look_at(l, servertime_now(l->time), out);
}

/* ---- writing ---- */

/* Drafts of processes that were killed, and days long past. */
static void sweep(const struct ledger *l, int64_t day)
{
	DIR *d = opendir(l->dir);
	char oldest[32];
	struct dirent *e;
	struct stat st;

	date_of(day - KEPT_DAYS, oldest);
	while (d && (e = readdir(d))) {
		size_t n = strlen(e->d_name);
		bool is_day =
			n > strlen(SUFFIX) && strcmp(e->d_name + n - strlen(SUFFIX), SUFFIX) == 0;
		bool is_temp = n > 4 && strcmp(e->d_name + n - 4, ".tmp") == 0;

		if ((is_day && strncmp(e->d_name, oldest, DATE_LEN) < 0) ||
		    (is_temp && fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		     st.st_mtime < clock_now() - TEMP_KEPT_S))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	}
	if (d)
		closedir(d);
}

/* Whoever has the lock keeps it for microseconds: one who does not is stopped or dead to us. */
static void lock_shortly(int fd)
{
	struct timespec ts = { 0, LOCK_POLL_MS * 1000000 };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			return;
		nanosleep(&ts, NULL);
	}
}

/* Today's file, locked until it is closed; a new one tells its API. */
static int open_day(const struct ledger *l, int64_t now, int *out)
{
	AUTO(auto_free) char *path = path_of(l, now / DAY_S), *first = NULL;
	AUTO(auto_close) int fd = -1;
	struct stat st;
	int r;

	if (!path)
		return -ENOMEM;
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	lock_shortly(fd);
	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size > FILE_MAX)
		return -EFBIG;
	if (st.st_size == 0) {
		sweep(l, now / DAY_S);
		if (asprintf(&first, "api %s\n", l->api) < 0)
			return first = NULL, -ENOMEM;
		r = file_write(fd, first, strlen(first));
		if (r < 0)
			return r;
	}
	*out = fd;
	fd = -1;
	return 0;
}

/* One line, in one write: the end of a line that was torn stands before it. */
static int add_line(int fd, const char *text)
{
	char line[320];
	int n = snprintf(line, sizeof(line), "\n%s\n", text);
	ssize_t done = write(fd, line, MIN((size_t)n, sizeof(line) - 1));

	if (done < n)
		return done < 0 ? -errno : -EIO;
	return fdatasync(fd) < 0 && errno != EINVAL ? -errno : 0;
}

/* A line of no weight: when it cannot be written, nothing is counted too low. */
static void note(struct ledger *l, const char *text)
{
	AUTO(auto_close) int fd = -1;
	int r = l->dir ? open_day(l, servertime_now(l->time), &fd) : 0;

	if (r == 0 && l->dir)
		r = add_line(fd, text);
	if (r < 0)
		(void)log_warn(r, "%s: what the service says of its limits cannot be kept", l->dir);
}

/* What no disk takes is counted here. */
static void count_here(struct ledger *l, int64_t day, int r)
{
	if (r < 0)
		(void)log_warn(r, "%s: downloads of today cannot be counted for other mounts",
			       l->dir);
	LOCK_SCOPE(&l->lock);
	if (l->day != day)
		l->posts = 0;
	l->day = day;
	l->posts++;
}

static int may_spend(const struct ledger *l, const struct ledger_day *day)
{
	if (day->until || (l->reserve > 0 && day->left <= l->reserve))
		return -EDQUOT;
	return day->wait ? -EAGAIN : 0;
}

int ledger_spend(struct ledger *l, const char *id, struct ledger_day *day)
{
	int64_t now = servertime_now(l->time);
	AUTO(auto_close) int fd = -1;
	int opened = l->dir ? open_day(l, now, &fd) : 0, r;
	char line[300];

	look_at(l, now, day); /* under the lock: who comes next sees what is added here */
	r = may_spend(l, day);
	if (r < 0)
		return r;
	snprintf(line, sizeof(line), "post %" PRId64 " %.255s", now, id);
	if (l->dir && opened == 0)
		opened = add_line(fd, line);
	if (!l->dir || opened < 0)
		count_here(l, now / DAY_S, opened);
	day->posts++;
	return 0;
}

void ledger_undo(struct ledger *l)
{
	char line[64];

	pthread_mutex_lock(&l->lock);
	if (l->posts > 0) {
		l->posts--;
		pthread_mutex_unlock(&l->lock);
		return;
	}
	pthread_mutex_unlock(&l->lock);
	snprintf(line, sizeof(line), "undo %" PRId64, servertime_now(l->time));
	note(l, line);
}

void ledger_told(struct ledger *l, int64_t limit, int64_t left)
{
	char line[64];

	if (limit <= 0 || left < 0 || limit > INT32_MAX)
		return;
	snprintf(line, sizeof(line), "limit %" PRId64 " %" PRId64, limit, MIN(left, limit));
	note(l, line);
}

void ledger_reached(struct ledger *l, int64_t until)
{
	char line[64];

	pthread_mutex_lock(&l->lock);
	l->until = until;
	pthread_mutex_unlock(&l->lock);
	snprintf(line, sizeof(line), "until %" PRId64, until);
	note(l, line);
}

void ledger_wait(struct ledger *l, int64_t until)
{
	char line[64];

	pthread_mutex_lock(&l->lock);
	l->wait = until;
	pthread_mutex_unlock(&l->lock);
	snprintf(line, sizeof(line), "wait %" PRId64, until);
	note(l, line);
}

/* ---- life ---- */

static int set_tail(struct ledger *l, const struct ledger_config *c)
{
	char hex[DIGEST_HEX];
	int r = digest_strings(hex, c->api, c->kind, c->key, NULL);

	if (r < 0)
		return r;
	if (asprintf(&l->tail, ".%s.%.16s" SUFFIX, c->kind, hex) < 0)
		return l->tail = NULL, -ENOMEM;
	l->dir = strdup(c->dir);
	return l->dir ? 0 : -ENOMEM;
}

int ledger_new(const struct ledger_config *c, struct ledger **out)
{
	struct ledger *l = calloc(1, sizeof(*l));
	size_t cap = strlen(c->api) + 8;
	int r = 0;

	if (!l)
		return -ENOMEM;
	pthread_mutex_init(&l->lock, NULL);
	l->time = c->time;
	l->reserve = c->reserve;
	l->limited = strcmp(c->kind, DOWNLOAD) == 0;
	l->api = malloc(cap);
	if (l->api)
		url_redact(c->api, l->api, cap);
	if (c->dir && c->key)
		r = set_tail(l, c);
	if (r < 0 || !l->api) {
		ledger_free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

struct ledger *ledger_free(struct ledger *l)
{
	if (!l)
		return NULL;
	pthread_mutex_destroy(&l->lock);
	free(l->dir);
	free(l->tail);
	free(l->api);
	free(l);
	return NULL;
}

/* ---- for people ---- */

static void set_count(struct json *j, const char *key, bool known, uint64_t n)
{
	if (known)
		json_set_u64(j, key, n);
	else
		json_set_str(j, key, NULL);
}

static void set_time(struct json *j, const char *key, int64_t t)
{
	char text[32];

	clock_format(t, text);
	json_set_str(j, key, t ? text : NULL);
}

static struct json *describe(const char *dir, const char *name, int64_t now)
{
	AUTO(auto_free) char *path = path_join(dir, name);
	struct json *j = json_object();
	struct fold f = { 0 };
	struct ledger_day d;
	const char *tail = name + DATE_LEN + 1;
	char kind[32], date[32];
	bool limited;

	if (path)
		fold_file(&f, path, now);
	snprintf(kind, sizeof(kind), "%.*s", (int)MIN(strcspn(tail, "."), sizeof(kind) - 1), tail);
	limited = strcmp(kind, DOWNLOAD) == 0;
	judge(&f, limited, now, &d);
	date_of(now / DAY_S, date);
	json_set_str(j, "api", f.api);
	json_set_str(j, "kind", kind);
	json_set_str(j, "day", date);
	json_set_u64(j, "posts", d.posts);
	set_count(j, "limit", limited || f.told, d.limit);
	set_count(j, "left", limited || f.told, d.left);
	set_time(j, "resets", d.resets);
	set_time(j, "until", d.until);
	return j;
}

struct json *ledger_status(const char *dir, int64_t now)
{
	struct json *all = json_array();
	DIR *d = dir ? opendir(dir) : NULL;
	char today[32];
	struct dirent *e;

	date_of(now / DAY_S, today);
	while (d && (e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (n > DATE_LEN + strlen(SUFFIX) && e->d_name[DATE_LEN] == '.' &&
		    strncmp(e->d_name, today, DATE_LEN) == 0 &&
		    strcmp(e->d_name + n - strlen(SUFFIX), SUFFIX) == 0)
			json_append(all, describe(dir, e->d_name, now));
	}
	if (d)
		closedir(d);
	return all;
}

void ledger_sum(const struct json *status, uint64_t *posts, uint64_t *left)
{
	*posts = 0;
	*left = UINT64_MAX;
	for (size_t i = 0; i < json_len(status); i++) {
		const struct json *j = json_at(status, i);
		const char *kind = json_str(j, "kind");
		uint64_t n;

		if (!kind || strcmp(kind, DOWNLOAD) != 0)
			continue;
		if (json_u64(j, "posts", &n))
			*posts += n;
		if (json_u64(j, "left", &n))
			*left = MIN(*left, n);
	}
}
