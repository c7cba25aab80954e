/* SPDX-License-Identifier: MPL-2.0 */
/* servertime.c - see servertime.h. */
#include "source/servertime.h"

#include <errno.h>
#include <inttypes.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#define API_COUNTS_S 3600 /* so long after an answer of the API storage is not asked */
#define WORTH_SAYING_S 120

struct servertime {
	pthread_mutex_t lock; /* guards all below */
	bool known;
	int64_t ahead;	/* of boot_now() */
	int64_t api_at; /* boot_now() when the API last told; 0 = never */
	bool said;
};

/* Seconds since some point that only a reboot changes; it goes on in suspend. */
static int64_t boot_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec;
}

int servertime_new(struct servertime **out)
{
	struct servertime *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

struct servertime *servertime_free(struct servertime *t)
{
	if (t)
		pthread_mutex_destroy(&t->lock);
	free(t);
	return NULL;
}

static void say_once(struct servertime *t, int64_t off)
{
	if (t->said || (off < WORTH_SAYING_S && off > -WORTH_SAYING_S))
		return;
	t->said = true;
	log_info("this machine's clock is %" PRId64 " s %s the service's, whose time counts",
		 off < 0 ? -off : off, off < 0 ? "ahead of" : "behind");
}

void servertime_learn(struct servertime *t, int64_t date, bool from_api)
{
	int64_t now = boot_now();

	if (!t || date <= 0)
		return;
	LOCK_SCOPE(&t->lock);
	if (!from_api && t->api_at && now - t->api_at < API_COUNTS_S)
		return;
	if (from_api)
		t->api_at = MAX(now, 1);
	t->known = true;
	t->ahead = date - now;
	say_once(t, date - clock_now());
}

bool servertime_known(struct servertime *t)
{
	LOCK_SCOPE(&t->lock);
	return t->known;
}

int64_t servertime_now(struct servertime *t)
{
	if (!t)
		return clock_now();
	LOCK_SCOPE(&t->lock);
	return t->known ? boot_now() + t->ahead : clock_now();
}

int64_t servertime_local(struct servertime *t, int64_t when)
{
	return when - servertime_now(t) + clock_now();
}
