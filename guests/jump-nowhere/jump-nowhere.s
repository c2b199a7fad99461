# A jump to memory that does not exist.
#
# The target is the first byte behind the partition's RAM. The guest's page tables map it, so this is
# no page fault. But the hypervisor's second-level map has nothing there: the instruction fetch ends in
# an EPT violation, a VM exit that the guest does not even notice.

        .intel_syntax noprefix
        .include "hyperscope.inc"

        .globl  _start
        .text
_start:
        mov     rax, [rdi + BOOT_INFORMATION_MEMORY_BYTES]
        jmp     rax
