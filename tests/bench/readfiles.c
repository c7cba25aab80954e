/* SPDX-License-Identifier: MPL-2.0 */
/* readfiles.c - a reader for bench.sh.  Paths come on stdin, one a line.
 *
 *	readfiles rate THREADS ROUNDS   open, read and close every file; prints files a second
 *	readfiles each                  likewise, one after the other; prints microseconds a line
 *	readfiles pread PATH COUNT      COUNT reads of 4 KiB at random places; prints microseconds a line
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64
#define BUFFER (1u << 20)

static char **paths;
static size_t n_paths;
static unsigned n_threads, n_rounds;

static void die(const char *what)
{
	fprintf(stderr, "readfiles: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_paths(void)
{
	size_t room = 0, cap = 0;
	char *line = NULL;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		if (line[n - 1] == '\n')
			line[n - 1] = '\0';
		if (n_paths == room) {
			room = room ? 2 * room : 1024;
			paths = realloc(paths, room * sizeof(*paths));
			if (!paths)
				die("memory");
		}
		paths[n_paths++] = strdup(line);
	}
	free(line);
	if (n_paths == 0)
		die("no paths");
}

static void read_one(const char *path, char *buf)
{
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		die(path);
	while ((n = read(fd, buf, BUFFER)) > 0)
		;
	if (n < 0)
		die(path);
	close(fd);
}

static void *reader(void *arg)
{
	char *buf = malloc(BUFFER);

	if (!buf)
		die("memory");
	for (unsigned round = 0; round < n_rounds; round++)
		for (size_t i = (size_t)(uintptr_t)arg; i < n_paths; i += n_threads)
			read_one(paths[i], buf);
	free(buf);
	return NULL;
}

static void rate(void)
{
	pthread_t thread[MAX_THREADS];
	double since;

	read_paths();
	since = now();
	for (unsigned i = 0; i < n_threads; i++)
		if (pthread_create(&thread[i], NULL, reader, (void *)(uintptr_t)i) != 0)
			die("thread");
	for (unsigned i = 0; i < n_threads; i++)
		pthread_join(thread[i], NULL);
	printf("%.0f\n", (double)n_paths * n_rounds / (now() - since));
}

static void each(void)
{
	char *buf = malloc(BUFFER);

	if (!buf)
		die("memory");
	read_paths();
	for (size_t i = 0; i < n_paths; i++) {
		double since = now();

		read_one(paths[i], buf);
		printf("%.0f\n", (now() - since) * 1e6);
	}
	free(buf);
}

static void random_preads(const char *path, unsigned long count)
{
	int fd = open(path, O_RDONLY);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	char buf[4096];

	if (size <= (off_t)sizeof(buf))
		die(path);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	srandom(1);
	for (unsigned long i = 0; i < count; i++) {
		uint64_t r = (uint64_t)random() << 31 | (uint64_t)random();
		off_t at = (off_t)(r % (uint64_t)(size / 4096)) * 4096;
		double since = now();

		if (pread(fd, buf, sizeof(buf), at) < 0)
			die(path);
		printf("%.0f\n", (now() - since) * 1e6);
	}
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "rate") == 0) {
		n_threads = (unsigned)strtoul(argv[2], NULL, 10);
		n_rounds = (unsigned)strtoul(argv[3], NULL, 10);
		if (n_threads < 1 || n_threads > MAX_THREADS)
			die("threads");
		rate();
	} else if (argc == 2 && strcmp(argv[1], "each") == 0) {
		each();
	} else if (argc == 4 && strcmp(argv[1], "pread") == 0) {
		random_preads(argv[2], strtoul(argv[3], NULL, 10));
	} else {
		fprintf(stderr, "usage: readfiles rate THREADS ROUNDS | each | pread PATH COUNT\n");
		return 2;
	}
	return 0;
}
