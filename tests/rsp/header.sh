#!/bin/sh
# The public header on its own, as every C and C++ that it promises.
# usage: header.sh ROOT C|C++ COMPILER...
set -eu
root=$1
language=$2
shift 2

case $language in
C)   standards='c11 c17 gnu11' kind=c ;;
C++) standards='c++11 c++17' kind=c++ ;;
esac
for standard in $standards; do
	printf '#include <trapline/rsp.h>\n#include <trapline/rsp.h>\nstruct rsp_engine engine;\n' |
		"$@" -x "$kind" -std="$standard" -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$root/include" -
done
