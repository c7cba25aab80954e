/* SPDX-License-Identifier: MPL-2.0 */
/* blockmap.c - fuzz target: a cache layer whose files somebody else writes, cuts and removes.
 *
 * The input is a list of operations: an opcode, its block and its arguments (see `ops`).  Some are those of
 * cache.h, some overwrite the map or the data behind its back.
 * What must hold: a block that is read has the length and the checksum of a record that was made for
 * this very block.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "fuzz.h"
#include "store/cache.h"

#define OBJECT "00112233445566778899aabbccddeeff"
#define BLOCKS 20u
#define OPS_MAX 300u
#define MAP_HEADER 24u
#define MAP_RECORDS 65536u /* where they begin (blockmap.h) */
#define RECORD 16u
#define CACHE_BYTES (6 * BLOCK_SIZE) /* less than all blocks: some are evicted */

/* Cursor over the input; beyond its end there are zeros. */
struct script {
	const uint8_t *p, *end;
};

struct record {
	uint32_t crc, len;
};

struct play {
	struct script in;
	struct cache *cache;
	struct cache_layer *layer;
	struct record made[OPS_MAX]; /* what may be read, and of which block */
	uint8_t made_for[OPS_MAX];
	unsigned n_made;
};

static char map_path[400], data_path[400], usage_path[400];
static unsigned char bytes[BLOCK_SIZE];

static uint32_t take(struct script *s, unsigned n_bytes)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < n_bytes && s->p < s->end; i++)
		v |= (uint32_t)*s->p++ << 8 * i;
	return v;
}

static const uint8_t *take_bytes(struct script *s, size_t *n)
{
	const uint8_t *p = s->p;

	*n = MIN(*n, (size_t)(s->end - s->p));
	s->p += *n;
	return p;
}

static void vouch(struct play *y, unsigned blk, uint32_t crc, uint32_t len)
{
	CHECK(y->n_made < OPS_MAX);
	y->made[y->n_made] = (struct record){ crc, len };
	y->made_for[y->n_made++] = (uint8_t)blk;
}

static bool vouched(const struct play *y, unsigned blk, uint32_t crc, size_t len)
{
	for (unsigned i = 0; i < y->n_made; i++)
		if (y->made_for[i] == blk && y->made[i].crc == crc && y->made[i].len == len)
			return true;
	return false;
}

static void write_file(const char *path, const void *p, size_t n, uint64_t at)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	CHECK(fd >= 0 && file_write_at(fd, p, n, at) == 0);
	close(fd);
}

/* Bytes that are not there are zeros. */
static void read_file(const char *path, void *p, size_t n, uint64_t at)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	memset(p, 0, n);
	if (fd < 0)
		return;
	CHECK(pread(fd, p, n, (off_t)at) >= 0);
	close(fd);
}

static uint64_t record_at(unsigned blk)
{
	return MAP_RECORDS + (uint64_t)blk * RECORD;
}

/* ---- behind its back ---- */

static void op_header(struct play *y, unsigned blk)
{
	size_t n = MAP_HEADER;
	const uint8_t *p = take_bytes(&y->in, &n);

	(void)blk;
	write_file(map_path, p, n, 0);
}

static void op_record(struct play *y, unsigned blk)
{
	size_t n = RECORD;
	const uint8_t *p = take_bytes(&y->in, &n);
	uint64_t words[2] = { 0 };

	memcpy(words, p, n);
	write_file(map_path, words, RECORD, record_at(blk));
	vouch(y, blk, (uint32_t)words[0], words[1] >> 4 & 0xfffffff);
}

/* A record as it should be, of a length and a checksum that may be wrong. */
static void op_seal(struct play *y, unsigned blk)
{
	uint32_t len = take(&y->in, 2) * 3, twist = take(&y->in, 1);
	uint64_t state = 2 | (uint64_t)len << 4 | (uint64_t)take(&y->in, 1) << 32;
	uint64_t sealed[3] = { blk, state, twist }, words[2];

	read_file(data_path, bytes, MIN(len, BLOCK_SIZE), blk * BLOCK_SIZE);
	sealed[2] ^= crc32c(0, bytes, MIN(len, BLOCK_SIZE));
	words[0] = sealed[2] | (uint64_t)crc32c(0, sealed, sizeof(sealed)) << 32;
	words[1] = state;
	write_file(map_path, words, RECORD, record_at(blk));
	vouch(y, blk, (uint32_t)words[0], len);
}

static void op_data(struct play *y, unsigned blk)
{
	size_t n = take(&y->in, 1);
	const uint8_t *p = take_bytes(&y->in, &n);

	write_file(data_path, p, n, blk * BLOCK_SIZE);
}

static void op_flip(struct play *y, unsigned blk)
{
	uint64_t at = blk * BLOCK_SIZE + take(&y->in, 2);
	unsigned char c;

	read_file(data_path, &c, 1, at);
	c ^= 1;
	write_file(data_path, &c, 1, at);
}

/* Another block's record and data: right in themselves, in the wrong place. */
static void op_move(struct play *y, unsigned blk)
{
	unsigned from = take(&y->in, 1) % BLOCKS;
	unsigned char record[RECORD];

	read_file(map_path, record, RECORD, record_at(from));
	write_file(map_path, record, RECORD, record_at(blk));
	read_file(data_path, bytes, 4096, from * BLOCK_SIZE);
	write_file(data_path, bytes, 4096, blk * BLOCK_SIZE);
}

static void op_cut_map(struct play *y, unsigned blk)
{
	(void)blk;
	(void)!truncate(map_path, (off_t)take(&y->in, 2) * 40);
}

static void op_cut_data(struct play *y, unsigned blk)
{
	(void)!truncate(data_path, (off_t)(blk * BLOCK_SIZE + take(&y->in, 1)));
}

static void op_unlink(struct play *y, unsigned blk)
{
	(void)y;
	unlink(blk % 3 == 0 ? map_path : blk % 3 == 1 ? data_path : usage_path);
}

/* ---- through the front door ---- */

static void op_read(struct play *y, unsigned blk)
{
	size_t len = 0;
	int r = cache_read(y->layer, blk, bytes, &len);

	CHECK(r == 0 || r == -ENOENT);
	if (r < 0)
		return;
	CHECK(len > 0 && len <= BLOCK_SIZE);
	CHECK(vouched(y, blk, crc32c(0, bytes, len), len));
}

static void op_write(struct play *y, unsigned blk)
{
	size_t len = take(&y->in, 2) * (size_t)2 + 1;

	memset(bytes, (int)(blk + len), len);
	vouch(y, blk, crc32c(0, bytes, len), (uint32_t)len);
	(void)!cache_write(y->layer, blk, bytes, len);
}

static void op_drop(struct play *y, unsigned blk)
{
	cache_drop(y->layer, blk);
	(void)cache_has(y->layer, blk);
}

static void open_layer(struct play *y)
{
	const struct cache_config config = { fuzz_dir, CACHE_BYTES, { 0 } };

	CHECK(cache_open(&config, &y->cache) == 0);
	CHECK(cache_layer_open(y->cache, OBJECT, "raw", &y->layer) == 0);
}

static void close_layer(struct play *y)
{
	cache_layer_close(y->layer);
	cache_close(y->cache);
}

static void op_reopen(struct play *y, unsigned blk)
{
	(void)blk;
	close_layer(y);
	open_layer(y);
}

static void (*const ops[])(struct play *y, unsigned blk) = {
	op_header,   op_record, op_seal, op_data,  op_flip, op_move,   op_cut_map,
	op_cut_data, op_unlink, op_read, op_write, op_drop, op_reopen,
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char dir[350];

	(void)argc;
	(void)argv;
	fuzz_quiet();
	fuzz_make_dir();
	snprintf(dir, sizeof(dir), "%s/objects/" OBJECT, fuzz_dir);
	CHECK(dir_make(dir, 0700) == 0);
	snprintf(map_path, sizeof(map_path), "%s/raw.map", dir);
	snprintf(data_path, sizeof(data_path), "%s/raw.data", dir);
	snprintf(usage_path, sizeof(usage_path), "%s/usage", fuzz_dir);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct play y = { .in = { p, p + n } };

	unlink(map_path);
	unlink(data_path);
	unlink(usage_path);
	open_layer(&y);
	for (unsigned i = 0; i < OPS_MAX && y.in.p < y.in.end; i++) {
		unsigned op = take(&y.in, 1) % ARRAY_SIZE(ops), blk = take(&y.in, 1) % BLOCKS;

		ops[op](&y, blk);
	}
	op_reopen(&y, 0);
	for (unsigned blk = 0; blk < BLOCKS; blk++)
		op_read(&y, blk);
	close_layer(&y);
	return 0;
}
