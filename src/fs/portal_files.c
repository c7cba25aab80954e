/* SPDX-License-Identifier: MPL-2.0 */
/* portal_files.c - see portal_files.h.  A handle is the number of an opening (bits 0..31 its file's slot,
 * above them a serial, so that one that was closed is none). */
#include "fs/portal_files.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "net/url.h"

#define FILES_MAX 16384u /* open at once */
#define FILES_KEPT 256u	 /* beyond this many those not open go */

/* One path at one version. */
struct file {
	struct portal_files *home;
	struct remote remote;
	struct spool *spool;
	unsigned opens;
	uint64_t used;	    /* when it was opened last, in openings */
	uint64_t in_kernel; /* the take whose pages the kernel may have; 0: none */
};

struct opening {
	struct file *file; /* NULL: free */
	uint64_t take;
	uint32_t serial;
};

struct portal_files {
	struct store *st;
	struct ods *ods;
	pthread_mutex_t lock; /* guards what follows */
	struct file **files;
	uint32_t n_files;
	struct opening *openings;
	uint32_t n_openings;
	uint64_t clock;
};

void remote_clear(struct remote *r)
{
	free(r->path);
	free(r->name);
	*r = (struct remote){ 0 };
}

int portal_files_new(struct store *st, struct ods *o, struct portal_files **out)
{
	struct portal_files *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->st = st;
	f->ods = o;
	pthread_mutex_init(&f->lock, NULL);
	*out = f;
	return 0;
}

static void file_free(struct file *file)
{
	if (!file)
		return;
	spool_free(file->spool);
	remote_clear(&file->remote);
	free(file);
}

struct portal_files *portal_files_free(struct portal_files *f)
{
	if (!f)
		return NULL;
	for (uint32_t i = 0; i < f->n_files; i++)
		file_free(f->files[i]);
	free(f->files);
	free(f->openings);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return NULL;
}

/* ---- what a spool asks ---- */

static int request(void *arg, struct http_request *q, char **url)
{
	struct file *file = arg;
	struct ods *o = file->home->ods;
	int r = ods_allowed(o);

	if (r < 0)
		return r;
	if (asprintf(url, "%s%s", ods_base(o), file->remote.path) < 0) {
		*url = NULL;
		return -ENOMEM;
	}
	ods_sign(o, q);
	return 0;
}

static int judge(void *arg, const struct http_reply *r, const char *head, const char *name)
{
	struct file *file = arg;
	struct portal_files *f = file->home;
	int e = ods_judge(f->ods, r, head, name);

	if (e == 0 && r->truncated && !f->st->opt->partial_ok)
		return log_error(0,
				 "%s: the portal has cut the analysis short: ask for less, set "
				 "maxpoints, or mount with -o partial_ok",
				 name),
		       -EIO;
	return e;
}

/* What names it on disk; to be freed. */
static int describe(const struct portal_files *f, const struct remote *r, struct spool_config *c,
		    char **key, char version[static 32])
{
	if (asprintf(key, "%s%s %s", ods_base(f->ods), r->path, ods_who(f->ods)) < 0) {
		*key = NULL;
		return -ENOMEM;
	}
	snprintf(version, 32, "%016" PRIx64, r->version);
	*c = (struct spool_config){
		.st = f->st,
		.name = r->name,
		.scheme = "ods",
		.key = *key,
		.version = version,
		.request = request,
		.judge = judge,
	};
	return 0;
}

/* ---- files ---- */

static struct file *find_locked(struct portal_files *f, const struct remote *r)
{
	for (uint32_t i = 0; i < f->n_files; i++)
		if (f->files[i]->remote.version == r->version &&
		    strcmp(f->files[i]->remote.path, r->path) == 0)
			return f->files[i];
	return NULL;
}

/* The one that nobody has used for the longest time goes, if there are many. */
static void drop_one_locked(struct portal_files *f)
{
	uint32_t at = UINT32_MAX;

	if (f->n_files < FILES_KEPT)
		return;
	for (uint32_t i = 0; i < f->n_files; i++)
		if (f->files[i]->opens == 0 && spool_idle(f->files[i]->spool) &&
		    (at == UINT32_MAX || f->files[i]->used < f->files[at]->used))
			at = i;
	if (at == UINT32_MAX)
		return;
	file_free(f->files[at]);
	f->files[at] = f->files[--f->n_files];
}

static int make_file(struct portal_files *f, const struct remote *r, struct file **out)
{
	AUTO(auto_free) char *key = NULL;
	struct file *file = calloc(1, sizeof(*file));
	struct spool_config c;
	char version[32];
	int e = file ? describe(f, r, &c, &key, version) : -ENOMEM;

	if (e == 0) {
		file->home = f;
		file->remote =
			(struct remote){ strdup(r->path), strdup(r->name), r->version, r->seeks };
		c.arg = file;
		e = file->remote.path && file->remote.name ? spool_new(&c, &file->spool) : -ENOMEM;
	}
	if (e < 0) {
		file_free(file);
		return e;
	}
	*out = file;
	return 0;
}

static int add_locked(struct portal_files *f, const struct remote *r, struct file **out)
{
	struct file **more;
	int e;

	drop_one_locked(f);
	if (f->n_files >= FILES_MAX)
		return -ENFILE;
	more = reallocarray(f->files, (size_t)f->n_files + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->files = more;
	e = make_file(f, r, out);
	if (e == 0)
		f->files[f->n_files++] = *out;
	return e;
}

bool portal_files_size(struct portal_files *f, const struct remote *r, uint64_t *out)
{
	AUTO(auto_free) char *key = NULL;
	struct spool_config c;
	char version[32];
	struct file *file;

	pthread_mutex_lock(&f->lock);
	file = find_locked(f, r);
	if (file) {
		bool known = spool_size(file->spool, out);

		pthread_mutex_unlock(&f->lock);
		return known;
	}
	pthread_mutex_unlock(&f->lock);
	return describe(f, r, &c, &key, version) == 0 && spool_known(&c, out);
}

/* ---- openings ---- */

static int opening_locked(struct portal_files *f, uint32_t *out)
{
	struct opening *more;

	for (uint32_t i = 0; i < f->n_openings; i++)
		if (!f->openings[i].file) {
			*out = i;
			return 0;
		}
	if (f->n_openings >= FILES_MAX)
		return -ENFILE;
	more = reallocarray(f->openings, (size_t)f->n_openings + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->openings = more;
	f->openings[f->n_openings] = (struct opening){ 0 };
	*out = f->n_openings++;
	return 0;
}

/* Does the kernel have pages of just this?  Afterwards it does, and of no other version. */
static bool note_kernel_locked(struct portal_files *f, struct file *file, uint64_t take)
{
	bool had = file->in_kernel == take;

	for (uint32_t i = 0; i < f->n_files; i++)
		if (f->files[i] != file && strcmp(f->files[i]->remote.path, file->remote.path) == 0)
			f->files[i]->in_kernel = 0;
	file->in_kernel = take;
	return had;
}

int portal_files_open(struct portal_files *f, const struct remote *r, struct waiter *w,
		      struct branch_open *out)
{
	struct file *file;
	struct opening *o;
	uint64_t size;
	uint32_t n = 0;
	int e;

	LOCK_SCOPE(&f->lock);
	e = opening_locked(f, &n);
	file = find_locked(f, r);
	if (e == 0 && !file)
		e = add_locked(f, r, &file);
	if (e == 0 && (r->seeks || f->st->opt->receive_first))
		e = spool_receive(file->spool, w);
	if (e < 0)
		return e;
	o = &f->openings[n];
	o->file = file;
	o->serial++;
	spool_open(file->spool, &o->take);
	file->opens++;
	file->used = ++f->clock;
	out->handle = (uint64_t)o->serial << 32 | n;
	out->direct = !spool_size(file->spool, &size);
	out->keep = !out->direct && note_kernel_locked(f, file, o->take);
	return 0;
}

static struct opening *opened_locked(struct portal_files *f, uint64_t handle)
{
	uint32_t n = (uint32_t)handle;

	if (n >= f->n_openings || f->openings[n].serial != handle >> 32 || !f->openings[n].file)
		return NULL;
	return &f->openings[n];
}

bool portal_files_about(struct portal_files *f, uint64_t handle, struct spool_about *out)
{
	struct opening *o;

	LOCK_SCOPE(&f->lock);
	o = opened_locked(f, handle);
	return o && spool_about(o->file->spool, out);
}

void portal_files_release(struct portal_files *f, uint64_t handle)
{
	struct opening *o;

	LOCK_SCOPE(&f->lock);
	o = opened_locked(f, handle);
	if (!o)
		return;
	spool_close(o->file->spool);
	o->file->opens--;
	o->file = NULL;
}

int64_t portal_files_pread(struct portal_files *f, uint64_t handle, void *buf, size_t len,
			   uint64_t off, struct waiter *w)
{
	struct spool *s = NULL;
	struct opening *o;
	uint64_t take = 0;

	pthread_mutex_lock(&f->lock);
	o = opened_locked(f, handle);
	if (o) {
		s = o->file->spool; /* stays while it is open, and it is while it is read */
		take = o->take;
	}
	pthread_mutex_unlock(&f->lock);
	return s ? spool_pread(s, take, buf, len, off, w) : -EBADF;
}
