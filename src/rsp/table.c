/*
 * The table of packets: dispatch, qSupported, doc/packets.md and its test all come from it. Sorted by name as
 * bytes; of several rows that begin a packet the longest one counts.
 */
#include "rsp/decode.h"

#include <string.h>

#define RSP_F_ALWAYS 0
#define RSP_INTERNAL RSP_KIND_COUNT /* answered by the engine */

/* name, feature (RSP_F_), kind (RSP_), what may follow (RSP_MATCH_), decoder (rsp_decode_), advert */
#define PACKETS(ROW)                                                                                    \
	ROW("!", EXTENDED, EXTENDED, EXACT, extended, NULL)                                             \
	ROW("?", ALWAYS, QUERY_HALT, EXACT, plain, NULL)                                                \
	ROW("C", ALWAYS, RESUME, ARGS, resume_signal, NULL)                                             \
	ROW("D", ALWAYS, DETACH, LIST, detach, NULL)                                                    \
	ROW("G", ALWAYS, WRITE_REGS, ARGS, regs, NULL)                                                  \
	ROW("Hc", ALWAYS, SET_THREAD, ARGS, set_thread, NULL)                                           \
	ROW("Hg", ALWAYS, SET_THREAD, ARGS, set_thread, NULL)                                           \
	ROW("M", ALWAYS, WRITE_MEM, ARGS, mem_write, NULL)                                              \
	ROW("MultiMemRead", MULTI_READ, READ_RANGES, LIST, mem_ranges, "MultiMemRead+")                 \
	ROW("P", ALWAYS, WRITE_REG, ARGS, reg_write, NULL)                                              \
	ROW("QCatchSyscalls", CATCH_SYSCALLS, CATCH_SYSCALLS, LIST, catch_syscalls, "QCatchSyscalls+")  \
	ROW("QEnableErrorStrings", LLDB, INTERNAL, EXACT, lldb_mode, NULL)                              \
	ROW("QListThreadsInStopReply", LLDB, INTERNAL, EXACT, lldb_mode, NULL)                          \
	ROW("QNonStop", NON_STOP, NON_STOP, LIST, flag, "QNonStop+")                                    \
	ROW("QRestoreRegisterState", LLDB, RESTORE_REGS, LIST, restore_regs, NULL)                      \
	ROW("QSaveRegisterState", LLDB, SAVE_REGS, LIST, save_regs, NULL)                               \
	ROW("QStartNoAckMode", NOACK, INTERNAL, EXACT, noack, "QStartNoAckMode+")                       \
	ROW("QTBuffer", TRACE, TRACE, LIST, trace, "QTBuffer:size+")                                    \
	ROW("QTDP", TRACE, TRACE, LIST, trace, "ConditionalTracepoints+")                               \
	ROW("QTDPsrc", TRACE, TRACE, LIST, trace, "TracepointSource+")                                  \
	ROW("QTDV", TRACE, TRACE, LIST, trace, NULL)                                                    \
	ROW("QTDisable", TRACE, TRACE, LIST, trace, NULL)                                               \
	ROW("QTDisconnected", TRACE, TRACE, LIST, trace, "DisconnectedTracing+")                        \
	ROW("QTEnable", TRACE, TRACE, LIST, trace, "EnableDisableTracepoints+")                         \
	ROW("QTFrame", TRACE, TRACE, LIST, trace, NULL)                                                 \
	ROW("QTNotes", TRACE, TRACE, LIST, trace, NULL)                                                 \
	ROW("QTStart", TRACE, TRACE, EXACT, trace, NULL)                                                \
	ROW("QTStop", TRACE, TRACE, EXACT, trace, NULL)                                                 \
	ROW("QThreadSuffixSupported", LLDB, INTERNAL, EXACT, lldb_mode, NULL)                           \
	ROW("QTinit", TRACE, TRACE, EXACT, trace, NULL)                                                 \
	ROW("QTro", TRACE, TRACE, LIST, trace, NULL)                                                    \
	ROW("Qqemu.PhyMemMode", PHYS_MODE, PHYS_MODE_SET, LIST, flag, NULL)                             \
	ROW("R", EXTENDED, RESTART, ARGS, restart, NULL)                                                \
	ROW("S", STEP, RESUME, ARGS, resume_signal, NULL)                                               \
	ROW("T", ALWAYS, THREAD_ALIVE, ARGS, thread, NULL)                                              \
	ROW("X", ALWAYS, WRITE_MEM, ARGS, mem_write_binary, NULL)                                       \
	ROW("Z0", SWBREAK, INSERT_POINT, LIST, point, NULL)                                             \
	ROW("Z1", HWBREAK, INSERT_POINT, LIST, point, NULL)                                             \
	ROW("Z2", WATCH, INSERT_POINT, LIST, point, NULL)                                               \
	ROW("Z3", WATCH, INSERT_POINT, LIST, point, NULL)                                               \
	ROW("Z4", WATCH, INSERT_POINT, LIST, point, NULL)                                               \
	ROW("_M", LLDB, ALLOCATE, ARGS, allocate, NULL)                                                 \
	ROW("_m", LLDB, DEALLOCATE, ARGS, deallocate, NULL)                                             \
	ROW("c", ALWAYS, RESUME, ARGS, resume, NULL)                                                    \
	ROW("g", ALWAYS, READ_REGS, LIST, plain, NULL)                                                  \
	ROW("jThreadsInfo", LLDB, THREADS_JSON, LIST, lenient, NULL)                                    \
	ROW("k", ALWAYS, KILL, EXACT, plain, NULL)                                                      \
	ROW("m", ALWAYS, READ_MEM, ARGS, mem_read, NULL)                                                \
	ROW("p", ALWAYS, READ_REG, ARGS, reg, NULL)                                                     \
	ROW("qAttached", ALWAYS, ATTACHED, LIST, attached, NULL)                                        \
	ROW("qC", ALWAYS, CURRENT_THREAD, EXACT, plain, NULL)                                           \
	ROW("qCRC", CRC, CRC, LIST, crc, NULL)                                                          \
	ROW("qEcho", LLDB, INTERNAL, LIST, echo, "qEcho+")                                              \
	ROW("qGDBServerVersion", LLDB, SERVER_VERSION, EXACT, plain, NULL)                              \
	ROW("qHostInfo", LLDB, HOST_INFO, EXACT, plain, NULL)                                           \
	ROW("qMemoryRegionInfo", LLDB, REGION_INFO, LIST, region, NULL)                                 \
	ROW("qOffsets", OFFSETS, OFFSETS, EXACT, plain, NULL)                                           \
	ROW("qProcessInfo", LLDB, PROCESS_INFO, EXACT, plain, NULL)                                     \
	ROW("qRcmd", MONITOR, MONITOR, LIST, monitor, NULL)                                             \
	ROW("qRegisterInfo", LLDB, REGISTER_INFO, ARGS, register_info, NULL)                            \
	ROW("qSearch:memory", SEARCH, SEARCH_MEM, LIST, search, NULL)                                   \
	ROW("qStructuredDataPlugins", LLDB, INTERNAL, EXACT, no_plugins, NULL)                          \
	ROW("qSupported", ALWAYS, INTERNAL, LIST, supported, NULL)                                      \
	ROW("qTBuffer", TRACE, TRACE, LIST, trace, NULL)                                                \
	ROW("qTMinFTPILen", TRACE, TRACE, EXACT, trace, NULL)                                           \
	ROW("qTP", TRACE, TRACE, LIST, trace, NULL)                                                     \
	ROW("qTStatus", TRACE, TRACE, EXACT, trace, NULL)                                               \
	ROW("qTV", TRACE, TRACE, LIST, trace, NULL)                                                     \
	ROW("qTfP", TRACE, TRACE, EXACT, trace, NULL)                                                   \
	ROW("qTfV", TRACE, TRACE, EXACT, trace, NULL)                                                   \
	ROW("qThreadExtraInfo", ALWAYS, THREAD_EXTRA, LIST, thread_extra, NULL)                         \
	ROW("qThreadStopInfo", LLDB, THREAD_STOP, ARGS, thread, NULL)                                   \
	ROW("qTsP", TRACE, TRACE, EXACT, trace, NULL)                                                   \
	ROW("qTsV", TRACE, TRACE, EXACT, trace, NULL)                                                   \
	ROW("qWatchpointSupportInfo", LLDB, WATCH_INFO, LIST, lenient, NULL)                            \
	ROW("qXfer:exec-file:read", EXEC_FILE, XFER_READ, LIST, xfer, "qXfer:exec-file:read+")          \
	ROW("qXfer:features:read", XML_FEATURES, XFER_READ, LIST, xfer, "qXfer:features:read+")         \
	ROW("qXfer:libraries-svr4:read", LIBRARIES, XFER_READ, LIST, xfer, NULL)                        \
	ROW("qXfer:memory-map:read", MEMORY_MAP, XFER_READ, LIST, xfer, "qXfer:memory-map:read+")       \
	ROW("qXfer:threads:read", XML_THREADS, XFER_READ, LIST, xfer, "qXfer:threads:read+")            \
	ROW("qXfer:traceframe-info:read", TRACE, XFER_READ, LIST, xfer, "qXfer:traceframe-info:read+")  \
	ROW("qfProcessInfo", LLDB, PROCESS_INFO, LIST, process_list, NULL)                              \
	ROW("qfThreadInfo", ALWAYS, LIST_THREADS, EXACT, plain, NULL)                                   \
	ROW("qqemu.PhyMemMode", PHYS_MODE, PHYS_MODE_QUERY, EXACT, plain, NULL)                         \
	ROW("qqemu.Supported", PHYS_MODE, INTERNAL, EXACT, qemu_supported, NULL)                        \
	ROW("qsProcessInfo", LLDB, INTERNAL, EXACT, process_end, NULL)                                  \
	ROW("qsThreadInfo", ALWAYS, INTERNAL, EXACT, end_of_threads, NULL)                              \
	ROW("s", STEP, RESUME, ARGS, resume, NULL)                                                      \
	ROW("vCont;C", ALWAYS, RESUME, ARGS, vcont, NULL)                                               \
	ROW("vCont;S", STEP, RESUME, ARGS, vcont, NULL)                                                 \
	ROW("vCont;c", ALWAYS, RESUME, ARGS, vcont, NULL)                                               \
	ROW("vCont;r", RANGE_STEP, RESUME, ARGS, vcont, NULL)                                           \
	ROW("vCont;s", STEP, RESUME, ARGS, vcont, NULL)                                                 \
	ROW("vCont;t", ALWAYS, RESUME, ARGS, vcont, NULL)                                               \
	ROW("vCont?", ALWAYS, INTERNAL, EXACT, vcont_query, NULL)                                       \
	ROW("vCtrlC", NON_STOP, INTERRUPT_ALL, EXACT, plain, NULL)                                      \
	ROW("vFile", VFILE, VFILE, LIST, file, NULL)                                                    \
	ROW("vKill", ALWAYS, KILL, LIST, kill, NULL)                                                    \
	ROW("vMustReplyEmpty", ALWAYS, INTERNAL, EXACT, empty, NULL)                                    \
	ROW("vRun", EXTENDED, RUN, LIST, run, NULL)                                                     \
	ROW("vStopped", NON_STOP, NEXT_STOP, EXACT, plain, NULL)                                        \
	ROW("x", BINARY_READ, READ_MEM, ARGS, mem_read, "binary-upload+")                               \
	ROW("z0", SWBREAK, REMOVE_POINT, LIST, point, NULL)                                             \
	ROW("z1", HWBREAK, REMOVE_POINT, LIST, point, NULL)                                             \
	ROW("z2", WATCH, REMOVE_POINT, LIST, point, NULL)                                               \
	ROW("z3", WATCH, REMOVE_POINT, LIST, point, NULL)                                               \
	ROW("z4", WATCH, REMOVE_POINT, LIST, point, NULL)

#define INFO(name, feature, kind, match, decode, advert) {name, RSP_F_##feature, RSP_##kind == RSP_INTERNAL},
static const struct rsp_packet_info infos[] = {PACKETS(INFO)};

#define DECODER(name, feature, kind, match, decode, advert) \
	{RSP_##kind, RSP_MATCH_##match, sizeof(name) - 1, advert, rsp_decode_##decode},
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

/* <0, 0, >0 as the row's name sorts against the packet; 0 also where it is the packet's beginning. */
static int compare(size_t i, const struct rsp_frame *packet)
{
	const char *name = infos[i].name;
	size_t len = rows[i].name_len;
	int order = packet->len > 0 ? (uint8_t)name[0] - packet->buf[0] : 1;

	if (order != 0)
		return order;
	order = memcmp(name, packet->buf, len < packet->len ? len : packet->len);

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

		if (compare(middle, packet) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low > 0 && infos[low - 1].name[0] == (char)packet->buf[0]; low--) {
		if (compare(low - 1, packet) != 0)
			continue;
		if (!fits(rows[low - 1].match, packet, rows[low - 1].name_len))
			continue;
		*ret_info = &infos[low - 1];
		return &rows[low - 1];
	}
	return NULL;
}
