/* SPDX-License-Identifier: MPL-2.0 */
/* version.c - mdcfs version. */
#include "base/version.h"

#include <errno.h>

#include "cli/command.h"

static const char help[] = "Usage: mdcfs version [--json]\n"
			   "\n"
			   "Show the version.\n"
			   "\n"
			   "  -j, --json   as a JSON object\n"
			   "  -h, --help   show this\n";

int command_version(int argc, char **argv)
{
	bool as_json = false;
	struct command_common c = { .help = help, .json = &as_json };

	if (command_option(argc, argv, &c, NULL, NULL) == 0)
		return c.result;
	if (optind < argc)
		return command_misused(argv[0], "nothing is expected behind the options");
	if (as_json)
		printf("{\"version\":\"%s\",\"codecs\":\"%s\"}\n", MDCFS_VERSION, MDCFS_CODECS);
	else
		printf("mdcfs %s\ntarballs by block or frame: %s\n", MDCFS_VERSION,
		       MDCFS_CODECS[0] ? MDCFS_CODECS : "none");
	return 0;
}
