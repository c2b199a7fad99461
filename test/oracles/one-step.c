/*
 * Runs single instructions of user code from given states on whatever executes this program: a processor, or an emulator
 * of Linux processes. Cases come in on standard input and results go out on standard output, as the structures below.
 *
 * The instruction of a case is entered by returning from a signal handler, and ends in the next signal: a trap behind it,
 * a single-step trap after a branch, or the fault it raises. So one handler both reports a case and begins the next.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

enum {
  page_bytes = 4096,
  code_offset = 0x800,
  trap_flag = 0x100,
  user_flags = 0xcd5,
  fixed_flags = 0x202,
  page_fault_vector = 14,
  fx_bytes = 512,
  extension_magic_at = 464,
  extension_magic = 0x46505853,
  x87_and_sse = 3,
};
static unsigned char *const code_page = (unsigned char *)0x10000000;
static unsigned char *const data_page = (unsigned char *)0x20000000;

struct machine_state {
  uint64_t gpr[16];
  uint64_t rip;
  uint64_t rflags;
  unsigned char fx[fx_bytes];
  unsigned char data[page_bytes];
};

struct given_case {
  uint32_t length;
  uint32_t single_step;
  unsigned char code[16];
  struct machine_state state;
};

struct result {
  int64_t exception; /* -1 where there is none */
  uint64_t error_code; /* `not_told` where only the signal is known */
  uint64_t address;
  struct machine_state state;
};

static const uint64_t not_told = 0xffffffff;
static struct given_case current;
static int is_running;

static const int registers[16] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

/* Emulators of processes tell the signal, but not always the vector that a system notes beside it. */
static int vector_of(int signal_number, const siginfo_t *information, const greg_t *general) {
  enum { integer_division = 0, invalid_opcode = 6, stack_fault = 12, protection = 13, x87_error = 16 };
  if (general[REG_TRAPNO] >= 0) return (int)general[REG_TRAPNO];
  switch (signal_number) {
    case SIGILL:
      return invalid_opcode;
    case SIGFPE:
      return information->si_code == FPE_INTDIV ? integer_division : x87_error;
    case SIGBUS:
      return stack_fault;
    default:
      return information->si_code == SI_KERNEL ? protection : page_fault_vector;
  }
}

static void report(int signal_number, const siginfo_t *information, const mcontext_t *context) {
  static struct result result;
  const greg_t *general = context->gregs;
  int vector = vector_of(signal_number, information, general);
  result.state.rip = (uint64_t)general[REG_RIP];
  int is_fault = signal_number != SIGTRAP;
  /* The trap behind the instruction has passed its own byte. */
  if (!is_fault && !current.single_step) result.state.rip--;
  result.exception = is_fault ? vector : -1;
  int is_told = general[REG_TRAPNO] >= 0;
  result.error_code = !is_fault ? 0 : is_told ? (uint64_t)general[REG_ERR] : not_told;
  result.address = vector == page_fault_vector ? (uint64_t)information->si_addr : 0;
  for (int index = 0; index < 16; index++) {
    result.state.gpr[index] = (uint64_t)general[registers[index]];
  }
  result.state.rflags = (uint64_t)general[REG_EFL];
  memcpy(result.state.fx, context->fpregs, fx_bytes);
  memcpy(result.state.data, data_page, page_bytes);
  fwrite(&result, sizeof result, 1, stdout);
}

static void enter(mcontext_t *context) {
  memset(code_page, 0xcc, page_bytes);
  memcpy(code_page + code_offset, current.code, current.length);
  memcpy(data_page, current.state.data, page_bytes);
  greg_t *general = context->gregs;
  for (int index = 0; index < 16; index++) {
    general[registers[index]] = (greg_t)current.state.gpr[index];
  }
  general[REG_RIP] = (greg_t)(code_page + code_offset);
  general[REG_EFL] = (greg_t)((current.state.rflags & user_flags) | fixed_flags |
                              (current.single_step ? trap_flag : 0));
  /* The bytes behind byte 416 tell the system what else the frame holds: they stay. */
  unsigned char *fx = (unsigned char *)context->fpregs;
  memcpy(fx, current.state.fx, 416);
  uint32_t magic;
  memcpy(&magic, fx + extension_magic_at, sizeof magic);
  if (magic == extension_magic) fx[fx_bytes] |= x87_and_sse;
}

static void handle(int signal_number, siginfo_t *information, void *frame) {
  __asm__ volatile("cld; fninit");
  mcontext_t *context = &((ucontext_t *)frame)->uc_mcontext;
  if (is_running) report(signal_number, information, context);
  if (fread(&current, sizeof current, 1, stdin) != 1) {
    fflush(stdout);
    _exit(0);
  }
  is_running = 1;
  enter(context);
}

static int map(unsigned char *at, int rights) {
  int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
  return mmap(at, page_bytes, rights, flags, -1, 0) != MAP_FAILED;
}

int main(void) {
  int reads_and_writes = PROT_READ | PROT_WRITE;
  if (!map(code_page, reads_and_writes | PROT_EXEC) || !map(data_page, reads_and_writes)) return 2;
  stack_t stack = {.ss_sp = malloc(1 << 18), .ss_size = 1 << 18};
  sigaltstack(&stack, NULL);
  struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sigfillset(&action.sa_mask);
  static const int signals[] = {SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGUSR1};
  for (unsigned index = 0; index < sizeof signals / sizeof *signals; index++) {
    sigaction(signals[index], &action, NULL);
  }
  raise(SIGUSR1);
  return 3;
}
