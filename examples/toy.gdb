# What toy_test.sh has GDB do; its answers are in toy.expected. @TOY@ is the path of the program.
set pagination off
set confirm off
set width 0
target remote | @TOY@
x/8i $pc
break *0x100b
continue
print $eax
stepi
watch *(int *)0x2000
continue
continue
monitor cycles
monitor nonsense
set var $ecx = 1
print $ecx
set var *(int *)0x3000 = 0x11223344
x/xw 0x3000
x/xw 0x20000
delete
continue
