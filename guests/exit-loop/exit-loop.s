# Many VM exits of one kind: writes 1,024 characters, each with its own OUT, in lines of 64.
#
# Good for filling the exit log, for filters and hit counts (`exit:IO_INSTRUCTION`, from the 500th on),
# and for seeing what an exit costs: compare the virtual time of the first and the last row.

        .intel_syntax noprefix
        .include "hyperscope.inc"

        .equ    LINES, 16
        .equ    CHARACTERS, 64          # in a line

        .globl  _start
        .text
_start:
        mov     ebx, LINES
        mov     dl, 'A'                 # each line has its letter
next_line:
        mov     ecx, CHARACTERS
next_character:
        mov     al, dl
        out     CONSOLE_PORT, al
        dec     ecx
        jnz     next_character
        mov     al, '\n'
        out     CONSOLE_PORT, al
        inc     dl
        dec     ebx
        jnz     next_line

# Writing to the exit port ends the guest; the byte is its exit code.
        xor     eax, eax
        out     EXIT_PORT, al
