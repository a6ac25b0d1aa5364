/* Shared by the files of the transcript runner; the form of a transcript is in run.c. */
#ifndef TESTS_RSP_SCRIPT_H
#define TESTS_RSP_SCRIPT_H

#include <trapline/rsp.h>

#define TEXT_MAX 400000

/* Undoes \xNN, \n and \\ ; fills in the checksum where "#??" stands. Returns the number of bytes. */
size_t script_bytes(const char *text, uint8_t *ret, size_t size);
/* The reverse for messages: what is not printable becomes \xNN. Returns ret. */
char *script_show(const uint8_t *bytes, size_t len, char *ret, size_t size);
/* "0a0b" -> bytes; "00*4096" -> 4096 of it. */
size_t script_hex(const char *text, uint8_t *ret, size_t size);
/* Packets with their runs written out and the checksum to that; SIZE_MAX when a checksum is wrong. */
size_t script_expand(const uint8_t *bytes, size_t len, uint8_t *ret);

/* One line that names the request and its members. */
void script_dump(const struct rsp_request *req, char *ret, size_t size);

/* Carries out "ok", "error 1 text" ...: the words behind "reply". False: no such reply. */
bool script_reply(struct rsp_engine *e, const char *line);

#endif
