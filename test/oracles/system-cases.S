# A guest that executes cases of system instructions in 64-bit mode, and sends what became of each to port 0xE9.
# The cases lie behind it in the image; their layout, and that of an outcome, are in system-cases.ts.

.set cases, 0x110000
.set outcome, 0x108000
.set current, 0x107ff0
.set page_tables, 0x100a000
.set record_bytes, 1024

.code32
.globl start
image:
  .align 4
multiboot:
  .long 0x1badb002, 0x00010000, -(0x1badb002 + 0x00010000)
  .long multiboot, image, 0, 0, start

start:
  mov $0x1009000, %esp
  # PML4, PDPT and one page directory: the first GiB, for user code too.
  movl $page_tables + 0x1007, page_tables
  movl $page_tables + 0x2007, page_tables + 0x1000
  mov $page_tables + 0x2000, %edi
  mov $0x87, %eax
  mov $512, %ecx
1: mov %eax, (%edi)
  movl $0, 4(%edi)
  add $8, %edi
  add $0x200000, %eax
  loop 1b
  mov $page_tables, %eax
  mov %eax, %cr3
  mov $0x620, %eax
  mov %eax, %cr4
  mov $0xc0000080, %ecx
  mov $0x901, %eax
  xor %edx, %edx
  wrmsr
  mov $0x80010031, %eax
  mov %eax, %cr0
  lgdt first_descriptor
  ljmp $8, $long_start

.code64
long_start:
  # Gates of the harness: vectors 0 to 47 and 128, on stack 1.
  mov $interrupt_table, %edi
  mov $stubs, %eax
  mov $48, %ecx
1: call write_gate
  add $16, %edi
  add $16, %eax
  loop 1b
  mov $interrupt_table + 128 * 16, %edi
  mov $end_stub, %eax
  call write_gate
  movb $0xee, interrupt_table + 128 * 16 + 5
  lidt interrupt_descriptor
  # Transfers of 16 bits land here.
  mov $landing, %esi
  mov $0x3000, %edi
  mov $0x100, %ecx
  rep movsb
  movq $cases, current
  jmp next_case

write_gate:
  mov %ax, (%rdi)
  movw $8, 2(%rdi)
  movw $0x8e01, 4(%rdi)
  mov %eax, %edx
  shr $16, %edx
  mov %edx, 6(%rdi)
  movl $0, 10(%rdi)
  ret

next_case:
  mov $0x1009000, %esp
  mov current, %rbx
  # A record without code ends the run: the debug exit of QEMU, then that of the other machine.
  cmpq $0, (%rbx)
  je finish
  lea 64(%rbx), %rax
  mov %rax, case_descriptor + 2
  lgdt case_descriptor
  # A load of CS renews what a case has left of it.
  mov $0x10, %eax
  mov %eax, %ds
  mov %eax, %es
  mov %eax, %fs
  mov %eax, %gs
  mov %eax, %ss
  xor %eax, %eax
  lldt %ax
  mov $0x28, %eax
  ltr %ax
  mov %rax, %cr2
  # The case's gates, vectors 48 to 55.
  lea 648(%rbx), %rsi
  mov $interrupt_table + 48 * 16, %edi
  mov $16, %ecx
  rep movsq
  lea 776(%rbx), %rcx
  mov $0x1b, %edx
  mov $0x23, %eax
  cmpq $0, 576(%rbx)
  jne 1f
  mov $0x10, %edx
  mov $8, %eax
1: push %rdx
  push %rcx
  push 584(%rbx)
  push %rax
  push %rbx
  mov 600(%rbx), %rax
  mov 608(%rbx), %rcx
  mov 616(%rbx), %rdx
  mov 624(%rbx), %rsi
  mov 632(%rbx), %rdi
  mov 592(%rbx), %rbx
  iretq

finish:
  mov $0x31, %eax
  out %al, $0xf4
1: hlt
  jmp 1b

.macro stub number, has_code
  .align 16
  .if \has_code == 0
  push $0
  .endif
  push $\number
  jmp common
.endm

  .align 16
stubs:
.irp number, 0, 1, 2, 3, 4, 5, 6, 7
  stub \number, 0
.endr
  stub 8, 1
  stub 9, 0
.irp number, 10, 11, 12, 13, 14
  stub \number, 1
.endr
  stub 15, 0
  stub 16, 0
  stub 17, 1
.irp number, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33
  stub \number, 0
.endr
.irp number, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47
  stub \number, 0
.endr
end_stub:
  stub 128, 0

common:
  cld
  popq outcome
  popq outcome + 8
  popq outcome + 16
  popq outcome + 24
  popq outcome + 32
  popq outcome + 40
  popq outcome + 48
  mov %rax, outcome + 56
  mov %rbx, outcome + 64
  mov %rcx, outcome + 72
  mov %rdx, outcome + 80
  mov %rsi, outcome + 88
  mov %rdi, outcome + 96
  mov %rbp, outcome + 104
  xor %eax, %eax
  mov %ds, %ax
  mov %rax, outcome + 112
  mov %es, %ax
  mov %rax, outcome + 120
  mov %fs, %ax
  mov %rax, outcome + 128
  mov %gs, %ax
  mov %rax, outcome + 136
  sldt %ax
  mov %rax, outcome + 144
  str %ax
  mov %rax, outcome + 152
  mov %cr2, %rax
  mov %rax, outcome + 160
  mov $0xc0000100, %ecx
  rdmsr
  mov %eax, outcome + 168
  mov %edx, outcome + 172
  inc %ecx
  rdmsr
  mov %eax, outcome + 176
  mov %edx, outcome + 180
  mov $outcome, %esi
  mov $184, %ecx
  mov $0xe9, %edx
  rep outsb
  mov current, %rsi
  add $64, %rsi
  mov $512, %ecx
  rep outsb
  addq $record_bytes, current
  jmp next_case

  .align 16
first_table:
  .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
first_descriptor:
  .word 23
  .long first_table
case_descriptor:
  .word 511
  .quad 0
interrupt_descriptor:
  .word 4095
  .quad interrupt_table

  # A fixed place for what records refer to: landing code and the task state.
  .org 0x3000
landing:
  int $0x80
  .org 0x3010
  mov %eax, %ds
  int $0x80
  .org 0x3020
  lretl
  int $0x80
  .org 0x3030
  iretl
  int $0x80
  .org 0x3100
task_state:
  .long 0
  .quad 0x1006000, 0x1006800, 0x1007000, 0
  .quad 0x1008000, 0x1008800, 0, 0, 0, 0, 0
  .quad 0
  .word 0, 0x68
  .org 0x4000
interrupt_table:
  .skip 4096
  .org 0x10000
