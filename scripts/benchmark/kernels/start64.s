# Entry of a 64-bit kernel: from Hyperscope in 64-bit mode at _start, from a multiboot loader in protected mode at boot.
.set MAGIC, 0x1BADB002
.set FLAGS, 0x00010000
.section .boot, "awx"
.align 8
header:
  .long MAGIC, FLAGS, -(MAGIC + FLAGS)
  .long header, image_start, image_end, bss_end, boot

.code32
boot:
  cli
  # One page directory of 2 MiB pages maps the first gigabyte.
  mov $directory, %edi
  mov $0x83, %eax
1: mov %eax, (%edi)
  movl $0, 4(%edi)
  add $0x200000, %eax
  add $8, %edi
  cmp $(directory + 4096), %edi
  jne 1b
  movl $(directory + 3), pointers
  movl $(pointers + 3), root
  mov $root, %eax
  mov %eax, %cr3
  mov $0x20, %eax
  mov %eax, %cr4
  mov $0xc0000080, %ecx
  rdmsr
  or $0x100, %eax
  wrmsr
  mov $0x80010031, %eax
  mov %eax, %cr0
  lgdt descriptor
  ljmp $8, $1f
.code64
1: mov $16, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %ss

.globl _start
_start:
  mov $stack_top, %esp
  call run
1: cli
  hlt
  jmp 1b

.align 8
descriptors:
  .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
descriptor:
  .word 23
  .long descriptors

.section .bss
.align 4096
root: .skip 4096
pointers: .skip 4096
directory: .skip 4096
  .skip 65536
stack_top:
