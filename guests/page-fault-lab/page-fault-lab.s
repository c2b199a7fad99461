# The page-fault lab: a guest that breaks the rules of its own page tables, three times, on purpose.
#
#   experiment 1   read a page that is not present
#   experiment 2   write to a page that is read-only
#   experiment 3   execute a page that is marked no-execute
#
# Each time the processor delivers #PF (vector 14): CR2 holds the address, an error code on the stack
# says what kind of access failed and why. Our handler prints both, repairs the page table entry and
# returns. IRETQ goes back to the instruction that faulted, which then simply succeeds: this is how
# demand paging, copy-on-write and just-in-time compilers are built.
#
# None of this involves the hypervisor. Its own map, from guest-physical to real memory, is a second
# level behind this one; a miss there would be a VM exit (EPT violation), not a #PF.
#
# Things to try in the debugger:
#   - break on the exception #PF and look at CR2, and at the error code on the stack;
#   - set a breakpoint on `repair` and step to IRETQ: where does RIP go?
#   - look at the entry `lab_page_table` before and after each repair.

        .intel_syntax noprefix
        .include "hyperscope.inc"
        .include "console.inc"

# Bits of a page table entry (SDM vol. 3A, 4.5.4).
        .equ    PTE_PRESENT, 1 << 0
        .equ    PTE_WRITABLE, 1 << 1
        .equ    PTE_NO_EXECUTE_BIT, 63

# Bits of a page fault's error code (SDM vol. 3A, 4.7).
        .equ    PF_PRESENT, 1 << 0      # 0: no translation; 1: there is one, but it forbids the access
        .equ    PF_WRITE, 1 << 1
        .equ    PF_FETCH, 1 << 4

# Bits of control registers.
        .equ    CR0_WP_BIT, 16          # supervisor code obeys read-only pages
        .equ    EFER_NXE_BIT, 11        # entries may carry the no-execute bit

        .equ    PAGE_BYTES, 4096
        .equ    PAGE_FAULT_VECTOR, 14
        .equ    IDT_GATES, 32           # the exceptions of the architecture

# The lab is one page at 1 GiB: the second entry of the page-directory-pointer table, then entry 0 twice.
        .equ    LAB_ADDRESS, 0x40000000
        .equ    LAB_VALUE, 0x1122334455667788

# An interrupt gate of 64-bit mode: present, DPL 0, type 14 (SDM vol. 3A, 6.14.1).
        .equ    GATE_INTERRUPT, 0x8e00

        .globl  _start
        .text
_start:
        xor     ebp, ebp                # a zero RBP ends the chain of frames
        say     "Page-fault lab\n"

# --- Page tables -----------------------------------------------------------------------------
# Four levels, each a page of 512 entries of 8 bytes. An entry holds the physical address of the next
# table and permission bits. The tables live in .bss, so they start as zeros: nothing is present.
build_page_tables:
        lea     rax, [rip + lab_pml4]
        lea     rbx, [rip + lab_pdpt]
        lea     rcx, [rip + low_page_directory]
        lea     rdx, [rip + lab_page_directory]
        lea     rsi, [rip + lab_page_table]
        lea     rdi, [rip + low_page_table]
        lea     r8, [rbx + PTE_PRESENT | PTE_WRITABLE]
        mov     [rax], r8               # addresses 0 to 512 GiB
        lea     r8, [rcx + PTE_PRESENT | PTE_WRITABLE]
        mov     [rbx], r8               # the first gigabyte: us
        lea     r8, [rdx + PTE_PRESENT | PTE_WRITABLE]
        mov     [rbx + 8], r8           # the second gigabyte: the lab
        lea     r8, [rdi + PTE_PRESENT | PTE_WRITABLE]
        mov     [rcx], r8               # addresses 0 to 2 MiB, page by page
        lea     r8, [rsi + PTE_PRESENT | PTE_WRITABLE]
        mov     [rdx], r8               # the first 2 MiB of the lab, page by page; no page is present

# The lowest 2 MiB hold this program, its stack and the GDT: map them to themselves.
        mov     r8, PTE_PRESENT | PTE_WRITABLE
        mov     ecx, 512
1:      mov     [rdi], r8
        add     r8, PAGE_BYTES
        add     rdi, 8
        dec     ecx
        jnz     1b

# --- Interrupt descriptor table --------------------------------------------------------------
# Every exception goes to `unexpected`, but a page fault goes to `page_fault`.
build_idt:
        lea     rdi, [rip + idt]
        mov     ecx, IDT_GATES
1:      lea     rax, [rip + unexpected]
        call    write_gate
        dec     ecx
        jnz     1b
        lea     rdi, [rip + idt + PAGE_FAULT_VECTOR * 16]
        lea     rax, [rip + page_fault]
        call    write_gate
        lidt    [idt_descriptor]

# --- Switch over -----------------------------------------------------------------------------
# The tables map the code that is running now to the same addresses as before. Otherwise the next
# instruction fetch would fault.
load_page_tables:
        lea     rax, [rip + lab_pml4]
        mov     cr3, rax
        mov     rbx, cr3
        say     "own page tables at 0x"
        say_hex rbx, 8
        say     "\n"

# Let read-only mean read-only for the kernel, too; and let entries forbid execution.
        mov     rax, cr0
        bts     rax, CR0_WP_BIT
        mov     cr0, rax
        mov     ecx, IA32_EFER
        rdmsr
        bts     eax, EFER_NXE_BIT
        wrmsr

# --- Experiment 1: not present ---------------------------------------------------------------
# The handler gives the page a frame, read-only. The read runs again and finds the frame's content.
read_missing_page:
        say     "\n1. read a page that is not present\n"
        mov     rbx, LAB_ADDRESS
        mov     r12, [rbx]              # faults once, then loads
        say     "   read 0x"
        say_hex r12, 16
        say     "\n"

# --- Experiment 2: read-only -----------------------------------------------------------------
write_read_only_page:
        say     "\n2. write to a read-only page\n"
        mov     rax, LAB_VALUE
        mov     [rbx], rax              # faults once, then stores
        mov     r12, [rbx]
        say     "   the page now holds 0x"
        say_hex r12, 16
        say     "\n"

# --- Experiment 3: no-execute ----------------------------------------------------------------
# Write a tiny routine into the page (MOV EAX, 42; RET), then call it.
execute_no_execute_page:
        say     "\n3. execute a no-execute page\n"
        mov     byte ptr [rbx], 0xb8
        mov     dword ptr [rbx + 1], 42
        mov     byte ptr [rbx + 5], 0xc3
        call    rbx                     # the fetch of its first instruction faults once
        mov     r12d, eax
        say     "   the routine returned 0x"
        say_hex r12, 2
        say     "\n\nfaults handled: 0x"
        mov     r12d, [fault_count]
        say_hex r12, 2
        say     "\ndone\n"

halt:
        cli
        hlt
        jmp     halt

# write_gate: writes an interrupt gate for the handler at RAX to the IDT at RDI. Advances RDI, changes RAX.
# The handler's address is scattered over the 16 bytes: bits 15:0, 31:16 and 63:32.
write_gate:
        mov     [rdi], ax
        mov     word ptr [rdi + 2], CODE_SELECTOR
        mov     word ptr [rdi + 4], GATE_INTERRUPT
        shr     rax, 16
        mov     [rdi + 6], ax
        shr     rax, 16
        mov     [rdi + 8], eax
        mov     dword ptr [rdi + 12], 0
        add     rdi, 16
        ret

# page_fault: explains the fault, repairs what caused it, and lets the access run again.
# At entry the stack holds, from RSP up: error code, RIP, CS, RFLAGS, RSP, SS.
page_fault:
        push    rbp
        mov     rbp, rsp                # [rbp + 8]: error code, [rbp + 16]: RIP
        push    rax
        push    rbx
        push    rcx
        push    rdx
        inc     dword ptr [fault_count]
        mov     rbx, [rbp + 8]
        mov     rcx, cr2
        mov     rdx, [rbp + 16]
        say     "   #PF CR2=0x"
        say_hex rcx, 16
        say     " error=0x"
        say_hex rbx, 4
        say     " RIP=0x"
        say_hex rdx, 8
        mov     rax, LAB_ADDRESS
        cmp     rcx, rax                # we repair the lab and nothing else
        jne     unexpected

        test    ebx, PF_PRESENT
        jz      give_frame
        test    ebx, PF_FETCH
        jnz     allow_execution
        test    ebx, PF_WRITE
        jnz     allow_writing
        jmp     unexpected

# Not present: point the entry at a frame. Present, not writable, not executable.
give_frame:
        say     "\n   not present: give it a frame, read-only and no-execute\n"
        lea     rax, [rip + lab_frame]
        or      rax, PTE_PRESENT
        bts     rax, PTE_NO_EXECUTE_BIT
        jmp     repair

allow_writing:
        say     "\n   a write, forbidden: make the page writable\n"
        mov     rax, [lab_page_table]
        or      rax, PTE_WRITABLE
        jmp     repair

allow_execution:
        say     "\n   an instruction fetch, forbidden: make the page executable\n"
        mov     rax, [lab_page_table]
        btr     rax, PTE_NO_EXECUTE_BIT

# The processor may have kept the old translation. INVLPG makes it forget that one page.
repair:
        mov     [lab_page_table], rax
        invlpg  [rcx]
        pop     rdx
        pop     rcx
        pop     rbx
        pop     rax
        pop     rbp
        add     rsp, 8                  # IRETQ expects RIP on top, so the error code must go
        iretq

unexpected:
        say     "\nAn exception that this lab did not plan. Stopping.\n"
        jmp     halt

        .data
# What LIDT reads: the table's size minus one, then its address.
idt_descriptor:
        .word   IDT_GATES * 16 - 1
        .quad   idt

# The frame behind the lab's page, with something in it to find. A frame is a whole, aligned page.
        .balign PAGE_BYTES
lab_frame:
        .quad   0xfeedfacecafef00d
        .skip   PAGE_BYTES - 8

        .bss
        .balign PAGE_BYTES
lab_pml4:
        .skip   PAGE_BYTES
lab_pdpt:
        .skip   PAGE_BYTES
low_page_directory:
        .skip   PAGE_BYTES
low_page_table:
        .skip   PAGE_BYTES
lab_page_directory:
        .skip   PAGE_BYTES
lab_page_table:
        .skip   PAGE_BYTES
idt:
        .skip   IDT_GATES * 16
fault_count:
        .skip   4
