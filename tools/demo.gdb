# What `make demo` types. Plain commands, so that a GDB without Python plays them too; tools/demo has
# connected already, and shows each command as it is typed.

info registers rip rsp cs cr3
monitor mode
break add_shape
continue
backtrace
print *shape
frame 1
info locals
step
info locals
finish
watch demo_total
continue
print demo_total
backtrace
delete
break factorial if n == 1
continue
backtrace
info registers rip rsp eflags
stepi
x/3i $rip
delete
continue
