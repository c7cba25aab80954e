/* SPDX-License-Identifier: MPL-2.0 */
/* reach.c - see reach.h. */
#include "store/reach.h"

#define STRANGER_TRIES 2u /* of one that has never answered: a connection may fail once */

bool reach_admits(struct reach *r, int64_t now, bool *probe)
{
	*probe = r->absent;
	if (!r->absent)
		return true;
	if (r->probing || now < r->next_ms)
		return false;
	r->probing = true;
	return true;
}

bool reach_worth(const struct reach *r, bool nobody, unsigned tries)
{
	if (r->absent)
		return false;
	return r->met || !nobody || tries < STRANGER_TRIES;
}

bool reach_answered(struct reach *r)
{
	bool was_absent = r->absent;

	r->met = true;
	r->absent = r->probing = false;
	return was_absent;
}

bool reach_failed(struct reach *r, int64_t now)
{
	bool was_absent = r->absent;

	r->absent = true;
	r->probing = false;
	r->next_ms = now + REACH_PROBE_MS;
	return !was_absent;
}

void reach_unknown(struct reach *r)
{
	r->probing = false;
}
