/* SPDX-License-Identifier: MPL-2.0 */
/* pace.c - see pace.h. */
#include "store/pace.h"

#include "base/clock.h"
#include "base/log.h"

#define SLOW_MS 300	 /* a read of one block that takes longer is slow */
#define LOST_MAX_MS 2000 /* in slow reads: then it is left alone, */
#define ALONE_MS 5000	 /* so long */
#define INSIST_MS 60000
#define AGAIN_MS 1000 /* what failed together is read together */

static bool is_insisted(struct pace *p, int64_t now)
{
	int64_t since = atomic_load(&p->insisted);

	return since > 0 && now - since < INSIST_MS;
}

static void leave_alone(struct pace *p, int64_t now)
{
	atomic_store(&p->until, now + ALONE_MS);
	if (!atomic_exchange(&p->slow, true))
		(void)log_warn(0,
			       "cache %s is very slow to read from, and bypassed where that is "
			       "possible",
			       p->dir);
}

bool pace_allows(struct pace *p)
{
	int64_t watched = atomic_load_explicit(&p->watched, memory_order_relaxed);
	int64_t lost = atomic_load_explicit(&p->lost, memory_order_relaxed), now;

	if (watched == 0 && lost == 0) /* the usual case */
		return true;
	now = clock_ms();
	if (is_insisted(p, now))
		return true;
	if (now < atomic_load(&p->until))
		return false;
	if (watched == 0 || now - watched + lost < LOST_MAX_MS)
		return true;
	leave_alone(p, now);
	return false;
}

int64_t pace_begin(struct pace *p)
{
	int64_t now = clock_ms(), none = 0;

	(void)atomic_compare_exchange_strong(&p->watched, &none, now);
	return now;
}

void pace_end(struct pace *p, int64_t began)
{
	int64_t now = clock_ms(), mine = began;

	bool watched = atomic_compare_exchange_strong(&p->watched, &mine, 0);

	if (now - began < SLOW_MS) {
		if (atomic_load_explicit(&p->lost, memory_order_relaxed) == 0)
			return;
		atomic_store(&p->lost, 0);
		atomic_store(&p->until, 0);
		if (atomic_exchange(&p->slow, false))
			log_info("cache %s is quick again", p->dir);
	} else if (watched && /* those at the same time were slow for the same reason */
		   atomic_fetch_add(&p->lost, now - began) + now - began >= LOST_MAX_MS) {
		atomic_store(&p->lost,
			     LOST_MAX_MS); /* one more of these, and it is left alone again */
		if (!is_insisted(p, now))
			leave_alone(p, now);
	}
}

bool pace_insist(struct pace *p)
{
	int64_t now = clock_ms(), since = atomic_load(&p->insisted);

	if (!atomic_load(&p->slow))
		return false;
	if (is_insisted(p, now))
		return now - since < AGAIN_MS;
	return atomic_compare_exchange_strong(&p->insisted, &since, now) || pace_insist(p);
}
