/*
 * null ADDRESS [REPLIES [SPIN_US]]: a stub with nothing behind it, so what it costs is the protocol, the
 * socket and the client. ADDRESS is unix:PATH or tcp:PORT. REPLIES is what record.py has kept of a session
 * with trapline, so that the same packets get the same answers ("-": none). With SPIN_US it looks for so long
 * before it blocks; with a fourth word a vcpu steps for each vCont;s, and nothing else is done about it: the
 * least that a stub on KVM can be.
 */
#include "serve.h"
#include "vm.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PACKET 0x20000
#define MEMORY (1u << 20)
#define BUCKETS 1024
#define MAX_REQUEST 4096

/* One answer to a request; the next time it is asked the next answer is given, round and round. */
struct answer {
	struct answer *next;
	uint8_t *bytes; /* framed */
	size_t len;
};

struct known {
	struct known *next;
	uint8_t *request;
	size_t len;
	struct answer *answer;
};

struct null {
	struct known *bucket[BUCKETS];
	uint8_t memory[MEMORY];
	uint8_t in[2 * PACKET], out[4 * PACKET];
	size_t start, end;
	unsigned spin_us;
	bool no_ack, steps;
	struct vm vm;
	int fd;
};

extern const uint8_t code_begin[], code_end[]; /* code.S: begins with the loop */

static const char digits[] = "0123456789abcdef";

/* ---- known answers ---- */

static unsigned hash(const uint8_t *p, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return h % BUCKETS;
}

static struct known *find(const struct null *n, const uint8_t *request, size_t len)
{
	struct known *k = n->bucket[hash(request, len)];

	while (k != NULL && (k->len != len || memcmp(k->request, request, len) != 0))
		k = k->next;
	return k;
}

static size_t frame(uint8_t *out, size_t len)
{
	unsigned sum = 0;

	out[0] = '$';
	for (size_t i = 1; i <= len; i++)
		sum += out[i];
	out[len + 1] = '#';
	out[len + 2] = (uint8_t)digits[sum >> 4 & 15];
	out[len + 3] = (uint8_t)digits[sum & 15];
	return len + 4;
}

static struct answer *new_answer(const uint8_t *body, size_t len)
{
	struct answer *a = calloc(1, sizeof(*a) + len + 4);

	if (a == NULL)
		bench_die("no memory");
	a->bytes = (uint8_t *)(a + 1);
	memcpy(a->bytes + 1, body, len);
	a->len = frame(a->bytes, len);
	return a;
}

static void learn(struct null *n, const uint8_t *request, size_t len, const uint8_t *body, size_t body_len)
{
	struct known *k = find(n, request, len);
	struct answer *a = new_answer(body, body_len);

	if (k == NULL) {
		struct known **bucket = &n->bucket[hash(request, len)];

		k = calloc(1, sizeof(*k) + len);
		if (k == NULL)
			bench_die("no memory");
		*k = (struct known){.next = *bucket, .request = (uint8_t *)(k + 1), .len = len, .answer = a};
		memcpy(k->request, request, len);
		*bucket = k;
		a->next = a;
		return;
	}
	/* k->answer is the one to be given next: the new one goes to the end of the round. */
	struct answer *last = k->answer;

	while (last->next != k->answer)
		last = last->next;
	last->next = a;
	a->next = k->answer;
}

static size_t unhex(const char *text, uint8_t *buf, size_t max)
{
	size_t n = 0;
	unsigned byte;

	for (; n < max && sscanf(text + 2 * n, "%2x", &byte) == 1 && text[2 * n] != ' '; n++)
		buf[n] = (uint8_t)byte;
	return n;
}

/* Lines of "request answer", both in hexadecimal; an empty answer is "-". */
static void load(struct null *n, const char *path)
{
	static char line[4 * PACKET];
	static uint8_t request[MAX_REQUEST], body[2 * PACKET];
	FILE *f = fopen(path, "r");

	if (f == NULL)
		bench_die("cannot read %s", path);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *second = strchr(line, ' ');

		if (second == NULL)
			continue;
		*second++ = '\0';
		size_t len = unhex(line, request, sizeof(request));

		learn(n, request, len, body, *second == '-' ? 0 : unhex(second, body, sizeof(body)));
	}
	fclose(f);
}

static void learn_text(struct null *n, const char *request, const char *body)
{
	if (find(n, (const uint8_t *)request, strlen(request)) == NULL)
		learn(n, (const uint8_t *)request, strlen(request), (const uint8_t *)body, strlen(body));
}

/* What is answered without a recording. */
static void learn_defaults(struct null *n)
{
	static char regs[1200];

	memset(regs, '1', sizeof(regs) - 1);
	learn_text(n, "g", regs);
	learn_text(n, "p10", "0000100000000000");
	learn_text(n, "?", "T05thread:1;");
	learn_text(n, "qC", "QC1");
	learn_text(n, "vCont?", "vCont;c;C;s;S;t;r");
	learn_text(n, "QStartNoAckMode", "OK");
}

/* ---- answering ---- */

static void send_all(struct null *n, const uint8_t *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(n->fd, bytes, len, MSG_NOSIGNAL);

		if (sent < 0)
			return;
		bytes += sent;
		len -= (size_t)sent;
	}
}

static void answer(struct null *n, const char *body)
{
	size_t len = strlen(body);

	memcpy(n->out + 1, body, len);
	send_all(n, n->out, frame(n->out, len));
}

static const uint8_t *memory_at(struct null *n, uint64_t addr, uint64_t *len)
{
	addr %= MEMORY / 2;
	if (*len > MEMORY / 2)
		*len = MEMORY / 2;
	return n->memory + addr;
}

static uint16_t pair_of[256];

static void make_pairs(void)
{
	for (unsigned i = 0; i < 256; i++)
		memcpy(&pair_of[i], (const char[]){digits[i >> 4], digits[i & 15]}, 2);
}

static void read_hex(struct null *n, uint64_t addr, uint64_t len)
{
	const uint8_t *from = memory_at(n, addr, &len);
	for (uint64_t i = 0; i < len; i++)
		memcpy(n->out + 1 + 2 * i, &pair_of[from[i]], 2);
	send_all(n, n->out, frame(n->out, 2 * len));
}

static void read_binary(struct null *n, uint64_t addr, uint64_t len)
{
	const uint8_t *from = memory_at(n, addr, &len);
	uint8_t *to = n->out + 1;

	*to++ = 'b';
	for (uint64_t i = 0; i < len; i++) {
		if (from[i] == '$' || from[i] == '#' || from[i] == '}' || from[i] == '*') {
			*to++ = '}';
			*to++ = from[i] ^ 0x20;
		} else {
			*to++ = from[i];
		}
	}
	send_all(n, n->out, frame(n->out, (size_t)(to - n->out - 1)));
}

/* Value of each digit; the rest is nobody's business here. */
static uint8_t value_of[256];

static void make_values(void)
{
	for (unsigned i = 0; i < 16; i++)
		value_of[(uint8_t)digits[i]] = value_of[(uint8_t)"0123456789ABCDEF"[i]] = (uint8_t)i;
}

/* Undoes escapes: what lies between them is copied in one piece. */
static void copy_binary(uint8_t *to, const uint8_t *data, const uint8_t *end)
{
	const uint8_t *escape;

	while ((escape = memchr(data, '}', (size_t)(end - data))) != NULL && escape + 1 < end) {
		memcpy(to, data, (size_t)(escape - data));
		to += escape - data;
		*to++ = escape[1] ^ 0x20;
		data = escape + 2;
	}
	memcpy(to, data, (size_t)(end - data));
}

static void write_memory(struct null *n, uint64_t addr, const uint8_t *data, const uint8_t *end, bool hex)
{
	uint64_t len = (uint64_t)(end - data);
	uint8_t *to = (uint8_t *)(uintptr_t)memory_at(n, addr, &len);

	if (hex)
		for (; end - data >= 2; data += 2)
			*to++ = (uint8_t)(value_of[data[0]] << 4 | value_of[data[1]]);
	else
		copy_binary(to, data, end);
	answer(n, "OK");
}

static void memory_packet(struct null *n, const uint8_t *packet, size_t len)
{
	char *at;
	uint64_t addr = strtoull((const char *)packet + 1, &at, 16), count = strtoull(at + 1, &at, 16);
	const uint8_t *data = (const uint8_t *)at + 1;

	switch (packet[0]) {
	case 'm':
		read_hex(n, addr, count);
		break;
	case 'x':
		read_binary(n, addr, count);
		break;
	default:
		write_memory(n, addr, data, packet + len, packet[0] == 'M');
	}
}

static bool begins(const uint8_t *packet, size_t len, const char *text)
{
	return len >= strlen(text) && memcmp(packet, text, strlen(text)) == 0;
}

/* packet ends with '#', so numbers in it end too. */
static void packet_arrived(struct null *n, const uint8_t *packet, size_t len)
{
	struct known *k;

	if (!n->no_ack)
		send_all(n, (const uint8_t *)"+", 1);
	k = find(n, packet, len);
	if (n->steps && begins(packet, len, "vCont;s"))
		vm_run(&n->vm);
	if (k != NULL) {
		send_all(n, k->answer->bytes, k->answer->len);
		k->answer = k->answer->next;
		n->no_ack |= begins(packet, len, "QStartNoAckMode");
	} else if (len > 0 && strchr("mxMX", packet[0]) != NULL) {
		memory_packet(n, packet, len);
	} else if (begins(packet, len, "qSupported")) {
		answer(n, "PacketSize=20000;QStartNoAckMode+;vContSupported+;binary-upload+");
	} else if (begins(packet, len, "vCont;s")) {
		answer(n, "T05thread:1;06:0000000000000000;07:f87f010000000000;10:0000100000000000;");
	} else if (begins(packet, len, "vCont;c")) {
		/* runs until it is interrupted */
	} else if (len > 0 && strchr("HzZPG", packet[0]) != NULL) {
		answer(n, "OK");
	} else {
		answer(n, "");
	}
}

/* ---- bytes ---- */

static bool more(struct null *n)
{
	double end = n->spin_us > 0 ? bench_now() + n->spin_us : 0;
	size_t room = sizeof(n->in) - n->end;
	ssize_t got = -1;

	if (n->spin_us > 0)
		do
			got = recv(n->fd, n->in + n->end, room, MSG_DONTWAIT);
		while (got < 0 && bench_now() < end);
	if (got < 0)
		got = recv(n->fd, n->in + n->end, room, 0);
	if (got <= 0)
		return false;
	n->end += (size_t)got;
	return true;
}

static void serve(struct null *n)
{
	n->start = n->end = 0;
	n->no_ack = false;
	while (more(n)) {
		while (n->start < n->end) {
			uint8_t *from = n->in + n->start;
			uint8_t *hash_at = memchr(from, '#', n->end - n->start);

			if (*from == 3)
				answer(n, "T02thread:1;");
			if (*from != '$') {
				n->start++;
				continue;
			}
			if (hash_at == NULL || hash_at + 3 > n->in + n->end)
				break;
			n->start = (size_t)(hash_at - n->in) + 3;
			packet_arrived(n, from + 1, (size_t)(hash_at - from) - 1);
		}
		if (n->start == n->end)
			n->start = n->end = 0;
	}
}

static int listen_at(const char *address)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool is_unix = strncmp(address, "unix:", 5) == 0;
	int one = 1, rc, fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (is_unix) {
		snprintf(un.sun_path, sizeof(un.sun_path), "%s", address + 5);
		rc = bind(fd, (struct sockaddr *)&un, sizeof(un));
	} else {
		in.sin_port = htons((uint16_t)atoi(address + 4));
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		rc = bind(fd, (struct sockaddr *)&in, sizeof(in));
	}
	if (rc < 0 || listen(fd, 8) < 0)
		bench_die("cannot listen at %s", address);
	return fd;
}

int main(int argc, char **argv)
{
	static struct null n;
	int one = 1, fd;

	if (argc < 2)
		bench_die("usage: null ADDRESS [REPLIES|- [SPIN_US]]");
	if (argc > 2 && strcmp(argv[2], "-") != 0)
		load(&n, argv[2]);
	learn_defaults(&n);
	make_pairs();
	make_values();
	bench_fill(n.memory, sizeof(n.memory));
	if (argc > 4) {
		n.steps = true;
		vm_open(&n.vm, 16u << 20);
		memcpy(n.vm.mem + VM_CODE, code_begin, (size_t)(code_end - code_begin));
		vm_start_at(&n.vm, VM_CODE, true);
		vm_debug(&n.vm, true, 0);
	}
	n.spin_us = argc > 3 ? (unsigned)atoi(argv[3]) : 0;
	fd = listen_at(argv[1]);
	for (;;) {
		n.fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (n.fd < 0)
			continue;
		setsockopt(n.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		serve(&n);
		close(n.fd);
	}
}
