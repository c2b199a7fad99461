/*
 * What operating systems do all day: processes in address spaces of their own, page faults that fill and copy pages, system
 * calls, switches by CR3, and string moves. Nothing depends on time, so that every engine computes the same.
 */
#include "kernel.h"

#ifdef __x86_64__
typedef u64 word;
#else
typedef u32 word;
#endif

enum {
  parents = 4,
  processes = 2 * parents, /* each parent may have one child at a time */
  pages = 64,
  page_bytes = 4096,
  iterations = 5000,
  child_touches = 20,
  user_base = 0x40000000,
  pool_base = 0x800000,
  pool_frames = 4096,
  identity_bytes = 0x4000000,
  fault_vector = 14,
  call_vector = 0x80,
  kernel_code = 0x08,
  user_data = 0x1b,
  user_code = 0x23,
  task_selector = 0x28,
  user_flags = 2,
  write_buffer_bytes = 256,
  copied_bytes = 1024,
};

/* Of an entry of a paging structure; the last is for software: the page is copied when it is written. */
enum { present = 1, writable = 2, user = 4, large = 0x80, global = 0x100, copied_on_write = 0x200 };

enum { call_write, call_yield, call_unmap, call_fork, call_exit };

/* As the entries below push it. */
struct frame {
#ifdef __x86_64__
  word r15, r14, r13, r12, r11, r10, r9, r8, di, si, bp, bx, dx, cx, ax;
#else
  word di, si, bp, unused, bx, dx, cx, ax;
#endif
  word vector, error, ip, cs, flags, sp, ss;
};

struct process {
  struct frame frame;
  word *directory;
  word *table;
  int runs;
};

static struct process process[processes];
static u32 current;
static u32 checksum;

static u32 free_frames[pool_frames];
static u32 free_count;
static u8 references[pool_frames];

static u8 trap_stack[16384] __attribute__((aligned(16)));

/* What the entry of SYSCALL finds through GS: its stack, and room for the other one. */
word processor_area[2];
word saved_stack;

void enter_user(struct frame *frame);
void leave_user(void) __attribute__((noreturn));
void fault_entry(void);
void call_entry(void);

static void fill_page(u32 address) {
  word count = page_bytes / sizeof(word);
  void *to = (void *)(word)address;
#ifdef __x86_64__
  __asm__ volatile("rep stosq" : "+D"(to), "+c"(count) : "a"(0ull) : "memory");
#else
  __asm__ volatile("rep stosl" : "+D"(to), "+c"(count) : "a"(0) : "memory");
#endif
}

static void copy_bytes(void *to, const void *from, word count) {
  __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static void copy_words(void *to, const void *from, word count) {
  __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}

static void load_space(const word *directory) {
  __asm__ volatile("mov %0, %%cr3" : : "r"(directory) : "memory");
}

static void forget_page(word address) {
  __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
}

static u32 take_frame(void) {
  u32 frame = free_frames[--free_count];
  references[(frame - pool_base) / page_bytes] = 1;
  return frame;
}

static void release_frame(u32 frame) {
  if (--references[(frame - pool_base) / page_bytes] == 0) free_frames[free_count++] = frame;
}

static u32 frame_of(word entry) {
  return (u32)entry & ~(page_bytes - 1u);
}

static void unmap(struct process *of, u32 first, u32 count) {
  for (u32 page = first; page < first + count && page < pages; page++) {
    if ((of->table[page] & present) == 0) continue;
    release_frame(frame_of(of->table[page]));
    of->table[page] = 0;
    if (of == &process[current]) forget_page(user_base + page * page_bytes);
  }
}

static void page_fault(const struct frame *frame) {
  word address;
  __asm__ volatile("mov %%cr2, %0" : "=r"(address));
  u32 page = (u32)(address - user_base) / page_bytes;
  if (page >= pages) {
    checksum ^= 0xbad00000 ^ (u32)frame->ip;
    leave_user();
  }
  word *entry = &process[current].table[page];
  u32 old = frame_of(*entry);
  if ((*entry & present) == 0) {
    u32 added = take_frame();
    fill_page(added);
    *entry = added | present | writable | user;
    return;
  }
  if (references[(old - pool_base) / page_bytes] > 1) {
    u32 copy = take_frame();
    copy_words((void *)(word)copy, (void *)(word)old, page_bytes / 4);
    release_frame(old);
    old = copy;
  }
  *entry = old | present | writable | user;
  forget_page(address);
}

static void switch_to(struct frame *frame, u32 next) {
  process[current].frame = *frame;
  current = next;
  *frame = process[next].frame;
  load_space(process[next].directory);
}

static void yield(struct frame *frame) {
  for (u32 step = 1; step <= processes; step++) {
    u32 next = (current + step) % processes;
    if (!process[next].runs) continue;
    if (next != current) switch_to(frame, next);
    return;
  }
  leave_user();
}

static word fork(const struct frame *frame) {
  u32 number = current + parents;
  struct process *child = &process[number];
  if (current >= parents || child->runs) return ~(word)0;
  for (u32 page = 0; page < pages; page++) {
    word *entry = &process[current].table[page];
    if ((*entry & present) == 0) continue;
    *entry = (*entry & ~(word)writable) | copied_on_write;
    child->table[page] = *entry;
    references[(frame_of(*entry) - pool_base) / page_bytes]++;
  }
  load_space(process[current].directory);
  child->frame = *frame;
  child->frame.ax = 0;
  child->runs = 1;
  return number;
}

static void write(word from) {
  static u8 buffer[write_buffer_bytes];
  copy_bytes(buffer, (void *)from, write_buffer_bytes);
  for (u32 at = 0; at < write_buffer_bytes; at += 4) {
    checksum = (checksum << 5 | checksum >> 27) + buffer[at];
  }
}

void trap(struct frame *frame) {
  if (frame->vector == fault_vector) {
    page_fault(frame);
    return;
  }
  word number = frame->ax;
  frame->ax = 0;
  switch (number) {
    case call_write:
      write(frame->di);
      break;
    case call_yield:
      yield(frame);
      break;
    case call_unmap:
      unmap(&process[current], (u32)frame->di, (u32)frame->si);
      break;
    case call_fork:
      frame->ax = fork(frame);
      break;
    default:
      unmap(&process[current], 0, pages);
      process[current].runs = 0;
      yield(frame);
  }
}

#ifdef __x86_64__
__asm__(
    ".macro save\n push %rax; push %rcx; push %rdx; push %rbx; push %rbp; push %rsi; push %rdi\n"
    " push %r8; push %r9; push %r10; push %r11; push %r12; push %r13; push %r14; push %r15\n.endm\n"
    ".macro restore\n pop %r15; pop %r14; pop %r13; pop %r12; pop %r11; pop %r10; pop %r9; pop %r8\n"
    " pop %rdi; pop %rsi; pop %rbp; pop %rbx; pop %rdx; pop %rcx; pop %rax\n.endm\n"
    "fault_entry: push $14\n save\n cld\n mov %rsp, %rdi\n call trap\n restore\n"
    " add $16, %rsp\n iretq\n"
    "call_entry: swapgs\n mov %rsp, %gs:8\n mov %gs:0, %rsp\n push $0x1b\n push %gs:8\n"
    " push %r11\n push $0x23\n push %rcx\n push $0\n push $0x80\n save\n cld\n mov %rsp, %rdi\n"
    " call trap\n restore\n swapgs\n cmpl $0x80, (%rsp)\n jne 1f\n"
    " mov 16(%rsp), %rcx\n mov 32(%rsp), %r11\n mov 40(%rsp), %rsp\n sysretq\n"
    "1: add $16, %rsp\n iretq\n"
    "enter_user: push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    " mov %rsp, saved_stack\n mov %rdi, %rsp\n restore\n add $16, %rsp\n iretq\n"
    "leave_user: swapgs\n mov saved_stack, %rsp\n pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    " ret\n");
#else
__asm__(
    "fault_entry: push $14\n jmp 2f\n"
    "call_entry: push $0\n push $0x80\n"
    "2: pusha\n cld\n push %esp\n call trap\n add $4, %esp\n popa\n add $8, %esp\n iret\n"
    "enter_user: mov 4(%esp), %eax\n push %ebx; push %ebp; push %esi; push %edi\n"
    " mov %esp, saved_stack\n mov $0x1b, %cx\n mov %cx, %ds\n mov %cx, %es\n"
    " mov %eax, %esp\n popa\n add $8, %esp\n iret\n"
    "leave_user: mov saved_stack, %esp\n pop %edi; pop %esi; pop %ebp; pop %ebx\n ret\n");
#endif

/* From here on to the end of user_main: code of processes. */

static inline word call(word number, word first, word second) {
  word result;
#ifdef __x86_64__
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(first), "S"(second) : "rcx", "r11", "memory");
#else
  __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "D"(first), "S"(second) : "memory");
#endif
  return result;
}

static u8 *page_at(u32 page) {
  return (u8 *)(word)(user_base + page * page_bytes);
}

static void child_main(u32 seed) {
  for (u32 touch = 0; touch < child_touches; touch++) {
    u8 *page = page_at((seed + touch * 3) % (pages - 2));
    *(volatile u32 *)(page + 64) += seed + touch;
    if (touch % 4 == 0) call(call_write, (word)page, 0);
    if (touch % 8 == 7) call(call_yield, 0, 0);
  }
  call(call_exit, 0, 0);
}

#ifndef __x86_64__
__attribute__((regparm(1)))
#endif
static void user_main(word index) {
  u32 seed = (u32)index * 2654435761u + 12345;
  for (u32 turn = 0; turn < iterations; turn++) {
    for (u32 step = 0; step < 40; step++) {
      seed ^= seed << 13;
      seed ^= seed >> 17;
      seed ^= seed << 5;
    }
    u32 first = seed % (pages - 2);
    u32 second = (seed >> 8) % (pages - 2);
    u8 *to = page_at(first);
    *(volatile u32 *)(to + (seed >> 16) % 1000 * 4) += seed;
    copy_words(to + 512, page_at(second) + 256, copied_bytes / 4);
    u32 sum = 0;
    for (u32 at = 0; at < 200; at++) sum = sum * 31 + to[at * 8];
    *(volatile u32 *)to = sum;
    call(call_write, (word)to, 0);
    if (turn % 4 == 0) call(call_yield, 0, 0);
    if (turn % 16 == 7) call(call_unmap, first % 56 & ~7u, 8);
    if (turn % 32 == 31 && call(call_fork, 0, 0) == 0) child_main(seed);
  }
  call(call_exit, 0, 0);
}

static u64 segments[8];
static u32 task_state[32];
static word interrupt_gates[2 * 256];

static void set_gate(u32 vector, void (*entry)(void), u32 privilege) {
  word at = (word)entry;
  u32 *gate = (u32 *)interrupt_gates + vector * (sizeof(word) == 8 ? 4 : 2);
  gate[0] = ((u32)at & 0xffff) | (u32)kernel_code << 16;
  gate[1] = ((u32)at & 0xffff0000) | 0x8e00 | privilege << 13;
#ifdef __x86_64__
  gate[2] = (u32)(at >> 32);
  gate[3] = 0;
#endif
}

struct __attribute__((packed)) table_register {
  unsigned short limit;
  word base;
};

#ifdef __x86_64__
static void set_model_register(u32 number, u64 value) {
  __asm__ volatile("wrmsr" : : "c"(number), "a"((u32)value), "d"((u32)(value >> 32)));
}

static u64 model_register(u32 number) {
  u32 low, high;
  __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
  return (u64)high << 32 | low;
}

static void enable_system_calls(void) {
  enum { extended_features = 0xc0000080u, star, entry, compatible_entry, mask, kernel_gs = 0xc0000102u };
  set_model_register(extended_features, model_register(extended_features) | 1);
  set_model_register(star, (u64)0x13 << 48 | (u64)kernel_code << 32);
  set_model_register(entry, (word)call_entry);
  set_model_register(mask, 0x700);
  set_model_register(kernel_gs, (word)processor_area);
}
#endif

static void load_tables(void) {
  word stack = (word)(trap_stack + sizeof trap_stack);
  word task = (word)task_state;
  processor_area[0] = stack;
  u64 access = sizeof(word) == 8 ? 0x00a0000000000000ull : 0x00c0000000000000ull;
  segments[1] = 0x000f9b000000ffffull | access;
  segments[2] = 0x00cf93000000ffffull;
  segments[3] = 0x00cff3000000ffffull;
  segments[4] = 0x000ffb000000ffffull | access;
  segments[5] = 103 | (u64)(task & 0xffffff) << 16 | (u64)0x89 << 40 | (u64)(task >> 24 & 0xff) << 56;
#ifdef __x86_64__
  segments[6] = task >> 32;
  task_state[1] = (u32)stack;
  task_state[2] = (u32)(stack >> 32);
#else
  task_state[1] = stack;
  task_state[2] = 0x10;
#endif
  struct table_register global_table = {sizeof segments - 1, (word)segments};
  struct table_register interrupt_table = {sizeof(word) * 2 * 256 - 1, (word)interrupt_gates};
  set_gate(fault_vector, fault_entry, 0);
  set_gate(call_vector, call_entry, 3);
  __asm__ volatile("lgdt %0\n lidt %1\n ltr %w2" : : "m"(global_table), "m"(interrupt_table), "r"(task_selector));
#ifdef __x86_64__
  __asm__ volatile("mov %w0, %%ss\n mov %w0, %%ds\n mov %w0, %%es" : : "r"(0x10));
  enable_system_calls();
#else
  __asm__ volatile("ljmp $8, $1f\n1: mov %w0, %%ss\n mov %w0, %%ds\n mov %w0, %%es" : : "r"(0x10));
#endif
}

/* Tables lie between the image and the pool. */
static word *take_table(void) {
  static u32 next = 0x400000;
  word *table = (word *)(word)next;
  next += page_bytes;
  fill_page((u32)(word)table);
  return table;
}

static void make_spaces(void) {
  word *low = take_table();
  word step = sizeof(word) == 8 ? 0x200000 : 0x400000;
  for (word at = 0; at < identity_bytes; at += step) {
    low[at / step] = at | present | writable | user | large | global;
  }
  for (u32 index = 0; index < processes; index++) {
    struct process *made = &process[index];
    made->table = take_table();
#ifdef __x86_64__
    word *root = take_table(), *pointers = take_table(), *directory = take_table();
    root[0] = (word)pointers | present | writable | user;
    pointers[0] = (word)low | present | writable | user;
    pointers[user_base >> 30] = (word)directory | present | writable | user;
    directory[0] = (word)made->table | present | writable | user;
    made->directory = root;
#else
    made->directory = take_table();
    for (u32 entry = 0; entry < identity_bytes / step; entry++) made->directory[entry] = low[entry];
    made->directory[user_base >> 22] = (word)made->table | present | writable | user;
#endif
  }
}

/* Paging on, with large and global pages, and read-only pages that are read-only for the kernel too. */
static void enable_paging(void) {
  word control;
  __asm__ volatile("mov %%cr4, %0" : "=r"(control));
  control |= 0x90;
  __asm__ volatile("mov %0, %%cr4" : : "r"(control));
  load_space(process[0].directory);
  __asm__ volatile("mov %%cr0, %0" : "=r"(control));
  control |= 0x80010001;
  __asm__ volatile("mov %0, %%cr0" : : "r"(control));
}

void setup(void) {
  for (u32 index = 0; index < pool_frames; index++) {
    free_frames[free_count++] = pool_base + (pool_frames - 1 - index) * page_bytes;
  }
  load_tables();
  make_spaces();
  enable_paging();
}

u32 work(u32 round) {
  checksum = round;
  for (u32 index = 0; index < parents; index++) {
    struct process *started = &process[index];
    started->frame = (struct frame){
        .ip = (word)user_main,
        .cs = user_code,
        .flags = user_flags,
        .sp = user_base + pages * page_bytes - 64 - 8,
        .ss = user_data,
        .ax = round * parents + index,
        .di = round * parents + index,
    };
    started->runs = 1;
  }
  current = 0;
  load_space(process[0].directory);
  struct frame first = process[0].frame;
  enter_user(&first);
  return checksum ^ free_count;
}
