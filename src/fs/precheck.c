/* SPDX-License-Identifier: MPL-2.0 */
/* precheck.c - see precheck.h. */
#include "fs/precheck.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/request.h"

/* /dev/fuse says more than libfuse does when it cannot be opened. */
int precheck_device(char why[static 512])
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC), r = -errno;

	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (r == -ENOENT || r == -ENODEV || r == -ENXIO)
		snprintf(why, 512,
			 "/dev/fuse is missing: load the fuse module (modprobe fuse); "
			 "in a container give it --device /dev/fuse");
	else if (r == -EACCES || r == -EPERM)
		snprintf(why, 512,
			 "/dev/fuse may not be opened by this user: "
			 "ask root for chmod 666 /dev/fuse (in a container also --cap-add "
			 "SYS_ADMIN)");
	else
		snprintf(why, 512, "/dev/fuse: %s", strerror(-r));
	return r;
}

bool precheck_allow_other(void)
{
	char line[256];
	AUTO(auto_fclose) FILE *f = NULL;

	if (geteuid() == 0)
		return true;
	f = fopen("/etc/fuse.conf", "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line + strspn(line, " \t"), "user_allow_other", 16) == 0)
			return true;
	return false;
}

const char *precheck_libfuse(void)
{
	return fuse_pkgversion();
}
