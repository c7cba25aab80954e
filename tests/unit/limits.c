/* SPDX-License-Identifier: MPL-2.0 */
/* limits.c - tests of what one origin is asked: src/net/latency.c, speed.c, limiter.c and
 * breaker.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/breaker.h"
#include "net/latency.h"
#include "net/limiter.h"
#include "net/speed.h"

/* ---- latency ---- */

static void test_unknown(void **state)
{
	struct latency l = { 0 };

	(void)state;
	for (unsigned i = 0; i + 1 < LATENCY_ENOUGH; i++)
		latency_note(&l, 20);
	assert_int_equal(latency_percentile(&l, 99), -1);
	assert_int_equal(latency_hedge_ms(&l), -1);
	assert_int_equal(latency_stall_ms(&l, 30000), 30000);
	latency_note(&l, 20);
	assert_true(latency_percentile(&l, 99) >= 20);
}

/* Every value is within a quarter of what its bucket says, whatever its size. */
static void test_buckets(void **state)
{
	(void)state;
	for (int64_t ms = 0; ms < 400000; ms += 1 + ms / 50) {
		struct latency l = { 0 };
		int64_t got;

		for (unsigned i = 0; i < LATENCY_ENOUGH; i++)
			latency_note(&l, ms);
		got = latency_percentile(&l, 1);
		if (got < ms || got > ms + ms / 4 || got != latency_percentile(&l, 100))
			fail_msg("%lld ms: %lld", (long long)ms, (long long)got);
	}
}

static void test_tail(void **state)
{
	struct latency l = { 0 };

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		latency_note(&l, i % 100 ? 500 : 900);
	assert_in_range(latency_percentile(&l, 50), 500, 625);
	assert_in_range(latency_percentile(&l, 99), 500, 625);
	assert_in_range(latency_percentile(&l, 100), 900, 1125);
	assert_in_range(latency_hedge_ms(&l), 500, 625);
	assert_in_range(latency_stall_ms(&l, 60000), 16 * 500, 16 * 625);
	assert_int_equal(latency_stall_ms(&l, 5000), 5000);

	/* One in ten takes ten seconds: that is no measure of what is usual. */
	for (unsigned i = 0; i < 1000; i++)
		latency_note(&l, i % 10 ? 100 : 10000);
	assert_in_range(latency_hedge_ms(&l), 8 * 100, 8 * 125);
	latency_note(&l, INT64_MAX);
	latency_note(&l, -1);
}

/* It forgets: what was slow once is fast now. */
static void test_forget(void **state)
{
	struct latency l = { 0 };

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		latency_note(&l, 5000);
	for (unsigned i = 0; i < 10000; i++)
		latency_note(&l, 10);
	assert_in_range(latency_percentile(&l, 99), 10, 12);
	assert_int_equal(latency_hedge_ms(&l), 250); /* the floor */
	assert_int_equal(latency_stall_ms(&l, 30000), 3000);
	assert_true(l.n <= 1024);
}

/* ---- speed ---- */

#define MIB (UINT64_C(1) << 20)

/* n bodies of 6 MiB at 30 MiB/s: 200 ms each. */
static int64_t usual_bodies(struct speed *s, unsigned n, int64_t now)
{
	for (unsigned i = 0; i < n; i++, now += 200)
		speed_note(s, 6 * MIB, now, now + 200);
	return now;
}

static void test_speed(void **state)
{
	struct speed s = { 0 };

	(void)state;
	usual_bodies(&s, LATENCY_ENOUGH - 1, 0);
	assert_true(speed_slow_ms(&s, 1000, MIB, MIB) == INT64_MAX);
	speed_note(&s, 1000, 0, 100000); /* too small to say anything */
	assert_true(speed_slow_ms(&s, 1000, MIB, MIB) == INT64_MAX);
	usual_bodies(&s, 1, 0);
	/* A MiB usually takes 33 ms; the bucket may be a quarter above. */
	assert_in_range(speed_slow_ms(&s, 1000, MIB, 5 * MIB), 1000 + 250, 1000 + 267);
	assert_in_range(speed_slow_ms(&s, 1000, 6 * MIB, 6 * MIB), 1000 + 1280, 1000 + 1601);
	assert_int_equal(speed_slow_ms(&s, 1000, 1000, 5 * MIB), 1250); /* the floor */
	/* The last tenth of it is here sooner than it is told slow. */
	assert_in_range(speed_slow_ms(&s, 0, 9 * MIB / 10, MIB / 10), 2200, 2300);
	/* Numbers of the other side. */
	assert_true(speed_slow_ms(&s, 0, UINT64_MAX, 0) > 0);
	assert_true(speed_slow_ms(&s, 0, 0, UINT64_MAX) == SPEED_LOOK_MS);
	speed_note(&s, UINT64_MAX, INT64_MAX, 0);
	speed_note(&s, UINT64_MAX, 0, INT64_MAX);
}

/* One that is slow while others are not, and all that are. */
static void test_speed_alike(void **state)
{
	struct speed s = { 0 };
	int64_t now = usual_bodies(&s, 100, 1);

	(void)state;
	assert_true(speed_is_exception(&s, now, 1));
	assert_false(speed_is_exception(&s, now, 2));
	assert_true(speed_is_exception(&s, now - 400, 2)); /* a younger one was fast */
	for (unsigned i = 0; i < 3; i++) {
		assert_true(speed_is_exception(&s, now, 1));
		speed_note(&s, 6 * MIB, now, now + 10000);
		now += 10000;
	}
	assert_false(speed_is_exception(&s, now, 1)); /* that is how it is now */
	now = usual_bodies(&s, 1, now);
	assert_true(speed_is_exception(&s, now, 1));
	/* What was fast once is not for ever. */
	for (unsigned i = 0; i < 5000; i++)
		speed_note(&s, 6 * MIB, now, now + 10000);
	assert_true(speed_slow_ms(&s, 0, 6 * MIB, 6 * MIB) > 10000);
	assert_int_equal(s.n_slow, 0);
}

/* ---- limiter ---- */

static void test_limiter(void **state)
{
	struct limiter l;

	(void)state;
	limiter_init(&l, 40);
	assert_int_equal(limiter_window(&l), 8);
	for (unsigned i = 0; i < 100; i++)
		limiter_good(&l, 3); /* not used up: that more is possible is not known */
	assert_int_equal(limiter_window(&l), 8);
	for (unsigned i = 0; i < 10; i++)
		limiter_good(&l, limiter_window(&l));
	assert_int_equal(limiter_window(&l), 18);
	for (unsigned i = 0; i < 100; i++)
		limiter_good(&l, 40);
	assert_int_equal(limiter_window(&l), 40); /* the ceiling */

	limiter_brake(&l, 900, 1000);
	assert_int_equal(limiter_window(&l), 20);
	for (unsigned i = 0; i < 39; i++)
		limiter_brake(&l, 900 + i, 1001); /* those that were under way */
	assert_int_equal(limiter_window(&l), 20);
	for (unsigned i = 0; i < 22; i++)
		limiter_good(&l, 40); /* one more for a window's worth */
	assert_int_equal(limiter_window(&l), 21);
	for (unsigned i = 0; i < 100; i++)
		limiter_brake(&l, 2000 + i * 10, 2005 + i * 10);
	assert_int_equal(limiter_window(&l), 1);
	limiter_good(&l, 1);
	assert_int_equal(limiter_window(&l), 2);
	for (unsigned i = 0; i < 10000; i++)
		limiter_good(&l, 40);
	assert_int_equal(limiter_window(&l), 40);

	limiter_init(&l, 0);
	assert_int_equal(limiter_window(&l), 1);
	limiter_init(&l, 2);
	assert_int_equal(limiter_window(&l), 2);
	limiter_init(&l, UINT32_MAX);
	for (unsigned i = 0; i < 10000; i++)
		limiter_good(&l, UINT32_MAX);
	assert_int_equal(limiter_window(&l), 4096);
}

/* ---- breaker ---- */

static void end(struct breaker *b, bool probe, enum breaker_result r, int64_t now)
{
	breaker_end(b, probe, r, now, UINT32_MAX / 2);
}

static void fail_five(struct breaker *b, int64_t now)
{
	breaker_init(b);
	for (unsigned i = 0; i < 5; i++) {
		assert_true(breaker_admits(b, now));
		assert_false(breaker_begin(b));
		end(b, false, BREAKER_BAD, now);
	}
	assert_true(breaker_open(b));
}

static void test_breaker_opens(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	for (unsigned i = 0; i < 100; i++) { /* one good answer in five, and it stays closed */
		assert_true(breaker_admits(&b, 0));
		assert_false(breaker_begin(&b));
		end(&b, false, i % 5 ? BREAKER_BAD : BREAKER_GOOD, 0);
	}
	fail_five(&b, 1000);
	assert_false(breaker_admits(&b, 1000));
	assert_in_range(breaker_due(&b), 1125, 1250);
	end(&b, false, BREAKER_BAD, 1100); /* a late one puts nothing off */
	end(&b, false, BREAKER_UNKNOWN, 1100);
	assert_in_range(breaker_due(&b), 1125, 1250);
}

/* During an outage of ten minutes: how many probes are there, and when does it end? */
static void test_breaker_probes(void **state)
{
	struct breaker b;
	unsigned probes = 0;
	int64_t now = 0;

	(void)state;
	fail_five(&b, now);
	for (; now < 600000; now += 10) {
		if (!breaker_admits(&b, now))
			continue;
		assert_true(breaker_begin(&b));
		assert_false(breaker_admits(&b, now)); /* one at a time */
		assert_true(breaker_due(&b) == INT64_MAX);
		end(&b, true, BREAKER_BAD, now);
		probes++;
	}
	assert_in_range(probes, 300, 700); /* every one to two seconds */
	now = breaker_due(&b);
	assert_in_range(now, 600000, 602000);
	assert_true(breaker_begin(&b));
	end(&b, true, BREAKER_UNKNOWN, now); /* given up: the next one may try at once */
	assert_true(breaker_admits(&b, now));
	assert_true(breaker_begin(&b));
	end(&b, true, BREAKER_GOOD, now);
	assert_false(breaker_open(&b));
	assert_true(breaker_admits(&b, now));
	assert_false(breaker_begin(&b));
}

/* One that was under way all the time brings the news. */
static void test_breaker_late_success(void **state)
{
	struct breaker b;

	(void)state;
	fail_five(&b, 0);
	end(&b, false, BREAKER_GOOD, 5);
	assert_false(breaker_open(&b));
	assert_true(breaker_admits(&b, 5));
}

static void test_breaker_pause(void **state)
{
	struct breaker b;

	(void)state;
	breaker_init(&b);
	breaker_pause(&b, 7000, 1000);
	assert_false(breaker_admits(&b, 7999));
	assert_true(breaker_admits(&b, 8000));
	breaker_pause(&b, 10, 1000); /* the longer one holds */
	assert_int_equal(breaker_due(&b), 8000);
	breaker_pause(&b, INT64_MAX, 1000);
	assert_int_equal(breaker_due(&b), 301000);
	breaker_pause(&b, -5, 1000);
	assert_int_equal(breaker_due(&b), 301000);
	end(&b, false, BREAKER_GOOD, 2000); /* said before the others knew */
	assert_int_equal(breaker_due(&b), 301000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unknown),	       cmocka_unit_test(test_buckets),
		cmocka_unit_test(test_tail),	       cmocka_unit_test(test_forget),
		cmocka_unit_test(test_limiter),	       cmocka_unit_test(test_breaker_opens),
		cmocka_unit_test(test_breaker_probes), cmocka_unit_test(test_breaker_late_success),
		cmocka_unit_test(test_breaker_pause),  cmocka_unit_test(test_speed),
		cmocka_unit_test(test_speed_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
