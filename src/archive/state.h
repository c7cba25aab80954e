/* SPDX-License-Identifier: MPL-2.0 */
/* state.h - private to the archive layer: what an archive is made of.
 *
 * Lock order: archive.lock > memory > wait > pool.  archive.lock is never held across disk or
 * network; write_lock (above it) is held by whoever writes the index.
 */
#ifndef ARCHIVE_STATE_H
#define ARCHIVE_STATE_H

#include <stdatomic.h>

#include "archive/archive.h"
#include "archive/fills.h"
#include "archive/verdict.h"
#include "store/blocks.h"
#include "store/meter.h"

struct format;

enum archive_state {
	ARCHIVE_RESTING,  /* no pass is running; one may be started */
	ARCHIVE_READING,  /* the pass thread lives */
	ARCHIVE_COMPLETE, /* the index has everything */
	ARCHIVE_FAILED    /* damaged, or of no known kind: the index has what came before */
};

/* Somebody waits for a name that has not passed yet. */
struct name_want {
	struct list link;
	uint64_t parent;
	struct want want;
	size_t len;
	char name[256];
};

struct archive {
	struct archive_config c;
	char *filename, *checksum;
	char *temp_dir;               /* place.h: of an index that is not in the cache, removed at the end */
	bool kept;		      /* ... and this one has been brought there after all */
	struct meter *meter;	      /* what the index takes in the cache; NULL: not counted */
	struct index *index;
	struct blocks *stream;        /* decoded bytes; unused by formats without any */
	pthread_mutex_t write_lock;   /* held by the one who writes the index */

	_Atomic bool stop;
	_Atomic bool distrusted;      /* the whole file's SHA-256 is wrong */
	_Atomic bool verified;	      /* it is right */
	_Atomic uint64_t progress;    /* see archive_progress() */
	_Atomic uint64_t raw_position; /* for people */
	_Atomic unsigned n_names;     /* length of names, for a look without the lock */
	_Atomic unsigned asked;       /* counts new entries in names */
	struct verdict verdict;       /* of single members */

	pthread_mutex_t lock;         /* guards what follows */
	pthread_cond_t demand;        /* the pass rests on it */
	enum archive_state state;
	const struct format *format;  /* NULL until the pass or the index has told */
	char layer[32];               /* what the stream's blocks are kept as; "" until then */
	bool joinable;
	pthread_t thread;
	int error;                    /* ARCHIVE_FAILED: -errno */
	char trouble[256];
	uint64_t commits;             /* counts what readers of the index may have missed */
	bool read_all;
	struct want listed;           /* woken when all members are known, or never will be */
	struct list names;            /* struct name_want */
	struct list fills;            /* fills.h: what the pass will publish when it gets there */
	struct list spans;            /* span.c: decodes under way, */
	unsigned n_spans;             /* ... so many of them began */
	struct list decodes;          /* zipspan.c: large members being decoded */
	void *filler;                 /* what a format keeps between its fills, */
	void (*filler_stop)(struct archive *a); /* ... and its end: see archive_stop() */
	struct zipstored *stored;     /* zipstored.c; NULL: nothing yet */
	uint64_t need;                /* stream bytes before this are wanted */
	uint64_t position; /* stream bytes before this are, or are just being, published */
	uint64_t accounted;           /* no pending fill is left before this */
	int64_t failed_ms;            /* when the last pass ended, for trying again */
	bool elsewhere;		      /* another process runs the pass, ours follows it */
	uint64_t rate;		      /* bytes of the archive a second, lately */
	uint64_t measured_at;	      /* raw_position then, */
	int64_t measured_ms;	      /* ... at this time; 0: never while this pass runs */
};

/* Start the pass if it does not run, or let it go on.  Lock held. */
int archive_kick_locked(struct archive *a);
/* Is there a reason for the pass to go on?  Drops wants that nobody waits for.  Lock held. */
bool archive_demand_locked(struct archive *a);

/* The kind of archive is known now.  Lock held. */
void archive_set_format_locked(struct archive *a, const struct format *f);
/* Take over what the index says: at the start, and when another mount has written it.  Lock held
 * (the reads are short and local). */
void archive_reload_locked(struct archive *a);

#endif
