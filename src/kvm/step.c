/*
 * Exactly one instruction. KVM's single-step is TF with the CPU's own rules, and some instructions slip
 * through (RSP-SEMANTICS 4). What is done about each:
 *
 *  HLT          is complete by itself: the vcpu would sleep. It is passed over, and the vcpu then is halted:
 *               one that runs on sleeps as it would have, one that steps on is woken.
 *  int n, syscall, a queued exception
 *               delivery clears TF, so TF alone would stop behind the handler's return. The handler's first
 *               instruction is the next one executed: a debug register lent to the step catches it there.
 *  pushf, frames, R11
 *               hold our TF afterwards: it is taken out of the saved image.
 *  I/O, MMIO    the exit is completed first; KVM may lose the step then: progress is seen by rip and rcx.
 *  traps without progress (EPT faults on some hosts): repeated, at most STEP_RETRIES times.
 */
#include "kvm/internal.h"
#include "base/bytes.h"
#include "x86/gate.h"
#include "x86/insn.h"

#include <errno.h>
#include <sys/ioctl.h>

#define STEP_RETRIES 8
#define FRAME_SCAN 128u /* bytes of stack: the largest frame, and what a handler's first pushes add */

struct step {
	uint64_t pc, rcx;        /* at the start */
	uint64_t stack;          /* likewise: linear */
	uint16_t cs;
	struct x86_insn insn;
	bool has_target;
	uint64_t target;         /* linear address of the handler (sysret: of the caller) that is entered */
	uint8_t flags_offset;    /* of the saved flags in its frame; 0: none is pushed (syscall, sysret) */
	bool new_guest_tf;       /* the guest's own TF behind the instruction, or in the handler */
	bool lent_r11;           /* sysret: TF was put into what it loads */
};

static int read_linear(void *ctx, uint64_t gva, void *buf, size_t len)
{
	return kvm_state_read_virtual(ctx, gva, buf, len) == len ? 0 : -EFAULT;
}

static uint64_t stack_linear(const struct x86_state *st)
{
	return x86_mode_of(st) == X86_MODE_64 ? st->gpr[X86_RSP]
	                                      : st->seg[X86_SS].base + (uint32_t)st->gpr[X86_RSP];
}

static void find_gate(struct kvm_vcpu *v, struct step *s, uint8_t vector)
{
	struct x86_reader reader = {.read = read_linear, .ctx = v};
	struct x86_gate gate;

	if (x86_gate_find(&v->state, vector, &reader, &gate) < 0)
		return;
	s->has_target = true;
	s->target = gate.target;
	s->flags_offset = gate.flags_offset;
	s->new_guest_tf = false; /* delivery clears it; the frame keeps it (SDM 3A 6.12.1.2) */
}

static void find_syscall(struct kvm_vcpu *v, struct step *s)
{
	if (!(v->state.efer & X86_EFER_SCE) || kvm_state_get(v, X86_GROUP_MSR) < 0)
		return;
	s->has_target = true;
	s->target = x86_mode_of(&v->state) == X86_MODE_64 ? v->state.msr[X86_MSR_LSTAR]
	                                                  : v->state.msr[X86_MSR_CSTAR];
	s->new_guest_tf = v->guest_tf && !(v->state.msr[X86_MSR_SFMASK] & X86_RFLAGS_TF);
}

/* Loads the flags from R11, and our TF is not there: a lent register catches it, or TF is lent there. */
static void find_sysret(struct kvm_vcpu *v, struct step *s)
{
	struct x86_state st;

	s->new_guest_tf = v->state.gpr[X86_R11] & X86_RFLAGS_TF;
	s->has_target = true;
	s->target = s->insn.opsize == 8 ? v->state.gpr[X86_RCX] : (uint32_t)v->state.gpr[X86_RCX];
	if (v->m->probe.caps.exec_dr || s->new_guest_tf)
		return;
	st = v->state;
	st.gpr[X86_R11] |= X86_RFLAGS_TF;
	s->lent_r11 = kvm_state_set(v, X86_GROUP_CORE, &st, NULL) == 0;
}

/* The TF in the flags image that popf or iret is about to load. */
static bool incoming_tf(struct kvm_vcpu *v, const struct x86_insn *insn)
{
	uint64_t at = stack_linear(&v->state) + (insn->kind == X86_INSN_IRET ? 2u * insn->opsize : 0);
	uint8_t second;

	return kvm_state_read_virtual(v, at + 1, &second, 1) == 1 && (second & 1);
}

static void look_ahead(struct kvm_vcpu *v, struct step *s)
{
	if (v->inject) {
		find_gate(v, s, v->inject_vector);
		return;
	}
	switch (s->insn.kind) {
	case X86_INSN_INTN:
		find_gate(v, s, s->insn.vector);
		break;
	case X86_INSN_INT1:
		find_gate(v, s, 1);
		break;
	case X86_INSN_INT3:
		if (!v->arm.int3) /* else it comes out, and goes back as an injection */
			find_gate(v, s, 3);
		break;
	case X86_INSN_SYSCALL:
		find_syscall(v, s);
		break;
	case X86_INSN_SYSRET:
		find_sysret(v, s);
		break;
	case X86_INSN_POPF:
	case X86_INSN_IRET:
		s->new_guest_tf = incoming_tf(v, &s->insn);
		break;
	default:
		break;
	}
}

static int prepare(struct kvm_vcpu *v, struct step *s)
{
	uint8_t bytes[X86_INSN_MAX];
	size_t len;
	int rc = kvm_state_get(v, X86_GROUP_CORE | X86_GROUP_SYSTEM);

	if (rc < 0)
		return rc;
	/* GET_REGS hides TF once SINGLESTEP is set (RSP-SEMANTICS 1.5): the guest's own is noted before. */
	if (!(v->applied.control & KVM_GUESTDBG_SINGLESTEP))
		v->guest_tf = v->state.rflags & X86_RFLAGS_TF;
	*s = (struct step){.pc = x86_linear_pc(&v->state), .rcx = v->state.gpr[X86_RCX],
	                   .stack = stack_linear(&v->state), .cs = v->state.seg[X86_CS].selector,
	                   .new_guest_tf = v->guest_tf};
	len = kvm_state_read_virtual(v, s->pc, bytes, sizeof(bytes));
	x86_insn_decode(bytes, len, x86_mode_of(&v->state), &s->insn);
	look_ahead(v, s);
	return 0;
}

static enum kvm_outcome stepped(struct kvm_vcpu *v, uint64_t dr6)
{
	kvm_exit_event(v, DEBUG_EVENT_STEPPED);
	v->event.dr6 = dr6;
	return KVM_OUT_EVENT;
}

static enum kvm_outcome failed(struct kvm_vcpu *v, int rc)
{
	kvm_exit_run_failed(v, -rc);
	return KVM_OUT_EVENT;
}

static void set_mp_state(struct kvm_vcpu *v, uint32_t state)
{
	struct kvm_mp_state mp = {.mp_state = state};

	ioctl(v->fd, KVM_SET_MP_STATE, &mp);
	v->mp_known = false;
}

/* A HLT right behind STI is what the interrupt shadow covers (SDM 2B, STI): it ends with it. */
static void end_shadow(struct kvm_vcpu *v)
{
	struct kvm_vcpu_events events;

	if (ioctl(v->fd, KVM_GET_VCPU_EVENTS, &events) < 0 || events.interrupt.shadow == 0)
		return;
	events.interrupt.shadow = 0;
	events.flags |= KVM_VCPUEVENT_VALID_SHADOW;
	ioctl(v->fd, KVM_SET_VCPU_EVENTS, &events);
}

/* HLT at CPL 0 ends the step behind itself. */
static bool pass_hlt(struct kvm_vcpu *v, const struct step *s)
{
	struct x86_state st;

	if (s->insn.kind != X86_INSN_HLT || v->inject || (v->state.seg[X86_CS].selector & 3) != 0)
		return false;
	st = v->state;
	st.rip += s->insn.length;
	if (kvm_state_set(v, X86_GROUP_CORE, &st, NULL) < 0)
		return false;
	end_shadow(v);
	set_mp_state(v, KVM_MP_STATE_HALTED);
	v->maybe_halted = true;
	return true;
}

void kvm_step_wake(struct kvm_vcpu *v)
{
	struct kvm_mp_state mp;

	if (!v->maybe_halted)
		return;
	v->maybe_halted = false;
	if (ioctl(v->fd, KVM_GET_MP_STATE, &mp) == 0 && mp.mp_state == KVM_MP_STATE_HALTED)
		set_mp_state(v, KVM_MP_STATE_RUNNABLE);
}

static void clear_saved_tf(struct kvm_vcpu *v, uint64_t flags_at)
{
	uint8_t second;

	if (kvm_state_read_virtual(v, flags_at + 1, &second, 1) != 1 || !(second & 1))
		return;
	second &= 0xfe;
	kvm_state_write_virtual(v, flags_at + 1, &second, 1);
}

static void clear_r11_tf(struct kvm_vcpu *v)
{
	struct x86_state st;

	if (kvm_state_get(v, X86_GROUP_CORE) < 0)
		return;
	st = v->state;
	st.gpr[X86_R11] &= ~X86_RFLAGS_TF;
	kvm_state_set(v, X86_GROUP_CORE, &st, NULL);
}

static uint64_t get_word(const uint8_t *at, unsigned width)
{
	return width == 8 ? bytes_get_le64(at) : width == 4 ? bytes_get_le32(at) : bytes_get_le16(at);
}

/* Bytes of the stack that an event of this step may have written: all of its frame lies in them. */
static size_t fresh_stack(const struct kvm_vcpu *v, const struct step *s)
{
	uint64_t now = stack_linear(&v->state);

	if ((s->cs & 3) != (v->state.seg[X86_CS].selector & 3))
		return FRAME_SCAN; /* another stack */
	return now < s->stack && s->stack - now <= FRAME_SCAN ? (size_t)(s->stack - now) : 0;
}

/*
 * A step that stopped inside a handler: an exception or interrupt came in its course. The frame (ip, cs,
 * flags with TF) is looked for in what has been pushed since; true when it is there, and *ret is where its
 * flags lie.
 */
static bool find_frame(struct kvm_vcpu *v, const struct step *s, uint64_t *ret)
{
	uint8_t bytes[FRAME_SCAN];
	size_t len, i;
	unsigned w;

	if (kvm_state_get(v, X86_GROUP_CORE | X86_GROUP_SYSTEM) < 0)
		return false;
	w = v->state.efer & X86_EFER_LMA ? 8 : v->state.cr0 & X86_CR0_PE ? 4 : 2;
	len = kvm_state_read_virtual(v, stack_linear(&v->state), bytes, fresh_stack(v, s));
	for (i = 0; i + 3 * w <= len; i += w) {
		uint64_t flags = get_word(bytes + i + 2 * w, w);

		/* SDM 1 3.4.3: bit 1 is always 1, bits 3, 5 and 15 and those above 21 always 0. */
		if (get_word(bytes + i + w, w) != s->cs || (flags & ~0x3f7fd5ull) != 2 ||
		    !(flags & X86_RFLAGS_TF))
			continue;
		*ret = stack_linear(&v->state) + i + 2 * w;
		return true;
	}
	return false;
}

/* Where the instruction, or what came in its course, saved the flags (0: nowhere). True: in a handler. */
static bool find_saved_flags(struct kvm_vcpu *v, const struct step *s, bool entered, uint64_t *ret)
{
	*ret = 0;
	if (entered) {
		if (s->flags_offset != 0)
			*ret = stack_linear(&v->state) + s->flags_offset;
		return s->flags_offset != 0;
	}
	if (s->insn.kind == X86_INSN_PUSHF) {
		*ret = stack_linear(&v->state);
		return false;
	}
	return s->insn.kind != X86_INSN_SYSRET && find_frame(v, s, ret);
}

/* Takes our TF out of whatever image of the flags was saved. True when the step ended in a handler. */
static bool repair(struct kvm_vcpu *v, const struct step *s, bool entered)
{
	bool had_tf = v->guest_tf, inside;
	uint64_t at;

	v->cached &= ~(unsigned)X86_GROUP_CORE; /* its flags show guest_tf */
	if (kvm_state_get(v, X86_GROUP_SYSTEM) < 0 || kvm_state_get(v, X86_GROUP_CORE) < 0)
		return false;
	inside = find_saved_flags(v, s, entered, &at);
	if (inside)
		v->guest_tf = false;
	else if (entered || !s->has_target)
		v->guest_tf = s->new_guest_tf;
	v->cached &= ~(unsigned)X86_GROUP_CORE;
	if (had_tf)
		return inside;
	if (at != 0)
		clear_saved_tf(v, at);
	else if (s->lent_r11 || (entered && s->insn.kind == X86_INSN_SYSCALL))
		clear_r11_tf(v);
	return inside;
}

static bool moved(struct kvm_vcpu *v, const struct step *s)
{
	if (kvm_state_get(v, X86_GROUP_CORE | X86_GROUP_SYSTEM) < 0)
		return true;
	return x86_linear_pc(&v->state) != s->pc || v->state.gpr[X86_RCX] != s->rcx;
}

/*
 * An unfinished step leaves a handler running with our TF in its frame: its return will trap once more, and
 * that trap is to be swallowed (vcpu.c).
 */
static enum kvm_outcome unfinished(struct kvm_vcpu *v, const struct step *s, enum kvm_outcome outcome)
{
	uint64_t at;

	if (v->guest_tf || kvm_state_pc(v) == s->pc)
		return outcome;
	if (find_frame(v, s, &at))
		clear_saved_tf(v, at);
	else
		v->leaked_tf = true;
	return outcome;
}

/* A guest that single-steps itself gets its own #DB as well, at the next entry. */
static void owe_guest_trap(struct kvm_vcpu *v, bool had_tf)
{
	if (!had_tf || v->inject)
		return;
	v->inject = true;
	v->inject_vector = 1;
	v->inject_dr6 = X86_DR6_FIXED | X86_DR6_BS;
}

/* ICEBP came out as #DB instead of going to the guest: it goes there now; the step ends in its handler. */
static bool take_icebp(struct kvm_vcpu *v, const struct step *s)
{
	bool behind = v->event.pc == s->pc + s->insn.length && !(v->event.dr6 & X86_DR6_BS);

	if (v->inject || !(behind || (v->event.pc == s->pc && kvm_guest_debug_pass_icebp(v))))
		return false;
	v->inject = true;
	v->inject_vector = 1;
	v->inject_dr6 = X86_DR6_FIXED;
	return true;
}

/* KVM_EXIT_DEBUG while stepping. True: *ret is the outcome; false: no progress yet, go on. */
static bool debug_exit(struct kvm_vcpu *v, struct step *s, unsigned *retries, enum kvm_outcome *ret)
{
	bool entered = kvm_guest_debug_step_hit(v), had_tf = v->guest_tf;

	kvm_guest_debug_event(v);
	*ret = KVM_OUT_EVENT;
	if (v->event.kind == DEBUG_EVENT_INT3)
		return true;
	/* A step onto the guest's own execute breakpoint: the fault itself is still to come. */
	if (v->event.dr6 & X86_DR6_BS)
		v->guest_hits &= ~(uint64_t)v->guest_exec;
	if (!entered && s->insn.kind == X86_INSN_INT1 && take_icebp(v, s))
		return false;
	if (!entered && !(v->event.dr6 & X86_DR6_BS))
		return true;
	if (!entered && (v->event.dr6 & 0xf) == 0 && *retries < STEP_RETRIES && !moved(v, s)) {
		++*retries;
		return false;
	}
	if (!repair(v, s, entered || (s->has_target && v->event.pc == s->target)))
		owe_guest_trap(v, had_tf);
	v->event.kind = DEBUG_EVENT_STEPPED;
	v->event.dr6 |= X86_DR6_BS; /* also where the lent register made the stop */
	return true;
}

/* Completes a serviced exit and sees whether the instruction is done. As debug_exit(). */
static bool completed(struct kvm_vcpu *v, struct step *s, unsigned *retries, enum kvm_outcome *ret)
{
	int rc;

	while ((rc = kvm_vcpu_complete(v)) == 0) {
		enum kvm_exit_class class = kvm_exit_handle(v);

		*ret = KVM_OUT_EVENT;
		/* The step's trap may come with the completion of the access that ended the guest. */
		if (kvm_exit_request(v))
			return true;
		if (class == KVM_EXIT_CLASS_DEBUG)
			return debug_exit(v, s, retries, ret);
		if (class == KVM_EXIT_CLASS_EVENT)
			return true;
	}
	if (rc != -EINTR) {
		*ret = failed(v, rc);
		return true;
	}
	if (kvm_exit_request(v)) {
		*ret = KVM_OUT_EVENT;
		return true;
	}
	if (!moved(v, s))
		return false;
	/* The step event was lost with the completion (RSP-SEMANTICS 4.5): this is it. */
	repair(v, s, false);
	*ret = stepped(v, X86_DR6_FIXED | X86_DR6_BS);
	return true;
}

static enum kvm_outcome step(struct kvm_vcpu *v, const struct debug_plan *plan)
{
	unsigned retries = 0;
	enum kvm_outcome ret;
	struct step s;
	int rc = prepare(v, &s);

	if (rc < 0)
		return failed(v, rc);
	if (pass_hlt(v, &s) || kvm_ring3_enter(v, &s.insn))
		return stepped(v, X86_DR6_FIXED | X86_DR6_BS);
	if (!plan->sleeps)
		kvm_step_wake(v);
	for (;;) {
		rc = kvm_guest_debug_apply(v, plan, s.has_target ? &s.target : NULL);
		if (rc == 0)
			rc = kvm_guest_debug_inject(v);
		if (rc == 0)
			rc = kvm_vcpu_enter(v);
		if (rc == -EINTR) {
			if (!atomic_load(&v->kicked)) {
				kvm_vcpu_ignore(v);
				continue;
			}
			v->maybe_halted = true;
			return unfinished(v, &s, KVM_OUT_KICKED);
		}
		if (rc < 0)
			return failed(v, rc);
		switch (kvm_exit_handle(v)) {
		case KVM_EXIT_CLASS_EVENT:
			return unfinished(v, &s, KVM_OUT_EVENT);
		case KVM_EXIT_CLASS_DEBUG:
			if (debug_exit(v, &s, &retries, &ret))
				return v->event.kind == DEBUG_EVENT_STEPPED ? ret : unfinished(v, &s, ret);
			break;
		case KVM_EXIT_CLASS_HANDLED:
			if (completed(v, &s, &retries, &ret))
				return ret;
			break;
		}
	}
}

enum kvm_outcome kvm_step(struct kvm_vcpu *v, const struct debug_plan *plan)
{
	struct debug_plan run = {.move = DEBUG_RUN, .slots_off = plan->slots_off};
	enum kvm_outcome outcome;

	if (!v->m->probe.caps.step_user && kvm_ring3_stands(v))
		return kvm_vcpu_run(v, &run); /* the session has said so */
	v->tail = false;
	outcome = step(v, plan);
	if (outcome == KVM_OUT_EVENT && v->event.kind == DEBUG_EVENT_STEPPED && !v->guest_tf) {
		v->tail = true;
		v->tail_pc = v->event.pc;
	}
	return outcome;
}
