/*
 * A CPU of eight instructions that GDB debugs through librsp: how to put a stub into your own machine.
 *
 *     gdb -ex 'target remote | ./toy'
 *
 * The instructions are i386's, so that GDB can show them; registers, memory and everything else are ours.
 * librsp needs three things from its user: bytes in, an answer to each request, bytes out (see main()).
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <trapline/rsp.h>
#include <unistd.h>

#define MEM_SIZE 0x10000
#define PACKET_SIZE 4096
enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI, EIP, EFLAGS, CS, SS, DS, ES, FS, GS, REG_COUNT };
#define ZERO_FLAG 0x40u

static struct {
	uint32_t reg[REG_COUNT];
	uint8_t mem[MEM_SIZE];
	bool stop_at[MEM_SIZE];       /* breakpoints */
	uint64_t watch, watch_len;    /* one write watchpoint; length 0: none */
	unsigned long cycles;
	bool running, stepping, ended;
} toy;

/* Counts eax up to 5, storing it at 0x2000 each time, and ends with it as the exit status. */
static const uint8_t program[] = {
	0xb8, 0, 0, 0, 0,          /* 1000 mov $0,%eax */
	0xb9, 5, 0, 0, 0,          /* 1005 mov $5,%ecx */
	0x40,                      /* 100a inc %eax */
	0xa3, 0x00, 0x20, 0, 0,    /* 100b mov %eax,0x2000 */
	0x49,                      /* 1010 dec %ecx */
	0x75, 0xf7,                /* 1011 jne 100a */
	0xf4,                      /* 1013 hlt */
};

/* GDB knows an i386 by these names and sizes; the x87 registers are required and never there. */
static const char target_xml[] =
	"<target><architecture>i386</architecture><feature name='org.gnu.gdb.i386.core'>"
#define R(name, type) "<reg name='" name "' bitsize='32' type='" type "'/>"
#define X87(name) "<reg name='" name "' bitsize='80' type='i387_ext'/>"
	R("eax", "int32") R("ecx", "int32") R("edx", "int32") R("ebx", "int32") R("esp", "data_ptr")
	R("ebp", "data_ptr") R("esi", "int32") R("edi", "int32") R("eip", "code_ptr") R("eflags", "int32")
	R("cs", "int32") R("ss", "int32") R("ds", "int32") R("es", "int32") R("fs", "int32") R("gs", "int32")
	X87("st0") X87("st1") X87("st2") X87("st3") X87("st4") X87("st5") X87("st6") X87("st7")
	R("fctrl", "int") R("fstat", "int") R("ftag", "int") R("fiseg", "int") R("fioff", "int")
	R("foseg", "int") R("fooff", "int") R("fop", "int")
	"</feature></target>";

/* ---- the CPU ---- */

/* Registers and memory are little-endian, as this host is. */
static uint32_t operand(uint32_t pc)
{
	uint32_t value = 0;

	if (pc < MEM_SIZE - 5)
		memcpy(&value, toy.mem + pc + 1, 4);
	return value;
}

enum outcome { FINE, STORED, HALTED, UNKNOWN };

static enum outcome execute(uint32_t *ret_stored)
{
	uint32_t pc = toy.reg[EIP] % MEM_SIZE, op = toy.mem[pc], next = pc + 1;
	enum outcome outcome = FINE;

	if (op >= 0x40 && op < 0x50) { /* inc, dec */
		toy.reg[op & 7] += op < 0x48 ? 1 : UINT32_MAX;
		toy.reg[EFLAGS] = toy.reg[op & 7] == 0 ? ZERO_FLAG : 0;
	} else if (op >= 0xb8 && op < 0xc0) { /* mov $imm32,%reg */
		toy.reg[op & 7] = operand(pc);
		next = pc + 5;
	} else if (op == 0xa3 && operand(pc) <= MEM_SIZE - 4) { /* mov %eax,addr32 */
		*ret_stored = operand(pc);
		memcpy(toy.mem + *ret_stored, &toy.reg[EAX], 4);
		next = pc + 5;
		outcome = STORED;
	} else if (op == 0xeb || op == 0x75) { /* jmp, jne */
		bool taken = op == 0xeb || toy.reg[EFLAGS] != ZERO_FLAG;

		next = pc + 2 + (taken ? (uint32_t)(int8_t)operand(pc) : 0);
	} else if (op == 0xf4) { /* hlt */
		outcome = HALTED;
	} else if (op != 0x90) { /* nop */
		return UNKNOWN;
	}
	toy.reg[EIP] = next;
	toy.cycles++;
	return outcome;
}

/* ---- answers to the debugger ---- */

static void report(struct rsp_engine *e, uint8_t signal, enum rsp_stop_reason reason, uint64_t addr)
{
	struct rsp_stop stop = {.kind = RSP_STOP_SIGNAL, .signal = signal, .tid = 1, .core = -1,
		                .reason = reason, .addr = addr};

	if (toy.ended) {
		stop.kind = RSP_STOP_EXITED;
		stop.status = toy.reg[EAX] & 0xff;
	}
	toy.running = false;
	rsp_reply_stop(e, &stop);
}

/* One instruction, and whether it ends the run. */
static void run_one(struct rsp_engine *e)
{
	uint32_t stored = 0, pc;
	enum outcome outcome = execute(&stored);

	pc = toy.reg[EIP] % MEM_SIZE;
	toy.ended = outcome == HALTED;
	if (outcome == UNKNOWN)
		report(e, RSP_SIG_ILL, RSP_REASON_EXCEPTION, 0);
	else if (outcome == STORED && stored < toy.watch + toy.watch_len && toy.watch < stored + 4ull)
		report(e, RSP_SIG_TRAP, RSP_REASON_WATCH, toy.watch);
	else if (outcome != HALTED && toy.stop_at[pc])
		report(e, RSP_SIG_TRAP, RSP_REASON_SWBREAK, 0);
	else if (outcome == HALTED || toy.stepping)
		report(e, RSP_SIG_TRAP, RSP_REASON_STEP, 0);
}

static bool in_memory(uint64_t addr, uint64_t len)
{
	return addr <= MEM_SIZE && len <= MEM_SIZE - addr;
}

static void write_registers(struct rsp_engine *e, size_t first, const uint8_t *bytes, size_t len)
{
	if (first >= REG_COUNT || len % 4 != 0 || len / 4 > REG_COUNT - first) {
		rsp_reply_error(e, 1, "no such register");
		return;
	}
	memcpy(&toy.reg[first], bytes, len);
	rsp_reply_ok(e);
}

static void set_point(struct rsp_engine *e, const struct rsp_request *r, bool on)
{
	if (!in_memory(r->u.point.addr, 1)) {
		rsp_reply_error(e, 1, "outside memory");
	} else if (r->u.point.type == RSP_POINT_SW) {
		toy.stop_at[r->u.point.addr] = on;
		rsp_reply_ok(e);
	} else if (r->u.point.type == RSP_POINT_WRITE) {
		toy.watch = r->u.point.addr;
		toy.watch_len = on ? r->u.point.kind : 0;
		rsp_reply_ok(e);
	} else {
		rsp_reply_empty(e);
	}
}

static void monitor(struct rsp_engine *e, const char *command)
{
	char text[64] = "try: monitor cycles\n";

	if (strcmp(command, "cycles") == 0)
		snprintf(text, sizeof(text), "%lu cycles\n", toy.cycles);
	rsp_reply_hex(e, text, strlen(text));
}

static void resume(const struct rsp_request *r)
{
	toy.stepping = r->u.resume.actions[0].kind == RSP_ACT_STEP; /* one thread: the first action is its */
	toy.running = true; /* the reply comes when it stops */
}

/* What is not listed is answered "unsupported", and the debugger lives without it. */
static void answer(struct rsp_engine *e, const struct rsp_request *r)
{
	const uint8_t *regs = (const uint8_t *)toy.reg;
	uint64_t addr = r->u.mem.addr; /* READ_MEM and WRITE_MEM */

	switch (r->kind) {
	case RSP_QUERY_HALT:     report(e, RSP_SIG_TRAP, RSP_REASON_NONE, 0); break;
	case RSP_READ_REGS:      rsp_reply_regs(e, regs, NULL, sizeof(toy.reg)); break;
	case RSP_WRITE_REGS:     write_registers(e, 0, r->u.regs.data, r->u.regs.len); break;
	case RSP_WRITE_REG:      write_registers(e, r->u.reg.number, r->u.reg.value, r->u.reg.len); break;
	case RSP_INSERT_POINT:   set_point(e, r, true); break;
	case RSP_REMOVE_POINT:   set_point(e, r, false); break;
	case RSP_RESUME:         resume(r); break;
	case RSP_SET_THREAD:
	case RSP_THREAD_ALIVE:   rsp_reply_ok(e); break;
	case RSP_CURRENT_THREAD: rsp_reply_current_thread(e, 1); break;
	case RSP_LIST_THREADS:   rsp_reply_threads(e, &(int64_t){1}, 1); break;
	case RSP_ATTACHED:       rsp_reply_text(e, "1"); break;
	case RSP_XFER_READ:      rsp_reply_xfer(e, target_xml, strlen(target_xml)); break;
	case RSP_MONITOR:        monitor(e, r->u.text.bytes); break;
	case RSP_DETACH:
	case RSP_KILL:           rsp_reply_ok(e); toy.ended = true; break;
	case RSP_READ_MEM:
		if (in_memory(addr, r->u.mem.len))
			rsp_reply_memory(e, toy.mem + addr, r->u.mem.len);
		else
			rsp_reply_error(e, 14, "outside memory");
		break;
	case RSP_WRITE_MEM:
		if (!in_memory(addr, r->u.mem.len)) {
			rsp_reply_error(e, 14, "outside memory");
			break;
		}
		memcpy(toy.mem + addr, r->u.mem.data, r->u.mem.len);
		rsp_reply_ok(e);
		break;
	default:
		rsp_reply_empty(e);
	}
}

static void take_events(struct rsp_engine *e)
{
	const struct rsp_request *r;
	enum rsp_event event;

	while ((event = rsp_engine_next(e, &r)) != RSP_EVENT_NONE) {
		if (event == RSP_EVENT_REQUEST)
			answer(e, r);
		else if (event == RSP_EVENT_INTERRUPT && toy.running)
			report(e, RSP_SIG_INT, RSP_REASON_NONE, 0);
		else if (event == RSP_EVENT_BROKEN)
			toy.ended = true;
	}
}

/* False: the debugger is gone. */
static bool send_all(struct rsp_engine *e)
{
	size_t len;
	const uint8_t *bytes = rsp_engine_output(e, &len);

	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n <= 0)
			return false;
		rsp_engine_sent(e, (size_t)n);
		bytes = rsp_engine_output(e, &len);
	}
	return true;
}

/* Takes what has come, waiting for it only while the CPU stands still. */
static bool receive(struct rsp_engine *e)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	uint8_t bytes[PACKET_SIZE];
	ssize_t n;

	if (poll(&in, 1, toy.running ? 0 : -1) <= 0)
		return true;
	n = read(STDIN_FILENO, bytes, sizeof(bytes));
	for (ssize_t used = 0; used < n;) {
		size_t took = rsp_engine_feed(e, bytes + used, (size_t)(n - used));

		used += (ssize_t)took;
		take_events(e);
		if (!send_all(e) || (took == 0 && toy.running))
			break; /* a debugger that sends packets while the CPU runs: drop them */
	}
	return n > 0;
}

int main(void)
{
	static uint8_t in[PACKET_SIZE + 4], out[2 * PACKET_SIZE + 64];
	static struct rsp_engine engine;
	const struct rsp_config config = {
		.features = RSP_F_NOACK | RSP_F_XML_FEATURES | RSP_F_SWBREAK | RSP_F_WATCH | RSP_F_STEP |
		            RSP_F_MONITOR | RSP_F_BINARY_READ,
		.in = in, .in_size = sizeof(in), .out = out, .out_size = sizeof(out),
		.packet_size = PACKET_SIZE,
	};

	memcpy(toy.mem + 0x1000, program, sizeof(program));
	toy.reg[EIP] = 0x1000;
	if (rsp_engine_init(&engine, &config) < 0)
		return 1;
	while (!toy.ended && receive(&engine)) {
		for (int i = 0; i < 1000 && toy.running; i++)
			run_one(&engine);
		if (!send_all(&engine))
			break;
	}
	return 0;
}
