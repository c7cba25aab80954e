/* SPDX-License-Identifier: MPL-2.0 */
/* servertime.h - what time it is at the service, whatever this machine's clock says.
 *
 * Leases expire and limits reset by the service's clock.  Each answer tells it (Date, RFC 9110
 * 6.6.1); from then on the time goes on by a clock that nobody sets (CLOCK_BOOTTIME).  What the API
 * says counts: it signs the links and counts the downloads.  Storage is believed as long as the API
 * has said nothing for an hour.  Threads: any.
 */
#ifndef SOURCE_SERVERTIME_H
#define SOURCE_SERVERTIME_H

#include "base/util.h"

struct servertime;

int servertime_new(struct servertime **out) MUST_CHECK;
struct servertime *servertime_free(struct servertime *t); /* NULL ok; returns NULL */
/* An answer came just now with this date (seconds since 1970; 0: it had none).  t: NULL ok. */
void servertime_learn(struct servertime *t, int64_t date, bool from_api);
/* Has any answer told the time? */
bool servertime_known(struct servertime *t);
/* Seconds since 1970; this machine's clock while nothing is known, or t is NULL. */
int64_t servertime_now(struct servertime *t);
/* A time of the service as this machine's clock would name it: for showing. */
int64_t servertime_local(struct servertime *t, int64_t when);

#endif
