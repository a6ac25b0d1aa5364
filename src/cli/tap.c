#include "cli/tap.h"

#include "base/crc32.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define TUN "/dev/net/tun"
#define ANNOUNCED_SIZE 0x1000u /* a page, as drivers map it */

/* ---- the interface ---- */

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* A group address cannot be a card's own. */
static int parse_mac(const char *text, uint8_t mac[6])
{
	for (unsigned i = 0; i < 6; i++, text += 3) {
		int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);

		if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		mac[i] = (uint8_t)(high << 4 | low);
	}
	return mac[0] & 1 ? -EINVAL : 0;
}

/* The same each time, and another one for each interface of a host; locally administered. */
static void make_mac(const char *name, uint8_t mac[6])
{
	uint32_t sum = crc32_add(0, name, strlen(name));
	const uint8_t made[6] = {0x52, 0x54, 0x00, (uint8_t)(sum >> 16), (uint8_t)(sum >> 8), (uint8_t)sum};

	memcpy(mac, made, sizeof(made));
}

static int parse(struct cli_tap *t, const char *spec, struct ifreq *req, struct error *err)
{
	const char *comma = strchr(spec, ',');
	size_t len = comma ? (size_t)(comma - spec) : strlen(spec);

	if (len == 0 || len >= IFNAMSIZ || strcspn(spec, "/: %") < len)
		return error_set(err, EINVAL, "--tap: '%.60s' is no name of a network interface", spec);
	memset(req, 0, sizeof(*req));
	memcpy(req->ifr_name, spec, len);
	make_mac(req->ifr_name, t->mac);
	if (comma && parse_mac(comma + 1, t->mac) < 0)
		return error_set(err, EINVAL, "--tap: '%.60s' is no address of a network card, such as "
		                 "52:54:00:12:34:56", comma + 1);
	return 0;
}

/* TUNSETIFF would make what is not there, if it may. */
static int look_up(struct cli_tap *t, struct ifreq *req, struct error *err)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), code = errno;

	if (fd >= 0) {
		code = ioctl(fd, SIOCGIFMTU, req) < 0 ? errno : 0;
		close(fd);
	}
	if (code == ENODEV)
		return error_set(err, ENODEV, "--tap: there is no network interface '%s'; 'ip tuntap add %s "
		                 "mode tap' makes one", req->ifr_name, req->ifr_name);
	if (code != 0)
		return error_set(err, code, "--tap: %s: %s", req->ifr_name, strerror(code));
	t->mtu = (uint16_t)(req->ifr_mtu > 65535 ? 65535 : req->ifr_mtu);
	return 0;
}

static int refused(const char *name, int code, struct error *err)
{
	switch (code) {
	case EBUSY:
		return error_set(err, code, "--tap: %s is in use by another program", name);
	case EINVAL:
		return error_set(err, code, "--tap: %s is no tap interface, or one of several queues", name);
	case EPERM:
		return error_set(err, code, "--tap: %s is not yours; 'ip tuntap add %s mode tap user NAME' "
		                 "makes one that is", name, name);
	default:
		return error_set(err, code, "--tap: %s: %s", name, strerror(code));
	}
}

static int take(struct cli_tap *t, struct ifreq *req, struct error *err)
{
	t->fd = open(TUN, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (t->fd < 0)
		return error_set(err, errno, "--tap: cannot open " TUN ": %s", strerror(errno));
	req->ifr_flags = IFF_TAP | IFF_NO_PI;
	if (ioctl(t->fd, TUNSETIFF, req) < 0)
		return refused(req->ifr_name, errno, err);
	/* Frames as they are on a wire, whatever its last user had asked for. */
	if (ioctl(t->fd, TUNSETOFFLOAD, 0) < 0)
		return error_set(err, errno, "--tap: %s: %s", req->ifr_name, strerror(errno));
	return 0;
}

int cli_tap_open(struct cli_tap *t, const char *spec, struct error *err)
{
	struct ifreq req;
	int rc;

	t->fd = t->id = -1;
	if (spec == NULL)
		return 0;
	t->place = (struct boot_virtio){DEV_VIRTIO_MMIO_BASE, ANNOUNCED_SIZE, DEV_VIRTIO_MMIO_LINE};
	rc = parse(t, spec, &req, err);
	if (rc == 0)
		rc = look_up(t, &req, err);
	return rc == 0 ? take(t, &req, err) : rc;
}

void cli_tap_close(struct cli_tap *t)
{
	if (t->fd < 0)
		return;
	close(t->fd);
	dev_virtio_net_fini(&t->card);
	t->fd = -1;
}

const struct boot_virtio *cli_tap_place(const struct cli_tap *t)
{
	return t->fd >= 0 ? &t->place : NULL;
}

/* ---- frames ---- */

static int receive(void *ctx, void *frame, size_t size)
{
	struct cli_tap *t = ctx;
	ssize_t n = read(t->fd, frame, size);

	if (n > 0)
		return (int)n;
	return n < 0 && errno != EAGAIN && errno != EINTR ? -1 : 0; /* the interface was taken away */
}

/* What the interface does not take, being down for one, is lost like any frame on a wire. */
static void transmit(void *ctx, const void *frame, size_t len)
{
	if (write(((struct cli_tap *)ctx)->fd, frame, len) < 0)
		return;
}

static void await(void *ctx)
{
	struct cli_tap *t = ctx;

	server_loop_arm(t->loop, t->id);
}

static void on_readable(void *ctx)
{
	kvm_machine_poke(((struct cli_tap *)ctx)->wires->kvm);
}

/* ---- the machine ---- */

int cli_tap_attach(struct cli_tap *t, struct cli_devices *dev, struct guest_mem *mem,
                   struct server_loop *loop, const struct cli_wires *wires, struct error *err)
{
	const struct dev_virtio_net_wire wire = {t, receive, transmit, await};

	if (t->fd < 0)
		return 0;
	dev_virtio_net_init(&t->card, &dev->host, mem, &wire, t->mac, t->mtu);
	if (dev_virtio_net_attach(&t->card, &dev->bus) < 0)
		return error_set(err, ENOSPC, "the network card does not fit its bus");
	t->loop = loop;
	t->wires = wires;
	t->id = server_loop_add(loop, t->fd, on_readable, t);
	return t->id < 0 ? error_set(err, -t->id, "cannot watch the tap interface") : 0;
}

void cli_tap_work(struct cli_tap *t)
{
	if (t->fd >= 0)
		dev_virtio_net_receive(&t->card);
}

void cli_tap_reset(struct cli_tap *t)
{
	if (t->fd >= 0)
		dev_virtio_net_reset(&t->card);
}
