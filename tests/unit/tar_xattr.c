/* SPDX-License-Identifier: MPL-2.0 */
/* tar_xattr.c - unit tests of archive/xattrs.h, archive/tar_xattr.h and of attributes among the
 * records of archive/tar_pax.h. */
#include <errno.h>

#include "../lib/tarmake.h"
#include "archive/tar/tar_pax.h"

static void test_keys(void **state)
{
	static const struct {
		const char *key, *name;
		enum tar_xattr form;
	} keys[] = {
		{ "path", "", TAR_XATTR_NONE },
		{ "SCHILY.xattr.user.a", "user.a", TAR_XATTR_PLAIN },
		{ "SCHILY.xattr.user.", "", TAR_XATTR_NONE },
		{ "SCHILY.xattr.user", "", TAR_XATTR_NONE },
		{ "SCHILY.xattr.security.selinux", "", TAR_XATTR_NONE },
		{ "SCHILY.xattr.trusted.overlay.opaque", "", TAR_XATTR_NONE },
		{ "SCHILY.xattr.user.mdcfs.error", "", TAR_XATTR_NONE },
		{ "SCHILY.acl.access", "", TAR_XATTR_NONE },
		{ "SCHILY.xattr.user.50%25%3Dx", "user.50%=x", TAR_XATTR_PLAIN },
		{ "SCHILY.xattr.user.%41%2", "user.A%2", TAR_XATTR_PLAIN },
		{ "LIBARCHIVE.xattr.user.a", "user.a", TAR_XATTR_BASE64 },
		{ "LIBARCHIVE.xattr.%75ser.%C3%a4%", "user.\303\244%", TAR_XATTR_BASE64 },
		{ "LIBARCHIVE.xattr.user.mdcfs%2Eerror", "", TAR_XATTR_NONE },
		{ "LIBARCHIVE.xattr.user.a%00b", "", TAR_XATTR_BAD },
		{ "libarchive.xattr.user.a", "", TAR_XATTR_NONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char name[XATTRS_NAME_MAX + 1] = "";
		enum tar_xattr form = tar_xattr_key(keys[i].key, name);

		if (form != keys[i].form || (keys[i].name[0] && strcmp(name, keys[i].name) != 0))
			fail_msg("%s: %d, %s", keys[i].key, form, name);
	}
}

static void test_base64(void **state)
{
	static const struct {
		const char *text, *bytes;
		int r;
	} values[] = {
		{ "", "", 0 },
		{ "YQ==", "a", 0 },
		{ "YQ", "a", 0 },
		{ "YWI=", "ab", 0 },
		{ "YWI", "ab", 0 },
		{ "YWJj", "abc", 0 },
		{ "YWJjZA", "abcd", 0 },
		{ "/+8B", "\377\357\1", 0 },
		{ "Y", "", -EBADMSG },
		{ "YQ=", "", -EBADMSG },
		{ "=", "", -EBADMSG },
		{ "====", "", -EBADMSG },
		{ "YQ==YQ==", "", -EBADMSG },
		{ "YW\nJj", "", -EBADMSG },
		{ "YWJj-_A", "", -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		AUTO(buf_free) struct buf b = BUF_INIT(100);
		int r;

		assert_int_equal(buf_add(&b, values[i].text, strlen(values[i].text)), 0);
		r = tar_xattr_value(TAR_XATTR_BASE64, &b);
		if (r != values[i].r)
			fail_msg("%s: %d", values[i].text, r);
		if (r == 0 &&
		    (b.len != strlen(values[i].bytes) || memcmp(b.p, values[i].bytes, b.len) != 0))
			fail_msg("%s: other bytes", values[i].text);
	}
}

static void expect(const struct xattrs *x, size_t i, const char *name, const char *value, size_t n)
{
	assert_true(i < x->n);
	assert_string_equal(x->at[i].name, name);
	assert_int_equal(x->at[i].n, n);
	assert_memory_equal(x->at[i].value, value, n);
}

static void set_lost(struct xattrs *x, const char *name, const char *value, size_t n)
{
	size_t list = x->list, bytes = x->bytes;

	assert_false(x->lost);
	assert_int_equal(xattrs_set(x, name, value, n), 0);
	assert_true(x->lost);
	x->lost = false;
	assert_int_equal(x->list, list);
	assert_int_equal(x->bytes, bytes);
}

/* Ascending, the last one wins, bounds. */
static void test_set(void **state)
{
	static char big[XATTRS_VALUE_MAX + 1], name[XATTRS_NAME_MAX + 2];
	struct xattrs x = { 0 };

	(void)state;
	assert_int_equal(xattrs_set(&x, "user.b", "1", 1), 0);
	assert_int_equal(xattrs_set(&x, "user.c", NULL, 0), 0);
	assert_int_equal(xattrs_set(&x, "user.a", "2\0003", 3), 0);
	assert_int_equal(xattrs_set(&x, "user.b", "four", 4), 0);
	assert_int_equal(x.n, 3);
	expect(&x, 0, "user.a", "2\0003", 3);
	expect(&x, 1, "user.b", "four", 4);
	expect(&x, 2, "user.c", "", 0);
	assert_int_equal(x.list, 21);
	assert_int_equal(x.bytes, 7);

	memset(name, 'n', XATTRS_NAME_MAX + 1);
	assert_false(x.lost);
	set_lost(&x, name, "", 0);
	name[XATTRS_NAME_MAX] = '\0';
	assert_int_equal(xattrs_set(&x, name, "", 0), 0);
	set_lost(&x, "user.b", big, sizeof(big));
	expect(&x, 2, "user.b", "four", 4);
	for (unsigned i = 0; i < XATTRS_BYTES_MAX / XATTRS_VALUE_MAX; i++) {
		snprintf(name, sizeof(name), "user.big%02u", i);
		if (i < 15)
			assert_int_equal(xattrs_set(&x, name, big, sizeof(big) - 1), 0);
		else /* 7 bytes are there already */
			set_lost(&x, name, big, sizeof(big) - 1);
	}
	xattrs_free(&x);
	for (unsigned i = 0; i < XATTRS_LIST_MAX / 16; i++) {
		snprintf(name, sizeof(name), "user.%010u", i);
		assert_int_equal(xattrs_set(&x, name, "", 0), 0);
	}
	set_lost(&x, "user.a", "", 0);
	assert_int_equal(xattrs_set(&x, name, "again", 5), 0);
	xattrs_free(&x);
}

/* A body in pieces of each size; the reader is used again and must not remember anything. */
static void test_records(void **state)
{
	static char key[TAR_XATTR_KEY_MAX + 100] = "SCHILY.xattr.user.";
	AUTO(buf_free) struct buf body = BUF_INIT(1 << 20), bad = BUF_INIT(1 << 20);
	struct tar_pax_reader r = { 0 };

	(void)state;
	record(&body, "SCHILY.xattr.user.plain", "a=b\n9 x=y\n");
	record(&body, "SCHILY.xattr.security.capability", "no");
	record(&body, "LIBARCHIVE.xattr.user.%ff", "AAH/");
	record(&body, "SCHILY.xattr.user.empty", "");
	record(&body, "path", "p");
	for (size_t piece = 1; piece <= body.len; piece++) {
		struct tar_pax p = { 0 };

		tar_pax_start(&r, false);
		for (size_t at = 0; at < body.len; at += piece)
			assert_int_equal(
				tar_pax_feed(&r, &p, body.p + at, MIN(piece, body.len - at)), 0);
		assert_int_equal(tar_pax_end(&r), 0);
		assert_string_equal(p.path, "p");
		assert_int_equal(p.xattrs.n, 3);
		assert_false(p.xattrs.lost);
		expect(&p.xattrs, 0, "user.empty", "", 0);
		expect(&p.xattrs, 1, "user.plain", "a=b\n9 x=y\n", 10);
		expect(&p.xattrs, 2, "user.\377", "\0\1\377", 3);
		tar_pax_free(&p);
		assert_int_equal(p.xattrs.n, 0);

		tar_pax_start(&r, true); /* global ones mean nothing */
		assert_int_equal(tar_pax_feed(&r, &p, body.p, body.len), 0);
		assert_int_equal(tar_pax_end(&r), 0);
		assert_int_equal(p.xattrs.n, 0);
		tar_pax_free(&p);
	}

	/* Beyond a bound, or no base64: it is lost, and the records behind it count. */
	memset(key + strlen(key), 'n', sizeof(key) - 1 - strlen(key));
	for (size_t i = 0; i < 4; i++) {
		static char big[XATTRS_VALUE_MAX + 2];
		struct tar_pax p = { 0 };

		bad.len = 0;
		memset(big, 'v', XATTRS_VALUE_MAX + 1);
		key[300] = i == 0 ? '\0' : 'n';
		record(&bad,
		       i < 2	? key
		       : i == 2 ? "SCHILY.xattr.user.a"
				: "LIBARCHIVE.xattr.user.a",
		       i == 2 ? big : "a?");
		record(&bad, "SCHILY.xattr.user.good", "1");
		tar_pax_start(&r, false);
		assert_int_equal(tar_pax_feed(&r, &p, bad.p, bad.len), 0);
		assert_int_equal(tar_pax_end(&r), 0);
		assert_true(p.xattrs.lost);
		assert_int_equal(p.xattrs.n, 1);
		expect(&p.xattrs, 0, "user.good", "1", 1);
		tar_pax_free(&p);
	}
	tar_pax_reader_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
