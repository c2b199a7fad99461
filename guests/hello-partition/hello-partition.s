# Hello, partition: how a guest finds out that it is one, and how it talks to its hypervisor.
#
# The steps are the ones every enlightened kernel goes through when it boots:
#   1. ask CPUID whether there is a hypervisor, who made it, and which interface it speaks;
#   2. say who we are (HV_X64_MSR_GUEST_OS_ID): without that there are no hypercalls;
#   3. choose a page and let the hypervisor lay its hypercall code over it;
#   4. call.
#
# The guest is entered at _start in 64-bit mode at CPL 0, interrupts off, the first gigabyte
# identity-mapped, RSP valid, RDI pointing to the boot information.
#
# Things to try in the debugger:
#   - add the function breakpoint  exit:CPUID  and see the leaf in RAX before it is answered;
#   - add the function breakpoint  hypercall:HvCallNotifyLongSpinWait;
#   - look at the memory of `hypercall_page` before and after step 3;
#   - open the VM exit log: each character on the console was one exit.

        .intel_syntax noprefix
        .include "hyperscope.inc"       # numbers of the hypervisor interface, ports, boot information
        .include "console.inc"          # say, say_hex, print_string

# Who we say we are. Bit 63: open source; bits 62:56: operating system type (0x48 is assigned to
# nobody); bits 47:16: version 0.1. A kernel would put its own numbers here.
        .equ    GUEST_OS_ID, 0xc800000000010000

# Control word of a hypercall: call code in bits 15:0, and bit 16 says that the parameters are in
# registers (RDX, R8) instead of in memory.
        .equ    HYPERCALL_FAST, 1 << 16

# A call code that no hypervisor implements, to see what comes back.
        .equ    NO_SUCH_HYPERCALL, 0x7777

        .globl  _start
        .text
_start:
        xor     ebp, ebp                # a zero RBP ends the chain of frames
        say     "Hello from a guest partition.\n"

# Were we started the way we expect? The boot information begins with a known word.
        mov     rax, BOOT_INFORMATION_MAGIC_TEXT
        cmp     [rdi + BOOT_INFORMATION_MAGIC], rax
        jne     wrong_boot
        mov     r15d, [rdi + BOOT_INFORMATION_PROCESSOR_COUNT]
        mov     r14, [rdi + BOOT_INFORMATION_MEMORY_BYTES]
        say     "processors     0x"
        say_hex r15, 2
        say     "\nmemory         0x"
        say_hex r14, 8
        say     " bytes\n"

# --- 1. Is there a hypervisor? ---------------------------------------------------------------
# CPUID leaf 1, ECX bit 31 is always 0 on real silicon. A hypervisor sets it for its guests. Every
# CPUID of a guest is a VM exit: what we read is what the hypervisor chose to answer.
detect:
        mov     eax, 1
        cpuid
        bt      ecx, 31
        jnc     no_hypervisor
        say     "hypervisor     present\n"

# Leaf 0x40000000: the highest hypervisor leaf in EAX, the vendor's name in EBX, ECX, EDX.
        mov     eax, 0x40000000
        cpuid
        mov     [text_buffer], ebx
        mov     [text_buffer + 4], ecx
        mov     [text_buffer + 8], edx
        mov     byte ptr [text_buffer + 12], 0
        mov     r12d, eax               # keep the highest leaf
        say     "vendor         "
        lea     rsi, [rip + text_buffer]
        call    print_string
        say     "\nhighest leaf   0x"
        say_hex r12, 8

# Leaf 0x40000001: which interface. "Hv#1" promises the synthetic MSRs and leaves used below; the
# vendor's name promises nothing.
        mov     eax, 0x40000001
        cpuid
        mov     [text_buffer], eax
        mov     byte ptr [text_buffer + 4], 0
        say     "\ninterface      "
        lea     rsi, [rip + text_buffer]
        call    print_string
        cmp     dword ptr [text_buffer], 0x31237648     # "Hv#1", least significant byte first
        jne     unknown_interface

# Leaf 0x40000003: what this partition is allowed to do. EAX bit 5 gives the hypercall MSRs, bit 6
# the virtual processor index.
        mov     eax, 0x40000003
        cpuid
        mov     r12d, eax
        say     "\nprivileges     0x"
        say_hex r12, 8
        say     "\n"
        and     r12d, (1 << 5) | (1 << 6)
        cmp     r12d, (1 << 5) | (1 << 6)
        jne     not_allowed

# --- 2. Say who we are -----------------------------------------------------------------------
# WRMSR takes the number in ECX and the value in EDX:EAX.
identify:
        mov     ecx, HV_X64_MSR_GUEST_OS_ID
        mov     eax, GUEST_OS_ID & 0xffffffff
        mov     edx, GUEST_OS_ID >> 32
        wrmsr

# --- 3. The hypercall page -------------------------------------------------------------------
# Which instruction makes a hypercall depends on the processor (VMCALL or VMMCALL), so a guest does
# not contain it. It offers a page, and the hypervisor overlays that page with one of its own.
# Bits 63:12 are the page number, bit 0 switches the overlay on.
map_hypercall_page:
        lea     rax, [rip + hypercall_page]
        or      rax, 1
        mov     rdx, rax
        shr     rdx, 32
        mov     ecx, HV_X64_MSR_HYPERCALL
        wrmsr
        rdmsr                           # read it back: bit 0 stays 0 if the hypervisor refused
        test    al, 1
        jz      no_hypercall_page
        say     "hypercall page 0x"
        lea     r12, [rip + hypercall_page]
        say_hex r12, 8
        say     ", it holds "
        mov     r12, [hypercall_page]   # the first four bytes, seen through our own mapping
        bswap   r12
        shr     r12, 32
        say_hex r12, 8

# Which virtual processor is this? Not the APIC id: an index that hypercalls use to name processors.
        mov     ecx, HV_X64_MSR_VP_INDEX
        rdmsr
        mov     r12d, eax
        say     "\nVP index       0x"
        say_hex r12, 2
        say     "\n"

# --- 4. Call ---------------------------------------------------------------------------------
# RCX: control word. RDX, R8: parameters of a fast call. The status comes back in RAX bits 15:0.
# HvCallNotifyLongSpinWait tells the hypervisor "I have been spinning on a lock for so long that you
# may want to run someone else": harmless, always allowed, and always a success.
first_hypercall:
        mov     rcx, HvCallNotifyLongSpinWait | HYPERCALL_FAST
        mov     rdx, 1000               # how often we spun
        xor     r8d, r8d
        call    hypercall_page
        movzx   r12, ax
        say     "HvCallNotifyLongSpinWait: status 0x"
        say_hex r12, 4
        say     "\n"

# And one that cannot work. A hypercall never faults for a bad request: it answers with a status.
bad_hypercall:
        mov     rcx, NO_SUCH_HYPERCALL | HYPERCALL_FAST
        xor     edx, edx
        xor     r8d, r8d
        call    hypercall_page
        movzx   r12, ax
        say     "call code 0x7777:         status 0x"
        say_hex r12, 4
        cmp     r12, HV_STATUS_INVALID_HYPERCALL_CODE
        jne     1f
        say     " (HV_STATUS_INVALID_HYPERCALL_CODE, as it should be)"
1:      say     "\ndone\n"

# Interrupts off and HLT: nothing can wake this processor any more, and the debugger says so.
halt:
        cli
        hlt
        jmp     halt

wrong_boot:
        say     "The boot information is missing: this guest was not started by Hyperscope.\n"
        jmp     halt
no_hypervisor:
        say     "No hypervisor: this is what a bare machine looks like.\n"
        jmp     halt
unknown_interface:
        say     "\nThe hypervisor does not speak the Hv#1 interface.\n"
        jmp     halt
not_allowed:
        say     "This partition has no access to the hypercall MSRs or to its VP index.\n"
        jmp     halt
no_hypercall_page:
        say     "The hypervisor did not enable the hypercall page.\n"
        jmp     halt

        .bss
text_buffer:
        .skip   16

# The page that the hypervisor lays its code over. It must be a whole page; its own content (zeros)
# comes back when the overlay is switched off.
        .balign 4096
hypercall_page:
        .skip   4096
