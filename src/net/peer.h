/* SPDX-License-Identifier: MPL-2.0 */
/* peer.h - what the I/O thread knows of one origin (scheme, host and port): who waits for it, how many
 * it is given at once, whether it is well, and how fast it usually is; private to http*.c.
 *
 * Requests with patience (http.h) take part in all of that; the others wait for a free connection
 * alone.  Threads: the I/O thread.
 */
#ifndef NET_PEER_H
#define NET_PEER_H

#include "net/breaker.h"
#include "net/http.h"
#include "net/latency.h"
#include "net/limiter.h"
#include "net/speed.h"

struct peer {
	struct list link;
	char *url; /* one of its URLs, cut behind the authority */
	unsigned ceiling;
	struct limiter limiter;
	struct breaker breaker;
	struct latency latency;
	struct speed speed;
	int64_t look_ms;	/* all are slow: do not look before */
	struct list plain;	/* without patience, in order */
	struct list ready;	/* in order of submit, delayed ones from when they are due */
	struct list background; /* the same for those that nobody waits for */
	unsigned n_active;	/* transfers */
	uint64_t rate;		/* bytes a second of one transfer, as usual; 0: not known */
	unsigned credit;	/* for second requests, in twentieths */
};

struct peers {
	struct list all; /* used last: last */
	unsigned n, ceiling;
};

void peers_init(struct peers *ps, unsigned ceiling);
void peers_clear(struct peers *ps); /* all idle */
/* The peer of an http(s) URL; idle ones of old are forgotten.  NULL without memory. */
struct peer *peers_find(struct peers *ps, const char *url);

/* Queue q, which has its peer. */
void peer_queue(struct http_request *q);
/* Move those of a queue, or of all peers' queues, that `which` says to the list out. */
void peer_take(struct list *queue, bool (*which)(const struct http_request *q), struct list *out);
void peers_take(struct peers *ps, bool (*which)(const struct http_request *q), struct list *out);
bool peers_empty(const struct peers *ps); /* nobody waits */
/* Put those that are not `background` any more to the others that somebody waits for. */
void peers_raise(struct peers *ps);

/* The next request that may start now, removed from its queue, or NULL. */
struct http_request *peer_next(struct peer *p, int64_t now);
/* One that will not start in time, removed, or NULL: what it waits for comes too late. */
struct http_request *peer_hopeless(struct peer *p, int64_t now);
/* When one of the last two may have something if no transfer ends before; INT64_MAX: never. */
int64_t peers_due(const struct peers *ps, int64_t now);

/* A transfer of q begins. */
void peer_begin(struct peer *p, struct http_request *q);
/* It has ended, with first_ms until its first byte (-1: none); what it says of the origin. */
struct peer_outcome {
	int err;
	const struct http_reply *reply;
	int64_t begun_ms, first_ms;
	int64_t body_ms; /* when its body began */
	bool refused; /* the receiver did not want it: err is its own */
	uint64_t bytes; /* so much of a body came */
};
void peer_end(struct peer *p, struct http_request *q, const struct peer_outcome *o, int64_t now);
/* The same for one that says nothing: it was cancelled or was no use any more. */
void peer_drop(struct peer *p, struct http_request *q, int64_t now);

/* A transfer of fewer bytes a second than that is as good as stalled. */
uint64_t peer_least_rate(const struct peer *p);
/* How long without a byte until a second request is worth it, -1: never, and whether it may be sent
 * now (it is paid for then). */
int64_t peer_hedge_ms(const struct peer *p);
bool peer_can_hedge(const struct peer *p, int64_t now);
void peer_pay_hedge(struct peer *p);

#endif
