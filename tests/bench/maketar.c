/* SPDX-License-Identifier: MPL-2.0 */
/* maketar.c - a tar archive for bench.sh, on stdout.
 *
 *	maketar MEMBERS                 empty members, all in one directory
 *	maketar MEMBERS SIZE CORPUS     members of SIZE bytes, a seventh more or less, cut out of the
 *	                                file CORPUS at places that differ each time
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 512u

static char *corpus;
static size_t n_corpus;
static uint64_t seed = 88172645463325252u;

static void die(const char *what)
{
	fprintf(stderr, "maketar: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t xorshift(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void load(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f || fseek(f, 0, SEEK_END) != 0)
		die(path);
	n_corpus = (size_t)ftell(f);
	rewind(f);
	corpus = malloc(n_corpus + 1);
	if (!corpus || fread(corpus, 1, n_corpus, f) != n_corpus)
		die(path);
	fclose(f);
}

static void put(const void *p, size_t n)
{
	if (fwrite(p, 1, n, stdout) != n)
		die("stdout");
}

/* POSIX.1-1988 ustar, the fields that matter. */
static void header(const char *name, char type, size_t size)
{
	char h[BLOCK] = { 0 };
	unsigned sum = 0;

	snprintf(h, 100, "%s", name);
	snprintf(h + 100, 8, "%07o", type == '5' ? 0755u : 0644u);
	snprintf(h + 108, 8, "%07o", 0u);
	snprintf(h + 116, 8, "%07o", 0u);
	snprintf(h + 124, 12, "%011zo", size);
	snprintf(h + 136, 12, "%011o", 1700000000u);
	memset(h + 148, ' ', 8);
	h[156] = type;
	memcpy(h + 257, "ustar\00000", 8);
	for (size_t i = 0; i < BLOCK; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	put(h, BLOCK);
}

static void member(unsigned long i, size_t size)
{
	static const char zeros[BLOCK];
	char name[64];
	size_t at, len = 0;

	if (size > 0)
		len = size - size / 7 + (size_t)(xorshift() % (2 * (size / 7) + 1));
	snprintf(name, sizeof(name), "corpus/en/clips/common_voice_en_%08lu.mp3", 10000000 + i);
	header(name, '0', len);
	if (len == 0)
		return;
	if (len > n_corpus)
		die("the corpus is too small");
	at = (size_t)(xorshift() % (n_corpus - len + 1));
	put(corpus + at, len);
	put(zeros, (BLOCK - len % BLOCK) % BLOCK);
}

int main(int argc, char **argv)
{
	static const char end[2 * BLOCK];
	unsigned long members = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	size_t size = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;

	if (argc != 2 && argc != 4) {
		fprintf(stderr, "usage: maketar MEMBERS [SIZE CORPUS]\n");
		return 2;
	}
	if (argc == 4)
		load(argv[3]);
	header("corpus/en/clips/", '5', 0);
	for (unsigned long i = 0; i < members; i++)
		member(i, size);
	put(end, sizeof(end));
	if (fflush(stdout) != 0)
		die("stdout");
	free(corpus);
	return 0;
}
