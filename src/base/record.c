#include "base/record.h"

#include "base/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEAD (RECORD_NAME_SIZE + 8)
#define ALIGN 8
#define FIRST_ROOM 16384

static int make_room(struct records *r, size_t more)
{
	size_t room = r->room ? r->room : FIRST_ROOM;
	uint8_t *bytes;

	if (more > RECORDS_MAX - r->len)
		return -ENOSPC;
	while (room - r->len < more)
		room *= 2;
	if (room == r->room)
		return 0;
	bytes = realloc(r->bytes, room);
	if (!bytes)
		return -ENOMEM;
	r->bytes = bytes;
	r->room = room;
	return 0;
}

int records_add(struct records *r, const char *name, uint32_t index, const void *bytes, uint32_t len)
{
	size_t name_len = strlen(name), size = HEAD + bytes_align_up(len, ALIGN);
	uint8_t *at;
	int rc;

	if (name_len == 0 || name_len > RECORD_NAME_SIZE || len > RECORD_MAX)
		return -EINVAL;
	rc = make_room(r, size);
	if (rc < 0)
		return rc;
	at = r->bytes + r->len;
	memset(at, 0, size);
	memcpy(at, name, name_len);
	bytes_put_le32(at + RECORD_NAME_SIZE, index);
	bytes_put_le32(at + RECORD_NAME_SIZE + 4, len);
	if (len > 0)
		memcpy(at + HEAD, bytes, len);
	r->len += size;
	return 0;
}

void records_free(struct records *r)
{
	free(r->bytes);
	*r = (struct records){0};
}

int records_next(const uint8_t *bytes, size_t len, size_t *at, struct record *ret)
{
	const uint8_t *p = bytes + *at;
	uint64_t size;

	if (*at == len)
		return 0;
	if (len - *at < HEAD)
		return -EINVAL;
	memcpy(ret->name, p, RECORD_NAME_SIZE);
	ret->name[RECORD_NAME_SIZE] = '\0';
	ret->index = bytes_get_le32(p + RECORD_NAME_SIZE);
	ret->len = bytes_get_le32(p + RECORD_NAME_SIZE + 4);
	ret->bytes = p + HEAD;
	size = bytes_align_up(ret->len, ALIGN);
	if (ret->name[0] == '\0' || ret->len > RECORD_MAX || size > len - *at - HEAD)
		return -EINVAL;
	*at += HEAD + (size_t)size;
	return 1;
}

int records_find(const uint8_t *bytes, size_t len, const char *name, uint32_t index, struct record *ret)
{
	size_t at = 0;
	int rc;

	while ((rc = records_next(bytes, len, &at, ret)) == 1)
		if (ret->index == index && strcmp(ret->name, name) == 0)
			return 1;
	return rc;
}
