/* SPDX-License-Identifier: MPL-2.0 */
/* clock.c - see clock.h. */
#include "base/clock.h"

#include <errno.h>
#include <time.h>

int64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_now(void)
{
	return (int64_t)time(NULL);
}

/* RFC 3339 section 5.6: 'Z' or a signed hh:mm offset, in seconds. */
static int parse_zone(const char *p, int64_t *out)
{
	int hh, mm;
	char sign;

	if ((*p == 'Z' || *p == 'z') && p[1] == '\0') {
		*out = 0;
		return 0;
	}
	if (sscanf(p, "%c%2d:%2d", &sign, &hh, &mm) != 3 || (sign != '+' && sign != '-'))
		return -EINVAL;
	*out = (sign == '+' ? 1 : -1) * (hh * 3600 + mm * 60);
	return 0;
}

int clock_parse(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	int64_t zone;
	int n = 0;

	if (sscanf(text, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n) != 6 || n == 0)
		return -EINVAL;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60 || tm.tm_hour < 0 ||
	    tm.tm_min < 0 || tm.tm_sec < 0)
		return -EINVAL;
	text += n;
	if (*text == '.')
		for (text++; *text >= '0' && *text <= '9'; text++)
			;
	if (parse_zone(text, &zone) < 0)
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*out = (int64_t)timegm(&tm) - zone;
	return 0;
}

void clock_format(int64_t t, char out[static 32])
{
	time_t when = (time_t)t;
	struct tm tm;

	out[0] = '\0';
	if (gmtime_r(&when, &tm))
		strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
