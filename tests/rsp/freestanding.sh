#!/bin/sh
# librsp as one freestanding object: it may need memcpy and friends and strlen, and nothing else.
# usage: freestanding.sh ROOT COMPILER...
set -eu
root=$1
shift
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

for source in "$root"/src/rsp/*.c; do
	"$@" -std=gnu11 -O2 -Wall -Wextra -Werror -ffreestanding -I "$root/src" -I "$root/include" \
		-c -o "$dir/$(basename "$source" .c).o" "$source"
done
"$@" -nostdlib -r -o "$dir/all" "$dir"/*.o
foreign=$(nm -P -u "$dir/all" | cut -d ' ' -f 1 |
	grep -v -x -E 'memcpy|memmove|memset|memcmp|memchr|strlen|__stack_chk_fail' || true)
if [ -n "$foreign" ]; then
	echo "librsp needs $foreign"
	exit 1
fi
data=$(size -A "$dir/all" | awk '$1 ~ /^\.(data|bss)$/ && $2 > 0')
if [ -n "$data" ]; then
	echo "librsp has writable data: $data"
	exit 1
fi
