# String instructions: one instruction, many iterations.
#
# With a REP prefix an instruction repeats itself, counting RCX down and walking RSI and RDI. It can be
# interrupted between two iterations: RIP stays on it and the registers say how far it came. So each
# iteration is a step of its own here, and REP OUTS is one VM exit for each byte.
#
# Each test that goes wrong ends the guest with its number as exit code; 0 says that all is well.

        .intel_syntax noprefix
        .include "hyperscope.inc"

        .equ    BUFFER_BYTES, 64

# The lengths must be known before they are used: of a name that is not defined yet, the assembler
# assumes in Intel syntax that it is a label, and reads memory instead of taking the number.
        .section .rodata
message:
        .ascii  "A string of bytes, one iteration each.\n"
        .equ    MESSAGE_BYTES, . - message
success:
        .ascii  "All six tests passed.\n"
        .equ    SUCCESS_BYTES, . - success

        .globl  _start
        .text
_start:
        cld

# 1. Print with REP OUTSB: port in DX, bytes from RSI, count in RCX.
        mov     ebx, 1
        lea     rsi, [rip + message]
        mov     ecx, MESSAGE_BYTES
        mov     edx, CONSOLE_PORT
        rep outsb
        test    rcx, rcx
        jnz     failed

# 2. Fill eight quadwords with REP STOSQ.
        inc     ebx
        lea     rdi, [rip + buffer]
        mov     rax, 0x2a2a2a2a2a2a2a2a # eight asterisks
        mov     ecx, BUFFER_BYTES / 8
        rep stosq
        cmp     byte ptr [rip + buffer + BUFFER_BYTES - 1], '*'
        jne     failed

# 3. Copy the message over the fill with REP MOVSB.
        inc     ebx
        lea     rsi, [rip + message]
        lea     rdi, [rip + buffer]
        mov     ecx, MESSAGE_BYTES
        rep movsb

# 4. Compare: REPE CMPSB stops at the first difference. There is none, so ZF stays set.
        inc     ebx
        lea     rsi, [rip + message]
        lea     rdi, [rip + buffer]
        mov     ecx, MESSAGE_BYTES
        repe cmpsb
        jne     failed

# 5. Search: REPNE SCASB stops behind the first asterisk, which follows the copy.
        inc     ebx
        lea     rdi, [rip + buffer]
        mov     al, '*'
        mov     ecx, BUFFER_BYTES
        repne scasb
        lea     rdx, [rip + buffer + MESSAGE_BYTES + 1]
        cmp     rdi, rdx
        jne     failed

# 6. Backwards: with the direction flag set, RSI and RDI walk down. Copying an overlapping block to a
#    higher address only works this way.
        inc     ebx
        lea     rsi, [rip + buffer + MESSAGE_BYTES - 1]
        lea     rdi, [rip + buffer + MESSAGE_BYTES + 3]
        mov     ecx, MESSAGE_BYTES
        std
        rep movsb
        cld
        lea     rsi, [rip + message]
        lea     rdi, [rip + buffer + 4]
        mov     ecx, MESSAGE_BYTES
        repe cmpsb
        jne     failed

        lea     rsi, [rip + success]
        mov     ecx, SUCCESS_BYTES
        mov     edx, CONSOLE_PORT
        rep outsb
        xor     ebx, ebx
failed:
        mov     eax, ebx
        out     EXIT_PORT, al

        .bss
buffer:
        .skip   BUFFER_BYTES
