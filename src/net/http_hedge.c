/* SPDX-License-Identifier: MPL-2.0 */
/* http_hedge.c - when a transfer has stalled, and when its request is worth a second one.  See
 * http_transfer.h. */
#include "net/http_transfer.h"
#include "net/peer.h"

#define LAST_CHANCE_MS 1000 /* for a first byte, however little patience is left */

int64_t http_transfer_stall_due(const struct http_transfer *t, int64_t upper, int64_t now)
{
	/* Not connected yet: the clock may start while others are waited for. */
	int64_t from = t->connected ? t->last_ms : now + 1;
	int64_t due = from + latency_stall_ms(&t->peer->latency, upper);

	if (t->paused)
		return INT64_MAX;
	if (t->limps)
		return now;
	/* Whoever has patience gives up then, and is told so then. */
	if (t->q->patience_ms > 0 && t->bytes == 0 && t->q->patience_ms < INT64_MAX - t->start_ms)
		due = MIN(due, t->start_ms + MAX(t->q->patience_ms, LAST_CHANCE_MS));
	return due;
}

/* From when on it has been silent for too long, or is too slow. */
static int64_t silent_ms(const struct http_transfer *t)
{
	int64_t after = peer_hedge_ms(t->peer);

	return after < 0 ? INT64_MAX : t->last_ms + after;
}

static int64_t slow_ms(const struct http_transfer *t)
{
	uint64_t len = range_len(t->range);

	if (t->bytes == 0 || t->bytes >= len)
		return INT64_MAX;
	return speed_slow_ms(&t->peer->speed, t->body_ms, t->bytes, len - t->bytes);
}

int64_t http_transfer_hedge_due(const struct http_transfer *t, int64_t now)
{
	const struct http_request *q = t->q;

	/* What goes on where the first one stood must be of a range again. */
	if (!q->may_hedge || q->background || q->hedged || t->paused ||
	    !peer_can_hedge(t->peer, now) || t->bytes >= range_len(t->range) ||
	    (t->bytes > 0 && t->reply.status != 206))
		return INT64_MAX;
	return MIN(silent_ms(t), MAX(slow_ms(t), t->peer->look_ms));
}

bool http_transfer_may_hedge(const struct http_transfer *t, const struct list *active, int64_t now)
{
	unsigned n = 0;

	t->q->overtake = silent_ms(t) > now;
	if (!t->q->overtake)
		return true;
	list_for_each(pos, next, active) {
		const struct http_transfer *a =
			list_entry(pos, struct http_request, link)->transfer;

		n += a->peer == t->peer && !a->paused && slow_ms(a) <= now;
	}
	if (speed_is_exception(&t->peer->speed, t->body_ms, n))
		return true;
	t->peer->look_ms = now + SPEED_LOOK_MS;
	return false;
}
