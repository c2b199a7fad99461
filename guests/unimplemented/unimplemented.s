# An instruction that the emulated processor does not have yet: a sine of the x87 unit.
#
# The debugger must stop in front of it and name it with its bytes (D9 FE). What must not happen: a
# wrong result, or an invalid-opcode fault that a real processor would not raise.

        .intel_syntax noprefix

        .globl  _start
        .text
_start:
        mov     eax, 1
        fsin
        hlt
