/* SPDX-License-Identifier: MPL-2.0 */
/* node_xattr.c - the part of node.h that has to do with extended attributes. */
#include <errno.h>
#include <string.h>

#include "fs/node_parts.h"

static const char error_name[] = "user.mdcfs.error";

/* The archive that an inode stands for, which may have a trouble to tell: of the archive's own file
 * and of its root directory; else NULL.  Opens nothing. */
static struct archive *whole_archive(struct fs *fs, const struct place *p, uint64_t ino)
{
	bool file = p->volume && ino_local(ino) == LOCAL_FILE;
	bool root = p->kind == KIND_PLAIN && p->row == INDEX_ROOT;

	if (p->kind == KIND_NESTED)
		return node_listed(fs, p);
	return file || root ? p->archive : NULL;
}

static int error_of(struct archive *a, void **value, size_t *n)
{
	struct archive_info info;

	archive_info(a, &info);
	if (!info.error[0])
		return -ENODATA;
	*value = strdup(info.error);
	*n = strlen(info.error);
	return *value ? 0 : -ENOMEM;
}

int node_xattr(struct fs *fs, uint64_t ino, const char *name, void **value, size_t *n)
{
	struct place p;
	struct archive *whole;

	if (strncmp(name, "user.", 5) != 0)
		return -EOPNOTSUPP;
	p = node_place(fs, ino);
	whole = whole_archive(fs, &p, ino);
	if (whole && strcmp(name, error_name) == 0)
		return error_of(whole, value, n);
	if (p.row == 0 || p.kind != KIND_PLAIN || !xattrs_shown(name))
		return -ENODATA;
	return archive_xattr(p.archive, p.row, name, value, n);
}

int node_xattr_names(struct fs *fs, uint64_t ino, struct buf *out)
{
	struct place p = node_place(fs, ino);
	struct archive *whole = whole_archive(fs, &p, ino);
	struct archive_info info = { .error = "" };
	int r = 0;

	if (whole)
		archive_info(whole, &info);
	if (info.error[0])
		r = buf_add(out, error_name, sizeof(error_name));
	if (r == 0 && p.row > 0 && p.kind == KIND_PLAIN)
		r = archive_xattr_names(p.archive, p.row, out);
	return r;
}

bool node_xattr_never(struct fs *fs)
{
	if (fs->nest || fs->automount)
		return false;
	for (unsigned i = 0, n = volumes_count(fs->volumes); i < n; i++) {
		const struct volume *v = volumes_at(fs->volumes, i);

		if (v->archive && !archive_plain(v->archive))
			return false;
	}
	return true;
}
