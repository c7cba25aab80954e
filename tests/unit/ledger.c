/* SPDX-License-Identifier: MPL-2.0 */
/* ledger.c - unit tests of source/ledger.h: counts, limits, days, damage, many processes, kills. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "source/ledger.h"

#define DAY 1790035200 /* 2026-09-22, midnight */
#define NOON (DAY + 43200)
#define KEY "key-of-the-test"

struct fixture {
	char dir[256];
	struct servertime *time;
};

static int start(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	snprintf(f->dir, sizeof(f->dir), "%s/mdcfs-unit-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(servertime_new(&f->time), 0);
	servertime_learn(f->time, NOON, true);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)st;
	(void)type;
	(void)w;
	return remove(path);
}

static int stop(void **state)
{
	struct fixture *f = *state;

	servertime_free(f->time);
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static struct ledger *make(struct fixture *f, const char *kind, unsigned reserve)
{
	struct ledger_config c = {
		.dir = f->dir,
		.api = "https://user:pw@api.example/api",
		.kind = kind,
		.key = KEY,
		.time = f->time,
		.reserve = reserve,
	};
	struct ledger *l = NULL;

	assert_int_equal(ledger_new(&c, &l), 0);
	return l;
}

static struct ledger_day look(struct ledger *l)
{
	struct ledger_day d;

	ledger_look(l, &d);
	return d;
}

static int spend(struct ledger *l)
{
	struct ledger_day d;

	return ledger_spend(l, "cabcdef", &d);
}

static void test_count(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = make(f, "download", 0), *m = make(f, "download", 0);
	struct ledger *other = make(f, "sample-download", 0);

	assert_int_equal(look(l).posts, 0);
	assert_int_equal(look(l).left, LEDGER_LIMIT);
	assert_int_equal(look(l).resets, DAY + 86400);
	for (unsigned i = 1; i <= 40; i++) { /* nothing is forbidden that the service has not */
		assert_int_equal(spend(i % 2 ? l : m), 0);
		assert_int_equal(look(l).posts, i);
	}
	assert_int_equal(look(m).left, 0);
	ledger_undo(m);
	assert_int_equal(look(l).posts, 39);
	assert_int_equal(look(other).posts, 0);
	ledger_free(l);
	ledger_free(m);
	ledger_free(other);
}

static void test_days(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = make(f, "download", 0);

	assert_int_equal(spend(l), 0);
	servertime_learn(f->time, DAY + 86400 - 60, true);
	assert_int_equal(spend(l), 0);
	assert_int_equal(look(l).posts, 2);
	servertime_learn(f->time, DAY + 86400, true); /* midnight by the service's clock */
	assert_int_equal(look(l).posts, 0);
	ledger_undo(l); /* of yesterday's: never below nothing */
	assert_int_equal(look(l).posts, 0);
	assert_int_equal(spend(l), 0);
	assert_int_equal(look(l).posts, 1);
	ledger_free(l);
}

static void test_reserve(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = make(f, "download", 27), *all = make(f, "download", 0);
	struct ledger_day d;

	for (int i = 0; i < 3; i++)
		assert_int_equal(spend(l), 0);
	assert_int_equal(ledger_spend(l, "c", &d), -EDQUOT);
	assert_int_equal(d.left, 27);
	assert_int_equal(d.until, 0);
	assert_int_equal(look(l).posts, 3);
	ledger_told(all, 100, 40); /* colleagues have had theirs */
	assert_int_equal(look(l).limit, 100);
	assert_int_equal(look(l).left, 40);
	for (int i = 0; i < 13; i++)
		assert_int_equal(spend(l), 0);
	assert_int_equal(spend(l), -EDQUOT);
	assert_int_equal(spend(all), 0);
	assert_int_equal(look(l).left, 26);
	ledger_told(l, 0, 5); /* no limit at all says nothing */
	ledger_told(l, 5, -1);
	assert_int_equal(look(l).left, 26);
	ledger_free(l);
	ledger_free(all);
}

static void test_limit(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = make(f, "download", 0), *m = make(f, "download", 0);
	struct ledger_day d;

	ledger_reached(l, DAY + 86400 + 3600); /* an hour into tomorrow */
	assert_int_equal(ledger_spend(m, "c", &d), -EDQUOT);
	assert_int_equal(d.until, DAY + 86400 + 3600);
	assert_int_equal(d.left, 0);
	servertime_learn(f->time, DAY + 86400 + 60, true);
	assert_int_equal(spend(m), -EDQUOT);
	servertime_learn(f->time, DAY + 86400 + 3600, true);
	assert_int_equal(spend(m), 0);
	assert_int_equal(spend(l), 0);
	assert_int_equal(look(m).posts, 2);
	ledger_wait(l, DAY + 86400 + 3700);
	assert_int_equal(ledger_spend(m, "c", &d), -EAGAIN);
	assert_int_equal(d.wait, DAY + 86400 + 3700);
	servertime_learn(f->time, DAY + 86400 + 3700, true);
	assert_int_equal(spend(m), 0);
	ledger_reached(l, DAY + 30 * 86400); /* another clock's, or nonsense: nobody waits for it */
	assert_int_equal(spend(m), 0);
	ledger_free(l);
	ledger_free(m);
}

static char *only_file(struct fixture *f)
{
	struct json *j = NULL;
	char *path;

	(void)j;
	assert_true(asprintf(&path, "ls -d %s/2026-*.ledger", f->dir) > 0);
	FILE *p = popen(path, "r");
	char line[600] = "";

	assert_non_null(fgets(line, sizeof(line), p));
	pclose(p);
	free(path);
	line[strcspn(line, "\n")] = '\0';
	return strdup(line);
}

static void append(const char *path, const char *text, size_t n)
{
	AUTO(auto_close) int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	assert_int_equal(file_write(fd, text, n), 0);
}

/* Whatever is in the file: no crash, and nothing is counted too low. */
static void test_damage(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = make(f, "download", 0);
	AUTO(auto_free) char *path = NULL, *big = calloc(1, 1 << 21);
	struct stat st;

	assert_int_equal(spend(l), 0);
	path = only_file(f);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	append(path, "pos", 3); /* torn */
	assert_int_equal(look(l).posts, 2);
	assert_int_equal(spend(l), 0);
	assert_int_equal(look(l).posts, 3);
	append(path, "\n\n\0\xff\xfe\n", 6);
	assert_int_equal(look(l).posts, 4);
	append(path, "until 99999999999999999999\nuntil x\nlimit 5\nundo", 50 - 2);
	assert_true(look(l).posts >= 4);
	assert_true(look(l).until == 0);
	assert_int_equal(spend(l), 0);
	for (off_t n = st.st_size; n > 0; n--) { /* cut off anywhere */
		assert_int_equal(truncate(path, n), 0);
		if (n > (off_t)strlen("api https://api.example/api\n\n"))
			assert_int_equal(look(l).posts, 1);
		else
			assert_true(look(l).posts <= 1);
	}
	append(path, big, 1 << 21); /* no more is added, none is left for who reserves some */
	assert_int_equal(spend(l), 0);
	assert_int_equal(look(l).left, 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(look(l).posts, 1); /* the one that did not fit is known here */
	ledger_free(l);
}

/* A disk that takes nothing, or no directory: this process counts for itself. */
static void test_no_disk(void **state)
{
	struct fixture *f = *state;
	struct ledger_config c = {
		.api = "https://a", .kind = "download", .key = KEY, .time = f->time, .reserve = 28
	};
	struct ledger *l = NULL;
	char gone[300];

	for (int i = 0; i < 2; i++) {
		assert_int_equal(ledger_new(&c, &l), 0);
		assert_int_equal(spend(l), 0);
		assert_int_equal(spend(l), 0);
		assert_int_equal(spend(l), -EDQUOT);
		ledger_undo(l);
		assert_int_equal(spend(l), 0);
		ledger_reached(l, NOON + 100);
		assert_int_equal(look(l).until, NOON + 100);
		ledger_free(l);
		snprintf(gone, sizeof(gone), "%s/gone", f->dir);
		c.dir = gone;
	}
}

/* Whoever hangs with the lock holds nobody up, and nothing is lost. */
static void test_lock_held(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = make(f, "download", 0);
	AUTO(auto_free) char *path = NULL;
	AUTO(auto_close) int fd = -1;

	assert_int_equal(spend(l), 0);
	path = only_file(f);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(spend(l), 0);
	assert_int_equal(look(l).posts, 2);
	ledger_free(l);
}

/* Eight processes that each take what they get: no more than there are. */
static void test_many(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = make(f, "download", 10);
	unsigned got = 0;
	pid_t pid[8];
	int status;

	for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			int n = 0;

			while (spend(l) == 0)
				n++;
			_exit(n);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(pid); i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status));
		got += (unsigned)WEXITSTATUS(status);
	}
	assert_int_equal(got, LEDGER_LIMIT - 10);
	assert_int_equal(look(l).posts, got);
	ledger_free(l);
}

/* kill -9 at any moment: what a process says that it has asked for was counted before. */
static void test_kills(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = make(f, "download", 0);
	unsigned told = 0;

	for (int i = 0; i < 30; i++) {
		struct timespec ts = { 0, 200000 * (i + 1) };
		int fds[2], status;
		char byte;
		pid_t pid;

		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			while (spend(l) == 0 && write(fds[1], "+", 1) == 1)
				;
			_exit(1);
		}
		close(fds[1]);
		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		while (read(fds[0], &byte, 1) == 1)
			told++;
		close(fds[0]);
		assert_true(look(l).posts >= told);
		assert_true(look(l).posts <= told + (unsigned)i + 1);
	}
	ledger_free(l);
}

static void test_status(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = make(f, "download", 0), *m = make(f, "sample-download", 0);
	AUTO(auto_json_free) struct json *j = NULL;
	AUTO(auto_free) char *text = NULL;
	uint64_t posts, left;

	assert_int_equal(spend(l), 0);
	assert_int_equal(spend(l), 0);
	assert_int_equal(spend(m), 0);
	ledger_reached(m, NOON + 60);
	j = ledger_status(f->dir, NOON);
	assert_int_equal(json_len(j), 2);
	ledger_sum(j, &posts, &left);
	assert_int_equal(posts, 2);
	assert_int_equal(left, LEDGER_LIMIT - 2);
	text = json_print(j, false);
	assert_null(strstr(text, KEY));
	assert_null(strstr(text, "pw@"));
	assert_non_null(strstr(text, "\"api\":\"https://api.example/api\""));
	assert_non_null(strstr(text,
			       "\"kind\":\"sample-download\",\"day\":\"2026-09-22\",\"posts\":1,"
			       "\"limit\":null,\"left\":null,"
			       "\"resets\":\"2026-09-23T00:00:00Z\","
			       "\"until\":\"2026-09-22T12:01:00Z\""));
	json_free(steal(&j));
	j = ledger_status(f->dir, NOON + 86400); /* a new day */
	assert_int_equal(json_len(j), 0);
	ledger_free(l);
	ledger_free(m);
}

/* Long past days go, and drafts of processes that were killed. */
static void test_sweep(void **state)
{
	struct fixture *f = *state;
	struct ledger *l = make(f, "download", 0);
	static const char *const names[] = { "2026-09-01.download.x.ledger", "a.json.7.tmp",
					     "2026-09-21.download.x.ledger", "b.json.8.tmp" };
	char path[400];
	struct timespec old[2] = { { clock_now() - 7200, 0 }, { clock_now() - 7200, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		assert_int_equal(file_replace(path, "", 0, 0600), 0);
		if (i < 2)
			assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	}
	assert_int_equal(spend(l), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		assert_int_equal(access(path, F_OK), i < 2 ? -1 : 0);
	}
	ledger_free(l);
}

#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_count),	  WITH_DIR(test_days),	 WITH_DIR(test_reserve),
		WITH_DIR(test_limit),	  WITH_DIR(test_damage), WITH_DIR(test_no_disk),
		WITH_DIR(test_lock_held), WITH_DIR(test_many),	 WITH_DIR(test_kills),
		WITH_DIR(test_status),	  WITH_DIR(test_sweep),
	};

	log_set_level(LOG_LEVEL_NONE);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
