/* SPDX-License-Identifier: MPL-2.0 */
/* log.c - see log.h.  One lock guards the ring and the sink; a line is formatted outside it. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#define RING_LINES 200
#define LINE_MAX_BYTES 512

unsigned log_areas;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards everything below */
static char ring[RING_LINES][LINE_MAX_BYTES];
static unsigned ring_next, ring_used;
static enum log_level max_level = LOG_LEVEL_INFO;
static bool use_syslog, over_bar;

static const struct {
	const char *word;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARN] = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

static void ring_add_locked(enum log_level level, const char *text)
{
	time_t now = time(NULL);
	struct tm tm;
	char stamp[32] = "";

	if (gmtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(ring[ring_next], LINE_MAX_BYTES, "%s %s: %s", stamp, levels[level].word, text);
	ring_next = (ring_next + 1) % RING_LINES;
	ring_used = MIN(ring_used + 1, RING_LINES);
}

static void print_locked(enum log_level level, const char *text)
{
	if (over_bar)
		fputs("\r\033[K", stderr);
	if (use_syslog)
		syslog(levels[level].priority, "%s", text);
	else if (level <= LOG_LEVEL_WARN)
		fprintf(stderr, "mdcfs: %s\n", text);
	else
		fprintf(stderr, "mdcfs: %s: %s\n", levels[level].word, text);
}

int log_at(enum log_level level, int r, const char *fmt, ...)
{
	int saved = errno;
	char text[LINE_MAX_BYTES - 40];
	char why[96];
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	if (r < 0)
		snprintf(text + n, sizeof(text) - n, ": %s", strerror_r(-r, why, sizeof(why)));
	for (char *p = text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?'; /* names come from strangers: no terminal control in a log */

	pthread_mutex_lock(&lock);
	if (level <= LOG_LEVEL_INFO)
		ring_add_locked(level, text);
	if (level <= max_level || level == LOG_LEVEL_DEBUG)
		print_locked(level, text);
	pthread_mutex_unlock(&lock);
	errno = saved;
	return r;
}

static int area_bit(const char *name, size_t len)
{
	static const char *const names[] = {
#define LOG_AREA_NAME(n) #n,
		LOG_AREAS(LOG_AREA_NAME)
#undef LOG_AREA_NAME
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0)
			return (int)i;
	return -EINVAL;
}

int log_set_areas(const char *list)
{
	unsigned areas = 0;

	while (*list) {
		size_t len = strcspn(list, ",:");
		int bit = area_bit(list, len);

		if (len == 3 && memcmp(list, "all", 3) == 0)
			areas = ~0u;
		else if (bit >= 0)
			areas |= 1u << bit;
		else if (len > 0)
			return log_error(-EINVAL, "unknown debug area '%.*s'", (int)len, list);
		list += len + (list[len] != '\0');
	}
	log_areas = areas;
	return 0;
}

void log_set_level(enum log_level level)
{
	LOCK_SCOPE(&lock);
	max_level = level;
}

void log_over_bar(bool on)
{
	LOCK_SCOPE(&lock);
	over_bar = on;
}

void log_to_syslog(void)
{
	LOCK_SCOPE(&lock);
	openlog("mdcfs", LOG_PID, LOG_DAEMON);
	use_syslog = true;
}

char *log_tail(void)
{
	char *out = malloc((size_t)RING_LINES * (LINE_MAX_BYTES + 1) + 1);
	size_t n = 0;

	if (!out)
		return NULL;
	LOCK_SCOPE(&lock);
	for (unsigned i = 0; i < ring_used; i++) {
		unsigned at = (ring_next + RING_LINES - ring_used + i) % RING_LINES;

		n += (size_t)snprintf(out + n, LINE_MAX_BYTES + 1, "%s\n", ring[at]);
	}
	out[n] = '\0';
	return out;
}
