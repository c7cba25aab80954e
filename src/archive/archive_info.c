/* SPDX-License-Identifier: MPL-2.0 */
/* archive_info.c - the part of archive.h that tells how far an archive is known, and how fast. */
#include <errno.h>
#include <string.h>

#include "archive/format.h"
#include "base/clock.h"

#define MEASURE_MS 900 /* between two measurements of the speed of a pass */
#define AGAIN_MS 10000 /* a background pass that failed begins again after this */

bool archive_complete(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	return a->state == ARCHIVE_COMPLETE;
}

bool archive_settled(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	return a->state == ARCHIVE_COMPLETE || a->state == ARCHIVE_FAILED;
}

void archive_read_all(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	a->read_all = true;
	(void)archive_kick_locked(a);
}

/* Lately: about the last ten times. */
static void measure_locked(struct archive *a)
{
	int64_t now = clock_ms(), passed = now - a->measured_ms;
	uint64_t at = atomic_load(&a->raw_position), rate;

	if (a->state != ARCHIVE_READING) {
		a->measured_ms = 0;
		a->rate = 0;
		return;
	}
	if (a->measured_ms != 0 && passed < MEASURE_MS)
		return;
	if (a->measured_ms != 0) {
		rate = (MAX(at, a->measured_at) - a->measured_at) * 1000 / (uint64_t)passed;
		a->rate = a->rate ? (9 * a->rate + rate) / 10 : rate;
	}
	a->measured_ms = now;
	a->measured_at = at;
}

void archive_tick(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	measure_locked(a);
	if (a->read_all && a->state == ARCHIVE_RESTING && clock_ms() - a->failed_ms > AGAIN_MS)
		(void)archive_kick_locked(a);
}

void archive_info(struct archive *a, struct archive_info *out)
{
	static const char *const words[] = {
		[ARCHIVE_RESTING] = "resting",
		[ARCHIVE_READING] = "reading",
		[ARCHIVE_COMPLETE] = "complete",
		[ARCHIVE_FAILED] = "failed",
	};

	for (unsigned i = 0; i < TREE_DAMAGES; i++)
		out->damage[i] = tree_damage(a->index, i);
	LOCK_SCOPE(&a->lock);
	out->format = a->format ? a->format->name : NULL;
	out->state = a->state == ARCHIVE_RESTING && !a->format ? "unopened" : words[a->state];
	out->members = index_members(a->index) - 1;
	out->total = a->c.raw->size;
	out->position = a->state == ARCHIVE_COMPLETE ? out->total : atomic_load(&a->raw_position);
	out->rate = a->rate;
	out->elsewhere = a->elsewhere && a->state == ARCHIVE_READING;
	out->failure = a->state == ARCHIVE_RESTING && a->error != -ECANCELED ? a->error : 0;
	out->verified = atomic_load(&a->verified);
	memcpy(out->error, a->trouble, sizeof(out->error));
}

const char *archive_index_path(struct archive *a)
{
	LOCK_SCOPE(&a->lock);
	return a->temp_dir ? NULL : index_file(a->index);
}

uint64_t archive_progress(struct archive *a)
{
	return atomic_load(&a->progress);
}
