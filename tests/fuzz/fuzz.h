/* SPDX-License-Identifier: MPL-2.0 */
/* fuzz.h - what the fuzz targets share.
 *
 * A target takes arbitrary bytes and must not crash, leak, hang or break what it CHECKs: two ways to
 * the same answer, which have to agree.  It is deterministic: how it goes about an input (pieces,
 * options) follows from the input's last byte, which is a part of the input all the same, so that a
 * plain file from a tool is a good seed.
 * Linked with libFuzzer it searches; linked with replay.c it repeats what is in tests/fuzz/corpus.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/util.h"

/* libFuzzer's side of it; 0 from both. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			fuzz_failed(__FILE__, __LINE__, #condition); \
	} while (0)

static inline _Noreturn void fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

/* How to go about this input. */
static inline unsigned fuzz_how(const uint8_t *p, size_t n)
{
	return n > 0 ? p[n - 1] : 0;
}

/* A copy in memory of exactly its size, so that every byte read beyond it is noticed. */
static inline void *fuzz_copy(const void *p, size_t n)
{
	void *copy = malloc(n);

	CHECK(copy || n == 0);
	if (n > 0)
		memcpy(copy, p, n);
	return copy;
}

/* The log would drown libFuzzer's; $FUZZ_LOG brings it back, to see why. */
static inline void fuzz_quiet(void)
{
	if (!getenv("FUZZ_LOG"))
		log_set_level(LOG_LEVEL_NONE);
}

/* -- a directory in memory, for the process's lifetime -- */

static char fuzz_dir[256];

static inline int fuzz_remove_one(const char *path, const struct stat *st, int type,
				  struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path) == 0 ? 0 : -1;
}

static inline void fuzz_remove_dir(void)
{
	nftw(fuzz_dir, fuzz_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline void fuzz_make_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(fuzz_dir, sizeof(fuzz_dir), "%s/mdcfs-fuzz-XXXXXX", tmp);
	CHECK(mkdtemp(fuzz_dir));
	CHECK(atexit(fuzz_remove_dir) == 0);
}

#endif
