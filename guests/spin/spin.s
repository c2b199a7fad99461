# A guest that never does anything: one jump to itself.
#
# It exits to the hypervisor never, prints nothing, and would run for ever. Pause it: the debugger
# must answer at once, and show this line.

        .intel_syntax noprefix

        .globl  _start
        .text
_start:
        jmp     _start
