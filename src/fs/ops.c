/* SPDX-License-Identifier: MPL-2.0 */
/* ops.c - see ops.h. */
#include "fs/ops.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/stats.h"
#include "fs/inode.h"
#include "fs/node.h"
#include "fs/warm.h"

#define LONG_S 86400.0 /* a dataset version never changes */
#define SHORT_S 1.0    /* while the archive is being read a later member may replace this one */
#define READ_MAX (4u << 20)
#define READ_AHEAD (1u << 20)
/* Buffered reads are "background" to the kernel: beyond this many unanswered ones it sends no more,
 * so that readers who wait for the network would keep everybody from what is cached. */
#define BACKGROUND 4096u

static void fill_entry(struct fuse_entry_param *e, const struct node *n)
{
	*e = (struct fuse_entry_param){ .ino = n->st.st_ino, .generation = 1, .attr = n->st };
	e->attr_timeout = e->entry_timeout = n->constant ? LONG_S : SHORT_S;
	if (n->volatile_attr || (ino_archive(n->st.st_ino) == 0 && n->st.st_ino >= INO_STATUS))
		e->attr_timeout = e->entry_timeout = 0; /* each open sees the present */
}

/* ---- init ---- */

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fs *fs = userdata;

	fs->no_open = (conn->capable & FUSE_CAP_NO_OPEN_SUPPORT) && fs->n_branches == 0;
	conn->max_background = BACKGROUND;
	conn->congestion_threshold = BACKGROUND * 3 / 4;
	conn->max_readahead = READ_AHEAD;
	conn->want &=
		~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	/* Truncating at open shall be asked for on its own: there is no open to refuse it. */
	conn->want &= ~(unsigned)FUSE_CAP_ATOMIC_O_TRUNC;
	/* The kernel waits for an asynchronous direct read without listening to signals. */
	conn->want &= ~(unsigned)FUSE_CAP_ASYNC_DIO;
	if (fs->ready)
		fs->ready(fs->ready_arg);
}

/* ---- names and attributes ---- */

static int timed_lookup(struct request *q, struct node *n, bool *absent_for_good)
{
	int64_t since = clock_ns();
	int r = node_lookup(q->fs, q->ino, q->name, &q->waiter, n, absent_for_good);

	if (r == PARKED)
		return r;
	stats_inc(lookups);
	stats_add(lookup_ns, (uint64_t)(clock_ns() - since));
	return r;
}

static int run_lookup(struct request *q)
{
	struct fuse_entry_param e = { 0 };
	struct node n;
	bool for_good;
	int r = timed_lookup(q, &n, &for_good);

	if (r == PARKED)
		return r;
	request_settle(q);
	if (r == -ENOENT && for_good) { /* the kernel remembers that it is not there */
		e.entry_timeout = LONG_S;
		fuse_reply_entry(q->req, &e);
		return 0;
	}
	if (r < 0)
		return r;
	fill_entry(&e, &n);
	fuse_reply_entry(q->req, &e);
	return 0;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	fs_raise_read_ahead(fuse_req_userdata(req)); /* no file is opened without a lookup before */
	request_start(fuse_req_userdata(req), req, run_lookup, parent, name, 0, 0);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	(void)ino;
	(void)nlookup;
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	(void)count;
	(void)forgets;
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	struct node n;
	struct fs *fs = fuse_req_userdata(req);
	int r = fi ? node_stat_reader(fs, ino, &n) : node_stat(fs, ino, &n);

	if (r < 0) {
		fuse_reply_err(req, -r);
		return;
	}
	fill_entry(&e, &n);
	fuse_reply_attr(req, &n.st, e.attr_timeout);
}

static int run_readlink(struct request *q)
{
	AUTO(auto_free) char *target = NULL;
	int r = node_readlink(q->fs, q->ino, &q->waiter, &target);

	if (r < 0)
		return r;
	request_settle(q);
	fuse_reply_readlink(q->req, target);
	return 0;
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	request_start(fuse_req_userdata(req), req, run_readlink, ino, NULL, 0, 0);
}

static void reply_xattr(fuse_req_t req, const void *p, size_t n, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, n);
	else if (n > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, p, n);
}

/* The kernel asks for security labels and ACLs of whatever `ls -l` shows; ENOSYS ends that. */
static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	AUTO(auto_free) void *value = NULL;
	struct fs *fs = fuse_req_userdata(req);
	size_t n = 0;
	int r = node_xattr_never(fs) ? -ENOSYS : node_xattr(fs, ino, name, &value, &n);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_xattr(req, value, n, size);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	AUTO(buf_free) struct buf names = BUF_INIT(XATTRS_LIST_MAX);
	struct fs *fs = fuse_req_userdata(req);
	int r = node_xattr_never(fs) ? -ENOSYS : node_xattr_names(fs, ino, &names);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		reply_xattr(req, names.p, names.len, size);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fuse_req_userdata(req);
	struct statvfs st = {
		.f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255, .f_flag = ST_RDONLY
	};

	(void)ino;
	for (unsigned i = 0, n = volumes_count(fs->volumes); i < n; i++) {
		const struct volume *v = volumes_at(fs->volumes, i);

		st.f_blocks += (v->raw->size + st.f_frsize - 1) / st.f_frsize;
		st.f_files += v->archive ? 1 : 0;
	}
	fuse_reply_statfs(req, &st);
}

/* ---- files ---- */

static int run_open(struct request *q)
{
	struct fuse_file_info fi = { 0 };
	struct branch_open o = { 0 };
	bool write = q->size > 0;
	int r = node_open(q->fs, q->ino, write, &q->waiter, &o);

	if (r < 0)
		return r;
	request_settle(q);
	fi.fh = o.handle;
	fi.direct_io = o.direct;
	fi.keep_cache = o.keep;
	fi.noflush = !write;
	if (fuse_reply_open(q->req, &fi) == -ENOENT) /* whoever asked has gone: no release comes */
		node_release(q->fs, q->ino, o.handle);
	return 0;
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	bool write = (fi->flags & O_ACCMODE) != O_RDONLY;

	if (ino_is_branch(ino)) {
		request_start(fs, req, run_open, ino, NULL, write, 0); /* the size says it */
	} else if (write) {
		fuse_reply_err(req, EROFS);
	} else if (fs->no_open) {
		fuse_reply_err(req, ENOSYS); /* no opens from now on: four times the speed */
	} else {
		fi->keep_cache = 1;
		fuse_reply_open(req, fi);
	}
}

static int run_flush(struct request *q)
{
	int r = node_flush(q->fs, q->ino, q->handle, &q->waiter);

	if (r < 0)
		return r;
	request_settle(q);
	fuse_reply_err(q->req, 0);
	return 0;
}

static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);

	if (fs->n_branches == 0)
		fuse_reply_err(req, ENOSYS); /* nothing is ever written: the kernel asks no more */
	else
		request_start_open(fs, req, run_flush, ino, fi->fh, 0, 0);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	node_release(fuse_req_userdata(req), ino, fi->fh);
	fuse_reply_err(req, 0);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static int run_read(struct request *q)
{
	AUTO(auto_free) void *buf = malloc(MAX(q->size, 1));
	int64_t n;

	if (!buf)
		return -ENOMEM;
	n = node_read(q->fs, q->ino, q->handle, buf, q->size, q->off, &q->waiter);
	if (n < 0)
		return (int)n;
	request_settle(q);
	fuse_reply_buf(q->req, buf, (size_t)n);
	return 0;
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	request_start_open(fuse_req_userdata(req), req, run_read, ino, fi ? fi->fh : 0,
			   MIN(size, READ_MAX), (uint64_t)off);
}

static int run_warm(struct request *q)
{
	struct warm_order order = { .off = q->off, .len = q->size };
	int64_t n;

	q->waiter.reads_on = q->name[0] == '+';
	n = node_bring(q->fs, q->ino, q->size, q->off, &q->waiter);
	if (n < 0)
		return (int)n;
	order.done = MIN((uint64_t)n, order.len);
	order.refused = stats_get(cache_bypassed);
	request_settle(q);
	fuse_reply_ioctl(q->req, 0, &order, sizeof(order));
	return 0;
}

static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
		     struct fuse_file_info *fi, unsigned flags, const void *in, size_t n_in,
		     size_t n_out)
{
	struct warm_order order;

	(void)arg, (void)fi, (void)flags;
	if (cmd != (unsigned)WARM_IOCTL || n_in != sizeof(order) || n_out != sizeof(order)) {
		fuse_reply_err(req, ENOTTY);
		return;
	}
	memcpy(&order, in, sizeof(order));
	if (order.len == 0)
		fuse_reply_err(req, EINVAL);
	else
		request_start(fuse_req_userdata(req), req, run_warm, ino, order.more ? "+" : NULL,
			      (size_t)MIN(order.len, WARM_MAX), order.off);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	uint64_t at;
	int r = -EINVAL;

	(void)fi;
	if (off >= 0 && (whence == SEEK_DATA || whence == SEEK_HOLE))
		r = node_seek(fuse_req_userdata(req), ino, (uint64_t)off, whence == SEEK_HOLE, &at);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_lseek(req, (off_t)at);
}

/* ---- directories ---- */

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	bool constant = node_listing_constant(fuse_req_userdata(req), ino);

	fi->cache_readdir = constant;
	fi->keep_cache = constant;
	fuse_reply_open(req, fi);
}

struct dirbuf {
	struct request *q;
	char *p;
	size_t len;
	bool any;
};

static int add_entry(void *arg, uint64_t cookie, const char *name, const struct node *n)
{
	struct dirbuf *b = arg;
	size_t room = b->q->size - b->len, need;
	struct fuse_entry_param e;

	if (b->q->plus) {
		fill_entry(&e, n);
		need = fuse_add_direntry_plus(b->q->req, b->p + b->len, room, name, &e,
					      (off_t)cookie);
	} else {
		need = fuse_add_direntry(b->q->req, b->p + b->len, room, name, &n->st,
					 (off_t)cookie);
	}
	if (need > room)
		return 1;
	b->len += need;
	b->any = true;
	return 0;
}

static int run_readdir(struct request *q)
{
	AUTO(auto_free) char *p = malloc(MAX(q->size, 1));
	struct dirbuf b = { .q = q, .p = p };
	int then;
	int r = p ? node_list(q->fs, q->ino, q->off, q->plus, &q->waiter, add_entry, &b, &then)
		  : -ENOMEM;

	if (r < 0)
		return r;
	request_settle(q);
	if (!b.any && then < 0) /* what is known has been listed: say that there is more */
		fuse_reply_err(q->req, -then);
	else
		fuse_reply_buf(q->req, p, b.len);
	return 0;
}

static int run_readdirplus(struct request *q)
{
	q->plus = true;
	return run_readdir(q);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)fi;
	request_start(fuse_req_userdata(req), req, run_readdir, ino, NULL, MIN(size, READ_MAX),
		      (uint64_t)off);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
			   struct fuse_file_info *fi)
{
	(void)fi;
	request_start(fuse_req_userdata(req), req, run_readdirplus, ino, NULL, MIN(size, READ_MAX),
		      (uint64_t)off);
}

/* ---- what would write ---- */

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	struct fs *fs = fuse_req_userdata(req);
	bool empties = (to_set & FUSE_SET_ATTR_SIZE) && attr->st_size == 0;

	if (empties && node_truncate(fs, ino) == 0)
		op_getattr(req, ino, fi);
	else
		fuse_reply_err(req, EROFS);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)parent, (void)name, (void)mode, (void)rdev;
	fuse_reply_err(req, EROFS);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent, (void)name, (void)mode;
	fuse_reply_err(req, EROFS);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent, (void)name;
	fuse_reply_err(req, EROFS);
}

static void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link, (void)parent, (void)name;
	fuse_reply_err(req, EROFS);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
		      const char *newname, unsigned flags)
{
	(void)parent, (void)name, (void)newparent, (void)newname, (void)flags;
	fuse_reply_err(req, EROFS);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	(void)ino, (void)newparent, (void)newname;
	fuse_reply_err(req, EROFS);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	int r = node_write(fuse_req_userdata(req), ino, fi->fh, buf, size, (uint64_t)off,
			   fi->flags & O_APPEND);

	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_write(req, size);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
			size_t size, int flags)
{
	(void)ino, (void)name, (void)value, (void)size, (void)flags;
	fuse_reply_err(req, EROFS);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	(void)ino, (void)name;
	fuse_reply_err(req, EROFS);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	(void)parent, (void)name, (void)mode, (void)fi;
	fuse_reply_err(req, EROFS);
}

const struct fuse_lowlevel_ops fs_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.statfs = op_statfs,
	.open = op_open,
	.flush = op_flush,
	.release = op_release,
	.read = op_read,
	.lseek = op_lseek,
	.ioctl = op_ioctl,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_unlink,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.write = op_write,
	.setxattr = op_setxattr,
	.removexattr = op_removexattr,
	.create = op_create,
};
