/* SPDX-License-Identifier: MPL-2.0 */
/* limiter.c - see limiter.h. */
#include "net/limiter.h"

#define ONE 256u
#define FIRST_WINDOW 8u
#define MOST 4096u /* transfers: no overflow below, and no server wants more */

void limiter_init(struct limiter *l, unsigned ceiling)
{
	l->ceiling = MIN(MAX(ceiling, 1u), MOST);
	l->window = MIN(l->ceiling, FIRST_WINDOW) * ONE;
	l->starting = true;
	l->braked_ms = INT64_MIN;
}

unsigned limiter_window(const struct limiter *l)
{
	return l->window / ONE;
}

void limiter_good(struct limiter *l, unsigned in_use)
{
	uint32_t more = l->starting ? ONE : MAX(ONE * ONE / l->window, 1u);

	if (in_use >= limiter_window(l))
		l->window = MIN(l->window + more, l->ceiling * ONE);
}

void limiter_brake(struct limiter *l, int64_t begun_ms, int64_t now)
{
	if (begun_ms < l->braked_ms)
		return;
	l->window = MAX(l->window / 2, ONE);
	l->starting = false;
	l->braked_ms = now;
}
