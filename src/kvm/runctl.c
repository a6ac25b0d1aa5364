/* Run control: the rules are in internal.h. */
#include "kvm/internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define JOIN_RETRY_NS 5000000

static bool any_running(const struct kvm_machine *m)
{
	for (unsigned i = 0; i < m->vcpu_count; i++)
		if (m->vcpu[i].running)
			return true;
	return false;
}

/* Lock held. Everything is to park; the thread of `elected` will tell the sink. */
void kvm_runctl_stop(struct kvm_machine *m, unsigned elected)
{
	for (unsigned i = 0; i < m->vcpu_count; i++) {
		m->vcpu[i].plan = (struct debug_plan){.move = DEBUG_HOLD};
		if (m->vcpu[i].running)
			kvm_vcpu_kick(&m->vcpu[i]);
	}
	if (m->elected < 0)
		m->elected = (int)elected;
	if (!any_running(m))
		pthread_cond_signal(&m->vcpu[m->elected].wake);
}

void kvm_runctl_end(struct kvm_machine *m)
{
	uint64_t one = 1;

	if (m->ended)
		return;
	m->ended = true;
	for (unsigned i = 0; i < m->vcpu_count; i++) {
		if (m->vcpu[i].running)
			kvm_vcpu_kick(&m->vcpu[i]);
		pthread_cond_signal(&m->vcpu[i].wake);
	}
	if (write(m->end_fd, &one, sizeof(one)) < 0)
		return; /* an eventfd that is already readable */
}

/* The last vcpu to park tells the elected one. */
static void parked(struct kvm_vcpu *v)
{
	struct kvm_machine *m = v->m;

	v->running = false;
	for (unsigned i = 0; m->protect.pages > 0 && i < m->vcpu_count; i++)
		if (m->vcpu[i].plan.open)
			pthread_cond_signal(&m->vcpu[i].wake); /* it has waited for all others */
	if (m->elected >= 0 && m->elected != (int)v->index && !any_running(m))
		pthread_cond_signal(&m->vcpu[m->elected].wake);
}

/* Lock held, nothing runs, this thread is the elected one. */
static void tell_stopped(struct kvm_vcpu *v)
{
	struct kvm_machine *m = v->m;

	m->elected = -1;
	if (m->reset_wanted) {
		struct error err;

		m->reset_wanted = false;
		if (kvm_machine_ops()->reset(m, &err) < 0) {
			kvm_exit_event(v, DEBUG_EVENT_ERROR);
			snprintf(v->event.text, sizeof(v->event.text), "reset failed: %.150s", err.text);
		} else {
			kvm_exit_event(v, DEBUG_EVENT_RESET);
		}
		/* The sink either resumes (GO) or wants its stop told. */
		if (m->sink.event(m->sink.ctx, &v->event) == DEBUG_GO)
			return;
	}
	m->sink.stopped(m->sink.ctx);
}

/* An execution came back with something to report. Lock held, this vcpu is parked. */
static void report(struct kvm_vcpu *v)
{
	struct kvm_machine *m = v->m;

	if (v->event.kind == DEBUG_EVENT_RESET) {
		m->reset_wanted = true;
		kvm_runctl_stop(m, v->index);
		return;
	}
	if (m->sink.event(m->sink.ctx, &v->event) == DEBUG_STOP)
		kvm_runctl_stop(m, v->index);
}

static void wake_all(struct kvm_machine *m)
{
	for (unsigned i = 0; i < m->vcpu_count; i++)
		pthread_cond_signal(&m->vcpu[i].wake);
}

/* Behind a step with plan.open: the others may run again. */
static void close_pages(struct kvm_machine *m)
{
	kvm_protect_open(m, false);
	wake_all(m);
}

static void execute(struct kvm_vcpu *v)
{
	struct debug_plan plan = v->plan;
	enum kvm_outcome out;

	if (plan.open)
		kvm_protect_open(v->m, true);
	v->running = true;
	v->arm = v->m->arm;
	v->arm_generation = v->m->arm_generation;
	kvm_catch_take(v);
	atomic_store(&v->kicked, false);
	__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	pthread_mutex_unlock(&v->m->lock);
	out = plan.move == DEBUG_STEP ? kvm_step(v, &plan) : kvm_vcpu_run(v, &plan);
	out = kvm_protect_report(v, out);
	pthread_mutex_lock(&v->m->lock);
	parked(v);
	kvm_vcpu_poke(v->m);
	if (plan.open)
		close_pages(v->m);
	if (out == KVM_OUT_EVENT && !v->m->ended)
		report(v);
}

/* What is watched was changed while vcpus ran: they are all parked for it now. */
static void protect(struct kvm_machine *m)
{
	kvm_protect_apply(m);
	wake_all(m);
}

static bool may_run(const struct kvm_vcpu *v)
{
	const struct kvm_machine *m = v->m;

	if (m->protect.open || (v->plan.open && any_running(m)))
		return false;
	return m->elected < 0 && !m->protect.pending && v->plan.move != DEBUG_HOLD &&
	       m->confined == m->vcpu_count;
}

static int confine(const struct kvm_machine *m, bool vcpu)
{
	return m->cfg.hooks.confine != NULL ? m->cfg.hooks.confine(m->cfg.hooks.ctx, vcpu) : 0;
}

/* Takes the lock. The last one in lets the others go. */
static void begin(struct kvm_vcpu *v)
{
	struct kvm_machine *m = v->m;
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "vcpu%u", v->index);
	pthread_setname_np(pthread_self(), name);
	rc = confine(m, true);
	pthread_mutex_lock(&m->lock);
	v->tid = gettid();
	m->answers++;
	if (rc == 0)
		m->confined++;
	pthread_cond_signal(&m->answered);
	for (unsigned i = 0; m->confined == m->vcpu_count && i < m->vcpu_count; i++)
		pthread_cond_signal(&m->vcpu[i].wake);
}

static void *vcpu_main(void *arg)
{
	struct kvm_vcpu *v = arg;
	struct kvm_machine *m = v->m;

	kvm_access_enter(v);
	begin(v);
	while (!m->ended) {
		if (m->protect.pending && !any_running(m))
			protect(m);
		else if (m->elected == (int)v->index && !any_running(m))
			tell_stopped(v);
		else if (may_run(v))
			execute(v);
		else
			pthread_cond_wait(&v->wake, &m->lock);
	}
	pthread_mutex_unlock(&m->lock);
	kvm_access_leave(v);
	return NULL;
}

static void on_kick(int sig)
{
	(void)sig;
}

/* Kicks, and what a thread does to itself: the user's signals are for other threads. */
static void block_signals(sigset_t *ret_before)
{
	static const int open[] = {SIGUSR1, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGTRAP, SIGABRT};
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		sigdelset(&all, open[i]);
	pthread_sigmask(SIG_SETMASK, &all, ret_before);
}

static int create_threads(struct kvm_machine *m, struct error *err)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < m->vcpu_count; i++) {
		struct kvm_vcpu *v = &m->vcpu[i];

		rc = pthread_create(&v->thread, NULL, vcpu_main, v);
		v->thread_started = rc == 0;
	}
	return rc == 0 ? 0 : error_set(err, rc, "cannot start a vcpu thread: %s", strerror(rc));
}

/* Lock held, so that no vcpu starts before this thread is confined as well. */
static int confine_all(struct kvm_machine *m, struct error *err)
{
	int rc = confine(m, false);

	while (m->answers < m->vcpu_count)
		pthread_cond_wait(&m->answered, &m->lock);
	if (rc == 0 && m->confined < m->vcpu_count)
		rc = -EPERM;
	return rc < 0 ? error_set(err, -rc, "cannot confine the machine's threads: %s", strerror(-rc)) : 0;
}

int kvm_runctl_start(struct kvm_machine *m, struct error *err)
{
	struct sigaction act = {.sa_handler = on_kick}; /* no SA_RESTART: KVM_RUN must come back */
	sigset_t before;
	int rc;

	m->pid = getpid();
	/* Which MSRs there are is noted when they are first read: while nobody else reads any. */
	kvm_state_get(&m->vcpu[0], X86_GROUP_MSR);
	sigaction(SIGUSR1, &act, NULL);
	block_signals(&before);
	pthread_mutex_lock(&m->lock);
	rc = create_threads(m, err);
	if (rc == 0)
		rc = confine_all(m, err);
	pthread_mutex_unlock(&m->lock);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

/*
 * The thread may sleep in a read from the debugger (sink->stopped()): a signal gets it out. One that comes
 * just before the read is lost, so it is sent until the thread has ended.
 */
static void join(pthread_t thread)
{
	struct timespec limit;

	do {
		pthread_kill(thread, SIGUSR1);
		/* Of the two such calls the one that thread sanitizers know. */
		clock_gettime(CLOCK_REALTIME, &limit);
		limit.tv_nsec += JOIN_RETRY_NS;
		limit.tv_sec += limit.tv_nsec / 1000000000;
		limit.tv_nsec %= 1000000000;
	} while (pthread_timedjoin_np(thread, NULL, &limit) == ETIMEDOUT);
}

void kvm_runctl_join(struct kvm_machine *m)
{
	for (unsigned i = 0; i < m->vcpu_count; i++) {
		if (m->vcpu[i].thread_started)
			join(m->vcpu[i].thread);
		m->vcpu[i].thread_started = false;
	}
}
