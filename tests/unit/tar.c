/* SPDX-License-Identifier: MPL-2.0 */
/* tar.c - unit tests of archive/tar.h on archives made by hand.  Each is read in pieces of several
 * sizes, resumed behind each member and with its data left out: always the same members. */
#include <errno.h>
#include <sys/stat.h>

#include "../lib/tarmake.h"
#include "../lib/tarwalk.h"

#define MAX_OUT (1u << 20)

static char kind(const struct tar_entry *e)
{
	if (e->hard_link)
		return 'h';
	return S_ISDIR(e->mode) ? 'd' : S_ISLNK(e->mode) ? 'l' : S_ISCHR(e->mode) ? 'c' :
	       S_ISBLK(e->mode) ? 'b' : S_ISFIFO(e->mode) ? 'p' : '-';
}

/* "KIND PATH SIZE HEADER DATA STORED", then what is not as usual; members end in ';'. */
static int line(struct buf *b, const struct tar_entry *e)
{
	int r = buf_addf(b, "%c %s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, kind(e), e->path,
			 e->size, e->header, e->data, e->stored);

	if (r == 0 && e->link)
		r = buf_addf(b, " >%s", e->link);
	if (r == 0 && (e->uid || e->gid))
		r = buf_addf(b, " u%" PRIu64 ":%" PRIu64, e->uid, e->gid);
	if (r == 0 && (e->mtime || e->mtime_ns))
		r = buf_addf(b, " t%" PRId64 "+%" PRIu32, e->mtime, e->mtime_ns);
	if (r == 0 && (e->dev_major || e->dev_minor))
		r = buf_addf(b, " v%" PRIu32 ":%" PRIu32, e->dev_major, e->dev_minor);
	if (r == 0 && e->extents)
		r = buf_addf(b, " m");
	for (size_t i = 0; r == 0 && i < e->n_extents; i++)
		r = buf_addf(b, "%" PRIu64 "+%" PRIu64 ",", e->extents[i].off, e->extents[i].len);
	if (r == 0)
		r = buf_add(b, ";", 1);
	return r;
}

static void check(const char *name, const struct buf *in, const char *want, int r, uint64_t damage)
{
	static const size_t chunks[] = { 65536, 1, 511, 512, 513 };
	struct tarwalk w = { TARWALK_ALL, 0, line, BUF_INIT(MAX_OUT), 0 };

	for (size_t i = 0; i < 3 * ARRAY_SIZE(chunks); i++) {
		int got;

		w.how = (enum tarwalk_how)(i % 3);
		w.chunk = chunks[i / 3];
		got = tarwalk_run(&w, in);
		put(&w.out, "", 0);
		if (strcmp(w.out.p, want) != 0 || got != r || w.damage != damage)
			fail_msg("%s, feed %zu, way %d: %d, damage %" PRIu64 "\n%s\n"
				 "wanted: %d, %" PRIu64 "\n%s",
				 name, w.chunk, w.how, got, w.damage, w.out.p, r, damage, want);
	}
	buf_free(&w.out);
}

/* Dialects of headers. */

static void make_types(struct buf *b)
{
	header(b, V7_MAGIC, '\0', "v7", 0);
	header(b, V7_MAGIC, '\0', "v7dir/", 0);
	body(b, USTAR_MAGIC, '7', "contiguous", "c");
	header(b, USTAR_MAGIC, '2', "symlink", 99); /* a size means nothing here */
	patch_text(b, 157, "target");
	header(b, USTAR_MAGIC, '3', "char", 0);
	patch_text(b, 329, "0000001");
	patch_text(b, 337, "0000003");
	header(b, USTAR_MAGIC, '4', "block", 0);
	header(b, USTAR_MAGIC, '5', "dir", 700);
	header(b, USTAR_MAGIC, '6', "fifo", 0);
	body(b, GNU_MAGIC, 'D', "dump", "Yname\0\0");
	body(b, GNU_MAGIC, 'N', "names", "Rename a to b\n");
	body(b, GNU_MAGIC, 'V', "label", "x");
	body(b, USTAR_MAGIC, 'A', "acl", "1000000");
	body(b, USTAR_MAGIC, 'z', "unknown", "u");
	header(b, USTAR_MAGIC, '0', "", 0);
	end(b);
}
#define WANT_TYPES \
	"- v7 0 0 512 0;d v7dir/ 0 512 1024 0;- contiguous 1 1024 1536 1;" \
	"l symlink 0 2048 2560 0 >target;c char 0 2560 3072 0 v1:3;b block 0 3072 3584 0;" \
	"d dir 0 3584 4096 0;p fifo 0 4096 4608 0;d dump 0 4608 5120 0;- names 14 5632 6144 14;" \
	"- unknown 1 7680 9216 1;-  0 9728 10240 0;"

static void make_prefixes(struct buf *b)
{
	char p[156];

	memset(p, 'p', sizeof(p));
	header(b, USTAR_MAGIC, '0', "plain", 0);
	patch(b, 345, p, 155);
	header(b, USTAR_MAGIC, '0', "node", 0);
	patch(b, 345, p, 130);
	patch_text(b, 476, "14700000001 14700000002 ");
	header(b, USTAR_MAGIC, '0', "star", 0);
	patch(b, 345, p, 10);
	patch_text(b, 476, "14700000001 14700000002 ");
	patch(b, 508, "tar", 4);
	header(b, USTAR_MAGIC, '0', "slash", 0);
	patch_text(b, 345, "dir/");
	header(b, GNU_MAGIC, '0', "gnu", 0);
	patch_text(b, 345, "14700000001");
	header(b, V7_MAGIC, '0', "v7", 0);
	patch_text(b, 345, "rubbish");
	memset(p, 'n', 100);
	p[100] = '\0';
	header(b, USTAR_MAGIC, '0', p, 0); /* no NUL behind the name */
	end(b);
}
#define P10 "pppppppppp"
#define P130 P10 P10 P10 P10 P10 P10 P10 P10 P10 P10 P10 P10 P10
#define N10 "nnnnnnnnnn"
#define WANT_PREFIXES \
	"- " P130 P10 P10 "ppppp/plain 0 0 512 0;- " P130 "/node 0 512 1024 0;" \
	"- " P10 "/star 0 1024 1536 0;- dir/slash 0 1536 2048 0;- gnu 0 2048 2560 0;" \
	"- v7 0 2560 3072 0;- " N10 N10 N10 N10 N10 N10 N10 N10 N10 N10 " 0 3072 3584 0;"

static void make_numbers(struct buf *b)
{
	header(b, GNU_MAGIC, '0', "negative", 0);
	patch(b, 136, "\377\377\377\377\377\377\377\377\377\377\377\376", 12);
	patch(b, 108, "\377\377\377\377\377\377\377\376", 8);
	header(b, GNU_MAGIC, '0', "large", 0);
	patch(b, 108, "\200\0\0\0\0\57\257\10", 8);
	patch(b, 136, "\200\0\0\0\0\0\0\2\0\0\0\1", 12);
	body(b, GNU_MAGIC, '0', "spaces", "abc");
	b->len -= TAR_BLOCK;
	patch(b, 124, "         3 \0", 12);
	patch(b, 108, "   12 \0", 8);
	patch(b, 136, "-0000000012", 12);
	b->len += TAR_BLOCK;
	header(b, GNU_MAGIC, '0', "blank", 0);
	patch(b, 124, "            ", 12);
	patch(b, 108, "        ", 8);
	header(b, GNU_MAGIC, '0', "full", 0);
	patch(b, 136, "777777777777", 12);
	header(b, GNU_MAGIC, '0', "\303\244\303\266", 0);
	put_sum(b->p + b->len - TAR_BLOCK, true);
	end(b);
}
#define WANT_NUMBERS \
	"- negative 0 0 512 0 u4294967294:0 t-2+0;- large 0 512 1024 0 u3125000:0 t8589934593+0;" \
	"- spaces 3 1024 1536 3 u10:0 t-10+0;- blank 0 2048 2560 0;" \
	"- full 0 2560 3072 0 t68719476735+0;- \303\244\303\266 0 3072 3584 0;"

static void make_links(struct buf *b)
{
	header(b, V7_MAGIC, '1', "v7", 1000);
	patch_text(b, 157, "t");
	header(b, GNU_MAGIC, '1', "gnu", 1000);
	header(b, USTAR_MAGIC, '1', "bare", 1000);
	body(b, USTAR_MAGIC, '1', "full", "with data");
	header(b, V7_MAGIC, '\0', "v7dir/", 1);
	file(b, "file");
	header(b, USTAR_MAGIC, '1', "last", 1000);
	end(b);
	pax(b, 'x', "linkpath", "t2", NULL); /* zeros are data where pax headers are */
	header(b, USTAR_MAGIC, '1', "zeros", 1000);
	fill(b, '\0', 1024);
	header(b, USTAR_MAGIC, '1', "cut", 0);
	patch_text(b, 124, "00000001000");
}
#define WANT_LINKS \
	"h v7 0 0 512 0 >t;h gnu 0 512 1024 0 >;h bare 0 1024 1536 0 >;h full 9 1536 2048 9 >;" \
	"d v7dir/ 0 2560 3072 0;- file 4 3072 3584 4;h last 0 4096 4608 0 >;" \
	"h zeros 1000 5632 7168 1000 >t2;h cut 0 8192 8704 0 >;"

static void make_long(struct buf *b)
{
	body(b, GNU_MAGIC, 'L', "././@LongLink", "first");
	body(b, GNU_MAGIC, 'L', "././@LongLink", "path");
	body(b, GNU_MAGIC, 'K', "././@LongLink", "target");
	header(b, GNU_MAGIC, '2', "short", 0);
	body(b, GNU_MAGIC, 'L', "././@LongLink", "gnu path");
	pax(b, 'x', "path", "pax path", NULL);
	file(b, "short");
	header(b, GNU_MAGIC, 'L', "too long", 70000);
	fill(b, 'n', 70000);
	pad(b);
	file(b, "short");
	header(b, GNU_MAGIC, 'L', "empty", 0);
	end(b);
}
#define WANT_LONG \
	"l path 0 0 3584 0 >target;- pax path 4 3584 6144 4;- short 4 77312 77824 4;"

/* pax headers. */

static void make_pax(struct buf *b)
{
	pax(b, 'g', "mtime", "7.5", "uid", "5", "path", "everywhere", NULL);
	file(b, "a");
	pax(b, 'x', "mtime", "-1.25", "path", "", "gid", "6", "SCHILY.xattr.user.x", "path=b",
	    "uid", "4000000", "hdrcharset", "BINARY", NULL);
	file(b, "b");
	pax(b, 'X', "path", "c", "mtime", "", "uid", "-2", NULL);
	file(b, "short");
	pax(b, 'x', "size", "3", "path", "dir/", NULL); /* the header's own size is 4: wrong */
	header(b, USTAR_MAGIC, '0', "short", 4000);
	put(b, "abc", 3);
	pad(b);
	file(b, "d");
	end(b);
	file(b, "e"); /* another archive: the global records are gone */
	end(b);
}
#define WANT_PAX \
	"- everywhere 4 1024 1536 4 u5:0 t7+500000000;" \
	"- b 4 2048 3584 4 u4000000:6 t-2+750000000;- c 4 4096 5632 4 u4294967294:0;" \
	"d dir/ 0 6144 7680 0 u5:0 t7+500000000;- everywhere 4 8192 8704 4 u5:0 t7+500000000;" \
	"- e 4 10240 10752 4;"

static void make_pax_large(struct buf *b)
{
	const size_t n = 2 << 20;
	struct buf body_text = BUF_INIT(3u << 20);

	assert_int_equal(buf_addf(&body_text, "%zu SCHILY.acl.access.big=", n + 31), 0);
	assert_int_equal(body_text.len, 30);
	fill(&body_text, 'v', n);
	put(&body_text, "\n", 1);
	record(&body_text, "path", "behind it");
	body(b, USTAR_MAGIC, 'x', "pax", body_text.p);
	file(b, "short");
	body_text.len = 0;
	assert_int_equal(buf_addf(&body_text, "%zu path=", n + 14), 0);
	fill(&body_text, 'v', n);
	put(&body_text, "\n", 1);
	body(b, USTAR_MAGIC, 'x', "pax", body_text.p);
	file(b, "short");
	buf_free(&body_text);
}
#define WANT_PAX_LARGE "- behind it 4 0 2098688 4;- short 4 2099200 4197888 4;"

static void make_pax_bad(struct buf *b)
{
	pax(b, 'x', "path", "lost", "size", "-1", NULL);
	file(b, "no size"); /* its data is skipped as garbage */
	file(b, "a");
	pax(b, 'x', "path", "lost", "size", "9223372036854775807", NULL);
	file(b, "beyond");
	file(b, "b");
	pax(b, 'x', "path", "lost", NULL); /* no member */
	end(b);
	file(b, "c");
	pax(b, 'x', "path", "cut", NULL);
}
#define WANT_PAX_BAD "- a 4 2048 2560 4;- b 4 5120 5632 4;- c 4 8192 8704 4;"

/* Damage. */

static void make_garbage(struct buf *b)
{
	file(b, "a");
	fill(b, 'g', 1024);
	fill(b, '\0', 1536);
	fill(b, 'g', 512);
	file(b, "b");
	fill(b, '\0', 512);
	header(b, USTAR_MAGIC, '0', "negative", 0);
	patch(b, 124, "\377\377\377\377\377\377\377\377\377\377\377\376", 12);
	file(b, "c");
	header(b, USTAR_MAGIC, '0', "beyond", 0);
	patch(b, 124, "\200\0\0\0\177\377\377\377\377\377\377\377", 12);
	file(b, "d");
	header(b, USTAR_MAGIC, 'x', "octal", 0);
	patch_text(b, 124, "00000000009");
	file(b, "e");
	body(b, GNU_MAGIC, 'M', "rest", "data");
	file(b, "f");
	end(b);
	fill(b, 't', 700);
}
#define WANT_GARBAGE \
	"- a 4 0 512 4;- b 4 4096 4608 4;- c 4 6144 6656 4;- d 4 7680 8192 4;" \
	"- e 4 9216 9728 4;- f 4 11264 11776 4;"

/* Sparse files. */

static void put_extent(struct buf *b, size_t at, const char *off, const char *len)
{
	patch(b, at, off, strlen(off));
	patch(b, at + 12, len, strlen(len));
}

/* An extension block: n extents of 8 bytes from first on, 64 bytes apart. */
static void extension(struct buf *b, unsigned first, unsigned n, bool more)
{
	char block[TAR_BLOCK] = { 0 };

	for (unsigned i = 0; i < n; i++) {
		put_octal(block + 24 * i, 11, first + 64 * i);
		put_octal(block + 24 * i + 12, 11, 8);
	}
	block[504] = more;
	put(b, block, sizeof(block));
}

static void make_sparse_old(struct buf *b)
{
	header(b, GNU_MAGIC, 'S', "gnu", 3 + 8 * 22);
	put_extent(b, 386, "00000000000", "00000000003");
	put_extent(b, 410, "00000000100", "00000000000");
	patch_text(b, 482, "\1");
	patch_text(b, 483, "00000100000");
	extension(b, 1024, 21, true);
	extension(b, 4096, 1, false);
	fill(b, 'd', 3 + 8 * 22);
	pad(b);
	header(b, USTAR_MAGIC, 'S', "star", 4);
	patch(b, 508, "tar", 4);
	patch_text(b, 452, "00000001000");
	put_extent(b, 356, "00000000400", "00000000004");
	fill(b, 'd', 4);
	pad(b);
	header(b, GNU_MAGIC, 'S', "hole", 0);
	patch_text(b, 483, "00000001000");
	header(b, GNU_MAGIC, 'S', "overlap", 8);
	put_extent(b, 386, "00000000010", "00000000004");
	put_extent(b, 410, "00000000013", "00000000004");
	patch_text(b, 483, "00000001000");
	fill(b, 'd', 8);
	pad(b);
	header(b, GNU_MAGIC, 'S', "more than stored", 4);
	put_extent(b, 386, "00000000010", "00000000010");
	patch_text(b, 483, "00000001000");
	fill(b, 'd', 4);
	pad(b);
	header(b, GNU_MAGIC, 'S', "past its size", 4);
	put_extent(b, 386, "00000000777", "00000000004");
	patch_text(b, 483, "00000001000");
	fill(b, 'd', 4);
	pad(b);
	file(b, "z");
	end(b);
}
#define WANT_SPARSE_OLD \
	"- gnu 32768 0 1536 179 m0+3,1024+8,1088+8,1152+8,1216+8,1280+8,1344+8,1408+8,1472+8," \
	"1536+8,1600+8,1664+8,1728+8,1792+8,1856+8,1920+8,1984+8,2048+8,2112+8,2176+8,2240+8," \
	"2304+8,4096+8,;- star 512 2048 2560 4 m256+4,;- hole 512 3072 3584 0 m;" \
	"- z 4 6656 7168 4;"

static void make_sparse_pax(struct buf *b)
{
	pax(b, 'x', "GNU.sparse.size", "100", "GNU.sparse.numblocks", "2",
	    "GNU.sparse.offset", "10", "GNU.sparse.numbytes", "1",
	    "GNU.sparse.offset", "20", "GNU.sparse.numbytes", "3", NULL);
	file(b, "0.0");
	pax(b, 'x', "GNU.sparse.size", "100", "GNU.sparse.numblocks", "2", "GNU.sparse.name", "0.1",
	    "GNU.sparse.map", "0,1,50,3", "path", "GNUSparseFile.1/0.1", NULL);
	file(b, "short");
	pax(b, 'x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0", "GNU.sparse.name", "1.0",
	    "GNU.sparse.realsize", "100", NULL);
	header(b, USTAR_MAGIC, '0', "short", 512 + 4);
	put(b, "# a comment\n2\n1\n2\n90\n2\n", 23);
	pad(b);
	put(b, "data", 4);
	pad(b);
	pax(b, 'x', "GNU.sparse.size", "100", "GNU.sparse.map", "5,1,3,1", NULL);
	file(b, "not ascending");
	pax(b, 'x', "GNU.sparse.size", "100", "GNU.sparse.map", "5,x", NULL);
	file(b, "no number");
	pax(b, 'x', "GNU.sparse.realsize", "4", NULL);
	file(b, "no map");
	end(b);
}
#define WANT_SPARSE_PAX \
	"- 0.0 100 0 1536 4 m10+1,20+3,;- 0.1 100 2048 3584 4 m0+1,50+3,;" \
	"- 1.0 100 4096 6144 4 m1+2,90+2,;- no map 4 10752 12288 4;"

static void sparse_1(struct buf *b, const char *map)
{
	pax(b, 'x', "GNU.sparse.major", "1", "GNU.sparse.minor", "0",
	    "GNU.sparse.realsize", "100", NULL);
	body(b, USTAR_MAGIC, '0', "sparse", map);
}

static void make_sparse_bad(struct buf *b)
{
	sparse_1(b, "");
	sparse_1(b, "1\n1\n");                          /* no end */
	sparse_1(b, "x");
	sparse_1(b, "\n");
	sparse_1(b, "1000001\n");                       /* too many */
	sparse_1(b, "18446744073709551617\n");
	sparse_1(b, "1\n9223372036854775807\n1\n");     /* ends beyond 2^63 */
	sparse_1(b, "1\n99\n2\n");                      /* ends behind the file */
	sparse_1(b, "1\n0\n5\n");                       /* more than is stored */
	file(b, "z");
	end(b);
}
#define WANT_SPARSE_BAD "- z 4 17920 18432 4;"

static const struct {
	const char *name;
	void (*make)(struct buf *b);
	const char *want;
	int r;
	unsigned damage;
} cases[] = {
	{ "types", make_types, WANT_TYPES, 0, 0 },
	{ "prefixes", make_prefixes, WANT_PREFIXES, 0, 0 },
	{ "numbers", make_numbers, WANT_NUMBERS, 0, 0 },
	{ "links", make_links, WANT_LINKS, 0, 0 },
	{ "long names", make_long, WANT_LONG, 0, 2 },
	{ "pax", make_pax, WANT_PAX, 0, 0 },
	{ "pax, large", make_pax_large, WANT_PAX_LARGE, 0, 1 },
	{ "pax, bad", make_pax_bad, WANT_PAX_BAD, -ENODATA, 5 },
	{ "garbage", make_garbage, WANT_GARBAGE, 0, 5 },
	{ "sparse, old", make_sparse_old, WANT_SPARSE_OLD, 0, 3 },
	{ "sparse, pax", make_sparse_pax, WANT_SPARSE_PAX, 0, 4 },
	{ "sparse, bad", make_sparse_bad, WANT_SPARSE_BAD, 0, 9 },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf_free) struct buf b = BUF_INIT(8u << 20);

		cases[i].make(&b);
		check(cases[i].name, &b, cases[i].want, cases[i].r, cases[i].damage);
	}
}

/* Streams that are no archive, or less than one: the first n bytes of what the letters say. */
static void test_ends(void **state)
{
	static const struct {
		const char *what; /* f: a file of 4 bytes; 0: a zero block; g: garbage; l: a link */
		size_t n;
		const char *want;
		int r;
		unsigned damage;
	} ends[] = {
		{ "", 0, "", 0, 0 },
		{ "00", 1024, "", 0, 0 },
		{ "00", 700, "", 0, 0 },
		{ "g", 512, "", -EBADMSG, 0 },
		{ "g", 511, "", -EBADMSG, 0 },
		{ "0g", 1024, "", -EBADMSG, 0 },
		{ "f", 300, "", -EBADMSG, 0 },
		{ "f", 512, "- f 4 0 512 4;", -ENODATA, 0 },
		{ "f", 515, "- f 4 0 512 4;", -ENODATA, 0 },
		{ "f", 516, "- f 4 0 512 4;", 0, 0 },
		{ "f", 1024, "- f 4 0 512 4;", 0, 0 },
		{ "ff", 1100, "- f 4 0 512 4;", -ENODATA, 0 },
		{ "f0", 1100, "- f 4 0 512 4;", 0, 0 },
		{ "f0f", 2560, "- f 4 0 512 4;- f 4 1536 2048 4;", 0, 0 },
		{ "f00g", 2500, "- f 4 0 512 4;", 0, 0 },
		{ "fg", 1536, "- f 4 0 512 4;", 0, 1 },
		{ "l", 512, "h l 0 0 512 0 >;", 0, 0 },
		{ "lg", 600, "h l 0 0 512 0 >;", -ENODATA, 0 },
		{ "lgg", 1536, "h l 600 0 512 600 >;", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);

		for (const char *c = ends[i].what; *c; c++)
			if (*c == 'f')
				file(&b, "f");
			else if (*c == 'l')
				header(&b, USTAR_MAGIC, '1', "l", 600);
			else
				fill(&b, *c == '0' ? '\0' : 'g', TAR_BLOCK);
		assert_true(b.len >= ends[i].n);
		b.len = ends[i].n;
		check(ends[i].what, &b, ends[i].want, ends[i].r, ends[i].damage);
	}
}

static void test_states(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20);
	AUTO(auto_free) unsigned char *saved = NULL;
	struct tarwalk run = { TARWALK_ALL, 0, line, BUF_INIT(MAX_OUT), 0 };
	struct tar *t = NULL, *t2 = NULL;
	uint64_t off;
	size_t n;

	(void)state;
	make_pax(&b);
	assert_int_equal(tar_new(&tarwalk_ops, &run, NULL, 0, &t), 0);
	for (size_t i = 0; i < b.len; i++) { /* at every byte: where to go on, and no further */
		void *s;

		assert_int_equal(tar_state(t, &off, &s, &n), 0);
		assert_int_equal(off % TAR_BLOCK, 0);
		assert_true(off <= i || off == tar_wants(t));
		free(saved);
		saved = s;
		assert_int_equal(tar_feed(t, b.p + i, 1), 0);
	}
	assert_int_equal(tar_new(&tarwalk_ops, &run, saved, n, &t2), 0);
	assert_int_equal(tar_wants(t2), off);
	tar_free(t2);
	for (size_t i = 0; i < n; i++) /* cut off */
		if (i != 24 && tar_new(&tarwalk_ops, &run, saved, i, &t2) == 0)
			tar_free(t2);
	saved[8] = 1; /* an offset that is none */
	assert_int_equal(tar_new(&tarwalk_ops, &run, saved, n, &t2), -EBADMSG);
	saved[0] ^= 1;
	assert_int_equal(tar_new(&tarwalk_ops, &run, saved, n, &t2), -EBADMSG);
	tar_free(t);
	buf_free(&run.out);
}

static uint32_t rnd(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Whatever is in a stream: no crash, offsets inside it, and resuming finds the same members. */
static void test_damage(void **state)
{
	AUTO(buf_free) struct buf b = BUF_INIT(1 << 20), broken = BUF_INIT(1 << 20);
	struct tarwalk all = { TARWALK_ALL, 0, line, BUF_INIT(MAX_OUT), 0 };
	struct tarwalk resumed = { TARWALK_RESUMED, 0, line, BUF_INIT(MAX_OUT), 0 };
	uint32_t seed = 1;

	(void)state;
	make_types(&b);
	make_pax(&b);
	make_sparse_old(&b);
	make_sparse_pax(&b);
	make_links(&b);
	for (int round = 0; round < 20000; round++) {
		size_t from = rnd(&seed) % (b.len / TAR_BLOCK) * TAR_BLOCK;
		size_t len = MIN(b.len - from, (size_t)8192);
		int r1, r2;

		broken.len = 0;
		put(&broken, b.p + from, len);
		for (unsigned i = rnd(&seed) % 6; i > 0; i--)
			broken.p[rnd(&seed) % len] = (char)rnd(&seed);
		for (unsigned i = rnd(&seed) % 4; i > 0; i--) /* and let it pass for a header */
			put_sum(broken.p + rnd(&seed) % (len / TAR_BLOCK) * TAR_BLOCK, false);
		all.chunk = 512 + rnd(&seed) % 3;
		resumed.chunk = 1 + rnd(&seed) % 8192;
		r1 = tarwalk_run(&all, &broken);
		r2 = tarwalk_run(&resumed, &broken);
		assert_int_equal(r1, r2);
		assert_int_equal(all.damage, resumed.damage);
		assert_int_equal(all.out.len, resumed.out.len);
		if (all.out.len > 0)
			assert_memory_equal(all.out.p, resumed.out.p, all.out.len);
	}
	buf_free(&all.out);
	buf_free(&resumed.out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),   cmocka_unit_test(test_ends),
		cmocka_unit_test(test_states),  cmocka_unit_test(test_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
