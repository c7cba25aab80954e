/* SPDX-License-Identifier: MPL-2.0 */
/* guard.c - see guard.h.  The guarded range is thread-local, so the handler needs no lock. */
#include "store/guard.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

struct guard {
	uintptr_t from, to; /* from == to: nothing is guarded */
	atomic_bool *hit;
};

/* initial-exec: reading it in a signal handler must not allocate. */
static _Thread_local struct guard current __attribute__((tls_model("initial-exec")));
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* installing */
static struct sigaction before;
static uintptr_t page_mask;     /* set before the handler is */

/* Put zeros where the page was; true when the access may be repeated. */
static bool patch(uintptr_t at)
{
	uintptr_t page = at & page_mask;
	void *p = (void *)page;

	if (current.from == current.to || page < (current.from & page_mask) || at >= current.to)
		return false;
	if (mmap(p, ~page_mask + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		return false;
	atomic_store(current.hit, true);
	return true;
}

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	static _Thread_local bool passed_on __attribute__((tls_model("initial-exec")));
	int saved = errno;
	bool again = passed_on;

	if (patch((uintptr_t)info->si_addr)) {
		errno = saved;
		return;
	}
	passed_on = true;
	if (again)
		signal(SIGBUS, SIG_DFL); /* the other one has called us back */
	else if (before.sa_flags & SA_SIGINFO)
		before.sa_sigaction(sig, info, context);
	else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN)
		before.sa_handler(sig);
	else
		signal(SIGBUS, SIG_DFL); /* the access is repeated and ends the process */
	passed_on = false;
	errno = saved;
}

void guard_init(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction old;

	LOCK_SCOPE(&lock);
	page_mask = ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1);
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGBUS, NULL, &old) == 0 && old.sa_sigaction != on_sigbus) {
		before = old;
		sigaction(SIGBUS, &sa, NULL);
	}
	if (sigaction(SIGXFSZ, NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) &&
	    old.sa_handler == SIG_DFL)
		signal(SIGXFSZ, SIG_IGN);
}

void guard_enter(const void *p, size_t n, atomic_bool *hit)
{
	current = (struct guard){ (uintptr_t)p, (uintptr_t)p + n, hit };
	atomic_signal_fence(memory_order_seq_cst);
}

void guard_leave(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	current.to = current.from;
}
