/* SPDX-License-Identifier: MPL-2.0 */
/* main.c - the only place that knows exit statuses: 0 done, 1 failed, 2 called wrongly,
 * 130 interrupted. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "cli/command.h"

/* Output that did not arrive (a full disk, a closed pipe) is a failure like any other. */
static int flush_output(void)
{
	int bad = ferror(stdout);

	errno = 0;
	if (fclose(stdout) == 0 && !bad)
		return 0;
	if (errno == EPIPE)
		return -EPIPE; /* `mdcfs status | head`: nobody is left to tell */
	return log_error(errno ? -errno : -EIO, "cannot write the output");
}

int main(int argc, char **argv)
{
	int r, flushed;

	signal(SIGPIPE, SIG_IGN);
	r = command_run(argc, argv);
	flushed = flush_output();
	if (r == 0)
		r = flushed;
	exit(r == 0 ? EXIT_SUCCESS : r > 0 ? r : EXIT_FAILURE);
}
