/*
 * A virtio network card in memory (virtio 1.2), driven by its interrupt: as 10.77.0.2 answers ARP, ICMP echo
 * and, on UDP's port 7, whatever comes; a datagram for port 9 ends the guest. The command line:
 *   poll   without interrupts, looking at the rings
 *   loop   a chain that leads to itself: the card must say that it needs a reset
 */
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/interrupt.h"

#define BASE 0xfeb00000ull
#define LINE 5
#define QUEUE 8
#define HEADER 12
#define BUFFER 2048
#define NEEDS_RESET 0x40

enum {
	MAGIC = 0x00, VERSION = 0x04, DEVICE = 0x08, FEATURES = 0x10, FEATURES_SEL = 0x14, DRIVER = 0x20,
	DRIVER_SEL = 0x24, QUEUE_SEL = 0x30, QUEUE_MAX = 0x34, QUEUE_NUM = 0x38, READY = 0x44, NOTIFY = 0x50,
	INTERRUPTS = 0x60, ACK = 0x64, STATUS = 0x70, DESC = 0x80, AVAIL = 0x90, USED = 0xa0, CONFIG = 0x100
};

struct desc { uint64_t at; uint32_t len; uint16_t flags, next; };
struct avail { uint16_t flags, index, ring[QUEUE]; };
struct used { uint16_t flags, index; struct { uint32_t id, len; } ring[QUEUE]; };

struct queue {
	_Alignas(16) struct desc desc[QUEUE];
	volatile struct avail avail;
	_Alignas(4) volatile struct used used;
	uint16_t seen;
};

struct queue net_rx, net_tx;
uint8_t net_in[QUEUE][BUFFER], net_out[HEADER + BUFFER];
volatile unsigned net_interrupts, net_frames;
uint8_t net_mac[6];
static const uint8_t ip[4] = {10, 77, 0, 2};

static uint32_t get(unsigned offset) { return *(volatile uint32_t *)(BASE + offset); }
static void put(unsigned offset, uint32_t v) { *(volatile uint32_t *)(BASE + offset) = v; }
static void barrier(void) { __asm__ volatile("mfence" : : : "memory"); }

static __attribute__((interrupt)) void on_card(struct interrupt_frame *frame)
{
	(void)frame;
	put(ACK, get(INTERRUPTS));
	net_interrupts++;
	pic_eoi(LINE);
}

/* ---- the card ---- */

static void put_address(unsigned offset, volatile void *p)
{
	put(offset, (uint32_t)(uintptr_t)p);
	put(offset + 4, (uint32_t)((uintptr_t)p >> 32));
}

static void start_queue(unsigned number, struct queue *q)
{
	put(QUEUE_SEL, number);
	put(QUEUE_NUM, QUEUE);
	put_address(DESC, q->desc);
	put_address(AVAIL, &q->avail);
	put_address(USED, &q->used);
	put(READY, 1);
}

static void offer(unsigned i)
{
	net_rx.avail.ring[net_rx.avail.index % QUEUE] = (uint16_t)i;
	barrier();
	net_rx.avail.index++;
}

/* 3.1.1: 0, or which step failed. */
static int start_card(bool poll)
{
	if (get(MAGIC) != 0x74726976 || get(VERSION) != 2 || get(DEVICE) != 1)
		return 2;
	put(STATUS, 0);
	put(STATUS, 3);
	put(FEATURES_SEL, 1);
	if (!(get(FEATURES) & 1))
		return 3;
	put(DRIVER_SEL, 0);
	put(DRIVER, 1u << 5);
	put(DRIVER_SEL, 1);
	put(DRIVER, 1);
	put(STATUS, 11);
	if (!(get(STATUS) & 8))
		return 4;
	if (poll)
		net_rx.avail.flags = net_tx.avail.flags = 1;
	start_queue(0, &net_rx);
	start_queue(1, &net_tx);
	if (!get(READY))
		return 5;
	put(STATUS, 15);
	for (unsigned i = 0; i < QUEUE; i++) {
		net_rx.desc[i] = (struct desc){(uintptr_t)net_in[i], BUFFER, 2, 0};
		offer(i);
	}
	put(NOTIFY, 0);
	return 0;
}

static void send(unsigned len)
{
	net_tx.desc[0] = (struct desc){(uintptr_t)net_out, HEADER + len, 0, 0};
	net_tx.avail.ring[net_tx.avail.index % QUEUE] = 0;
	barrier();
	net_tx.avail.index++;
	put(NOTIFY, 1);
}

/* ---- what it says ---- */

static bool equal(const uint8_t *a, const uint8_t *b, unsigned len)
{
	while (len > 0 && *a == *b)
		a++, b++, len--;
	return len == 0;
}

static void put_sum(uint8_t *p, unsigned len, uint8_t *at)
{
	uint32_t sum = 0;

	at[0] = at[1] = 0;
	for (unsigned i = 0; i < len; i++)
		sum += (uint32_t)p[i] << (i % 2 ? 0 : 8);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	at[0] = (uint8_t)(sum >> 8);
	at[1] = (uint8_t)sum;
}

static void swap(uint8_t *a, uint8_t *b, unsigned len)
{
	for (; len > 0; a++, b++, len--) {
		uint8_t c = *a;

		*a = *b, *b = c;
	}
}

/* f: a copy of the frame, made into its answer. False: there is none. */
static bool answer_arp(uint8_t *f)
{
	if (f[21] != 1 || !equal(f + 38, ip, 4))
		return false;
	f[21] = 2;
	memcpy(f + 32, f + 22, 10);
	memcpy(f + 22, net_mac, 6);
	memcpy(f + 28, ip, 4);
	return true;
}

static bool answer_ip(uint8_t *f, unsigned len)
{
	if (len < 42 || f[14] != 0x45 || !equal(f + 30, ip, 4))
		return false;
	swap(f + 26, f + 30, 4);
	if (f[23] == 1 && f[34] == 8) {
		f[34] = 0;
		put_sum(f + 34, ((unsigned)f[16] << 8 | f[17]) - 20, f + 36);
		return true;
	}
	if (f[23] != 17)
		return false;
	if (f[36] == 0 && f[37] == 9) {
		guest_puts("bye after ");
		guest_put_dec(net_frames);
		guest_puts(" frames\n");
		guest_exit(f[42]);
	}
	swap(f + 34, f + 36, 2);
	f[40] = f[41] = 0; /* no sum */
	return f[34] == 0 && f[35] == 7;
}

static void take_frame(const uint8_t *bytes, unsigned len)
{
	uint8_t *f = net_out + HEADER;
	bool answered;

	net_frames++;
	memcpy(f, bytes, len);
	answered = f[12] == 8 && (f[13] == 6 ? answer_arp(f) : f[13] == 0 && answer_ip(f, len));
	if (!answered)
		return;
	memcpy(f, f + 6, 6);
	memcpy(f + 6, net_mac, 6);
	send(len);
}

/* As many as have come; the buffers go back. */
static void take_frames(void)
{
	while (net_rx.seen != net_rx.used.index) {
		unsigned id, len;

		barrier();
		id = net_rx.used.ring[net_rx.seen % QUEUE].id;
		len = net_rx.used.ring[net_rx.seen % QUEUE].len;
		net_rx.seen++;
		if (len > HEADER + 14)
			take_frame(net_in[id] + HEADER, len - HEADER);
		offer(id);
		put(NOTIFY, 0);
	}
}

static int play_loop(void)
{
	net_tx.desc[0] = (struct desc){(uintptr_t)net_out, 64, 1, 1};
	net_tx.desc[1] = (struct desc){(uintptr_t)net_out, 64, 1, 0};
	net_tx.avail.ring[0] = 0;
	barrier();
	net_tx.avail.index++;
	put(NOTIFY, 1);
	if (!(get(STATUS) & NEEDS_RESET))
		return 6;
	put(STATUS, 0);
	return get(STATUS) == 0 && get(READY) == 0 ? 0 : 7;
}

int guest_main(const char *cmdline, const struct guest_boot_info *info)
{
	bool poll = guest_has_word(cmdline, "poll");
	int failed;

	(void)info;
	idt_init();
	idt_set(VECTOR_IRQ0 + LINE, on_card);
	pic_init();
	pic_unmask(LINE);
	failed = start_card(poll);
	if (failed)
		return failed;
	for (unsigned i = 0; i < 6; i++) {
		net_mac[i] = *(volatile uint8_t *)(BASE + CONFIG + i);
		guest_putc("0123456789abcdef"[net_mac[i] >> 4]);
		guest_putc("0123456789abcdef"[net_mac[i] & 15]);
		guest_puts(i < 5 ? ":" : "\n");
	}
	if (guest_has_word(cmdline, "loop"))
		return play_loop();
	guest_puts("ready\n");
	for (;;) {
		take_frames();
		if (poll)
			continue;
		if (net_rx.seen == net_rx.used.index)
			cpu_sti_hlt();
		cpu_cli();
	}
}
