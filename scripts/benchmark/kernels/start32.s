# Entry of a 32-bit kernel: flat protected mode, as a multiboot loader leaves it.
.set MAGIC, 0x1BADB002
.set FLAGS, 0x00010000
.section .boot, "awx"
.align 8
header:
  .long MAGIC, FLAGS, -(MAGIC + FLAGS)
  .long header, image_start, image_end, bss_end, _start

.code32
.globl _start
_start:
  cli
  mov $stack_top, %esp
  call run
1: cli
  hlt
  jmp 1b

.section .bss
.align 16
  .skip 65536
stack_top:
