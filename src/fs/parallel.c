/* SPDX-License-Identifier: MPL-2.0 */
/* parallel.c - see parallel.h. */
#include "fs/parallel.h"

#include <linux/fuse.h>
#include <sys/uio.h>

#include "base/log.h"
#include "fs/fs.h"
#include "fs/request.h"

/* The first answer without an error is that to FUSE_INIT: the kernel waits for it. */
static void amend(struct fs *fs, struct iovec *iov, int count)
{
	const struct fuse_out_header *header = iov[0].iov_base;
	struct fuse_init_out *init;

	if (iov[0].iov_len != sizeof(*header) || header->error != 0)
		return;
	fs->introduced = true;
	if (count < 2 || iov[1].iov_len < sizeof(*init))
		return;
	init = iov[1].iov_base;
	init->flags |= FUSE_PARALLEL_DIROPS;
}

static ssize_t send_answer(int fd, struct iovec *iov, int count, void *userdata)
{
	struct fs *fs = userdata;

	if (!fs->introduced)
		amend(fs, iov, count);
	return writev(fd, iov, count);
}

static ssize_t receive(int fd, void *buf, size_t len, void *userdata)
{
	(void)userdata;
	return read(fd, buf, len);
}

void parallel_enable(struct fs *fs)
{
	static const struct fuse_custom_io io = { .writev = send_answer, .read = receive };

	if (fuse_session_custom_io(fs->session, &io, fuse_session_fd(fs->session)) < 0)
		(void)log_warn(0, "lookups in one directory go one after the other");
}
