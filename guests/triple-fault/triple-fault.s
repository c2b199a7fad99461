# Three faults in a row: the processor gives up.
#
# UD2 raises #UD. The IDT has no room for its gate, so delivering it raises #GP; that gate is missing,
# too, which makes a double fault (#DF); and that cannot be delivered either. A processor on its own
# would reset now. Under a hypervisor this is a VM exit with the reason "triple fault".

        .intel_syntax noprefix

        .globl  _start
        .text
_start:
        lidt    [empty_idt]
        ud2

        .section .rodata
# Limit 0: not even the first gate fits.
empty_idt:
        .word   0
        .quad   0
