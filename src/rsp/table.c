/*
 * The table of packets: dispatch, qSupported, doc/packets.md and its test all come from it. Sorted by name as
 * bytes; of several rows that begin a packet the longest one counts.
 */
#include "rsp/decode.h"

#include <string.h>

#define NONE RSP_KIND_COUNT

/* name, feature, answered by the engine, kind, match, suffix, advert, decoder */
#define PACKETS(ROW)                                                                                          \
	ROW("!", RSP_F_EXTENDED, 0, RSP_EXTENDED, EXACT, 0, NULL, extended)                                   \
	ROW("?", 0, 0, RSP_QUERY_HALT, EXACT, 0, NULL, plain)                                                 \
	ROW("C", 0, 0, RSP_RESUME, ARGS, 0, NULL, resume_signal)                                              \
	ROW("D", 0, 0, RSP_DETACH, LIST, 0, NULL, detach)                                                     \
	ROW("G", 0, 0, RSP_WRITE_REGS, ARGS, 1, NULL, regs)                                                   \
	ROW("Hc", 0, 0, RSP_SET_THREAD, ARGS, 0, NULL, set_thread)                                            \
	ROW("Hg", 0, 0, RSP_SET_THREAD, ARGS, 0, NULL, set_thread)                                            \
	ROW("M", 0, 0, RSP_WRITE_MEM, ARGS, 0, NULL, mem_write)                                               \
	ROW("P", 0, 0, RSP_WRITE_REG, ARGS, 1, NULL, reg_write)                                               \
	ROW("QEnableErrorStrings", RSP_F_LLDB, 1, NONE, EXACT, 0, NULL, lldb_mode)                            \
	ROW("QListThreadsInStopReply", RSP_F_LLDB, 1, NONE, EXACT, 0, NULL, lldb_mode)                        \
	ROW("QRestoreRegisterState", RSP_F_LLDB, 0, RSP_RESTORE_REGS, LIST, 1, NULL, restore_regs)            \
	ROW("QSaveRegisterState", RSP_F_LLDB, 0, RSP_SAVE_REGS, LIST, 1, NULL, save_regs)                     \
	ROW("QStartNoAckMode", RSP_F_NOACK, 1, NONE, EXACT, 0, "QStartNoAckMode+", noack)                     \
	ROW("QThreadSuffixSupported", RSP_F_LLDB, 1, NONE, EXACT, 0, NULL, lldb_mode)                         \
	ROW("Qqemu.PhyMemMode", RSP_F_PHYS_MODE, 0, RSP_PHYS_MODE_SET, LIST, 0, NULL, phys_mode)              \
	ROW("R", RSP_F_EXTENDED, 0, RSP_RESTART, ARGS, 0, NULL, restart)                                      \
	ROW("S", RSP_F_STEP, 0, RSP_RESUME, ARGS, 0, NULL, resume_signal)                                     \
	ROW("T", 0, 0, RSP_THREAD_ALIVE, ARGS, 0, NULL, thread)                                               \
	ROW("X", 0, 0, RSP_WRITE_MEM, ARGS, 0, NULL, mem_write_binary)                                        \
	ROW("Z0", RSP_F_SWBREAK, 0, RSP_INSERT_POINT, LIST, 0, NULL, point)                                   \
	ROW("Z1", RSP_F_HWBREAK, 0, RSP_INSERT_POINT, LIST, 0, NULL, point)                                   \
	ROW("Z2", RSP_F_WATCH, 0, RSP_INSERT_POINT, LIST, 0, NULL, point)                                     \
	ROW("Z3", RSP_F_WATCH, 0, RSP_INSERT_POINT, LIST, 0, NULL, point)                                     \
	ROW("Z4", RSP_F_WATCH, 0, RSP_INSERT_POINT, LIST, 0, NULL, point)                                     \
	ROW("_M", RSP_F_LLDB, 0, RSP_ALLOCATE, ARGS, 0, NULL, allocate)                                       \
	ROW("_m", RSP_F_LLDB, 0, RSP_DEALLOCATE, ARGS, 0, NULL, deallocate)                                   \
	ROW("c", 0, 0, RSP_RESUME, ARGS, 0, NULL, resume)                                                     \
	ROW("g", 0, 0, RSP_READ_REGS, LIST, 1, NULL, plain)                                                   \
	ROW("jThreadsInfo", RSP_F_LLDB, 0, RSP_THREADS_JSON, LIST, 0, NULL, lenient)                          \
	ROW("k", 0, 0, RSP_KILL, EXACT, 0, NULL, plain)                                                       \
	ROW("m", 0, 0, RSP_READ_MEM, ARGS, 0, NULL, mem_read)                                                 \
	ROW("p", 0, 0, RSP_READ_REG, ARGS, 1, NULL, reg)                                                      \
	ROW("qAttached", 0, 0, RSP_ATTACHED, LIST, 0, NULL, attached)                                         \
	ROW("qC", 0, 0, RSP_CURRENT_THREAD, EXACT, 0, NULL, plain)                                            \
	ROW("qCRC", RSP_F_CRC, 0, RSP_CRC, LIST, 0, NULL, crc)                                                \
	ROW("qEcho", RSP_F_LLDB, 1, NONE, LIST, 0, "qEcho+", echo)                                            \
	ROW("qHostInfo", RSP_F_LLDB, 0, RSP_HOST_INFO, EXACT, 0, NULL, plain)                                 \
	ROW("qMemoryRegionInfo", RSP_F_LLDB, 0, RSP_REGION_INFO, LIST, 0, NULL, region)                       \
	ROW("qOffsets", RSP_F_OFFSETS, 0, RSP_OFFSETS, EXACT, 0, NULL, plain)                                 \
	ROW("qProcessInfo", RSP_F_LLDB, 0, RSP_PROCESS_INFO, EXACT, 0, NULL, plain)                           \
	ROW("qRcmd", RSP_F_MONITOR, 0, RSP_MONITOR, LIST, 0, NULL, monitor)                                   \
	ROW("qRegisterInfo", RSP_F_LLDB, 0, RSP_REGISTER_INFO, ARGS, 0, NULL, register_info)                  \
	ROW("qSearch:memory", RSP_F_SEARCH, 0, RSP_SEARCH_MEM, LIST, 0, NULL, search)                         \
	ROW("qSupported", 0, 1, NONE, LIST, 0, NULL, supported)                                               \
	ROW("qThreadExtraInfo", 0, 0, RSP_THREAD_EXTRA, LIST, 0, NULL, thread_extra)                          \
	ROW("qThreadStopInfo", RSP_F_LLDB, 0, RSP_THREAD_STOP, ARGS, 0, NULL, thread)                         \
	ROW("qWatchpointSupportInfo", RSP_F_LLDB, 0, RSP_WATCH_INFO, LIST, 0, NULL, lenient)                  \
	ROW("qXfer:exec-file:read", RSP_F_EXEC_FILE, 0, RSP_XFER_READ, LIST, 0, "qXfer:exec-file:read+", xfer) \
	ROW("qXfer:features:read", RSP_F_XML_FEATURES, 0, RSP_XFER_READ, LIST, 0, "qXfer:features:read+", xfer) \
	ROW("qXfer:memory-map:read", RSP_F_MEMORY_MAP, 0, RSP_XFER_READ, LIST, 0, "qXfer:memory-map:read+", xfer) \
	ROW("qXfer:threads:read", RSP_F_XML_THREADS, 0, RSP_XFER_READ, LIST, 0, "qXfer:threads:read+", xfer)  \
	ROW("qfProcessInfo", RSP_F_LLDB, 0, RSP_PROCESS_INFO, LIST, 0, NULL, process_list)                    \
	ROW("qfThreadInfo", 0, 0, RSP_LIST_THREADS, EXACT, 0, NULL, plain)                                    \
	ROW("qqemu.PhyMemMode", RSP_F_PHYS_MODE, 0, RSP_PHYS_MODE_QUERY, EXACT, 0, NULL, plain)               \
	ROW("qqemu.Supported", RSP_F_PHYS_MODE, 1, NONE, EXACT, 0, NULL, qemu_supported)                      \
	ROW("qsProcessInfo", RSP_F_LLDB, 1, NONE, EXACT, 0, NULL, process_end)                                \
	ROW("qsThreadInfo", 0, 1, NONE, EXACT, 0, NULL, end_of_threads)                                       \
	ROW("s", RSP_F_STEP, 0, RSP_RESUME, ARGS, 0, NULL, resume)                                            \
	ROW("vCont;C", 0, 0, RSP_RESUME, ARGS, 0, NULL, vcont)                                                \
	ROW("vCont;S", RSP_F_STEP, 0, RSP_RESUME, ARGS, 0, NULL, vcont)                                       \
	ROW("vCont;c", 0, 0, RSP_RESUME, ARGS, 0, NULL, vcont)                                                \
	ROW("vCont;r", RSP_F_RANGE_STEP, 0, RSP_RESUME, ARGS, 0, NULL, vcont)                                 \
	ROW("vCont;s", RSP_F_STEP, 0, RSP_RESUME, ARGS, 0, NULL, vcont)                                       \
	ROW("vCont;t", 0, 0, RSP_RESUME, ARGS, 0, NULL, vcont)                                                \
	ROW("vCont?", 0, 1, NONE, EXACT, 0, NULL, vcont_query)                                                \
	ROW("vFile", RSP_F_VFILE, 0, RSP_VFILE, LIST, 0, NULL, file)                                          \
	ROW("vKill", 0, 0, RSP_KILL, LIST, 0, NULL, kill)                                                     \
	ROW("vMustReplyEmpty", 0, 1, NONE, EXACT, 0, NULL, empty)                                             \
	ROW("vRun", RSP_F_EXTENDED, 0, RSP_RUN, LIST, 0, NULL, run)                                           \
	ROW("x", RSP_F_BINARY_READ, 0, RSP_READ_MEM, ARGS, 0, "binary-upload+", mem_read)                     \
	ROW("z0", RSP_F_SWBREAK, 0, RSP_REMOVE_POINT, LIST, 0, NULL, point)                                   \
	ROW("z1", RSP_F_HWBREAK, 0, RSP_REMOVE_POINT, LIST, 0, NULL, point)                                   \
	ROW("z2", RSP_F_WATCH, 0, RSP_REMOVE_POINT, LIST, 0, NULL, point)                                     \
	ROW("z3", RSP_F_WATCH, 0, RSP_REMOVE_POINT, LIST, 0, NULL, point)                                     \
	ROW("z4", RSP_F_WATCH, 0, RSP_REMOVE_POINT, LIST, 0, NULL, point)

#define INFO(name, feature, internal, kind, match, suffix, advert, decode) {name, feature, internal},
static const struct rsp_packet_info infos[] = {PACKETS(INFO)};

#define DECODER(name, feature, internal, kind, match, suffix, advert, decode)                                 \
	{kind, RSP_MATCH_##match, suffix, advert, rsp_decode_##decode},
static const struct rsp_packet_row rows[] = {PACKETS(DECODER)};

#define COUNT (sizeof(infos) / sizeof(infos[0]))

const struct rsp_packet_info *rsp_packet_table(size_t *ret_count)
{
	*ret_count = COUNT;
	return infos;
}

const struct rsp_packet_row *rsp_packet_row(size_t i)
{
	return &rows[i];
}

/* <0, 0, >0 as name sorts against the packet; 0 also where it is the packet's beginning. */
static int compare(const char *name, const struct rsp_frame *packet)
{
	size_t len = strlen(name);
	int order = memcmp(name, packet->buf, len < packet->len ? len : packet->len);

	return order != 0 ? order : len > packet->len;
}

static bool fits(enum rsp_match match, const struct rsp_frame *packet, size_t name_len)
{
	uint8_t next = packet->buf[name_len];

	if (packet->len == name_len || match == RSP_MATCH_ARGS)
		return true;
	return match == RSP_MATCH_LIST && (next == ':' || next == ';' || next == ',');
}

/* All names that begin the packet sort before it, the longest one last. */
const struct rsp_packet_row *rsp_packet_find(const struct rsp_frame *packet,
                                             const struct rsp_packet_info **ret_info)
{
	size_t low = 0, high = COUNT;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(infos[middle].name, packet) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low > 0 && infos[low - 1].name[0] == (char)packet->buf[0]; low--) {
		if (compare(infos[low - 1].name, packet) != 0)
			continue;
		if (!fits(rows[low - 1].match, packet, strlen(infos[low - 1].name)))
			continue;
		*ret_info = &infos[low - 1];
		return &rows[low - 1];
	}
	return NULL;
}
