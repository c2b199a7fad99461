/* Runs the rounds of a kernel: ">" at the start, then one line with a checksum for each round. */
#include "kernel.h"

enum { rounds = 8, consolePort = 0xe9, exitPort = 0xf4 };

static void put(u32 port, u8 byte) {
  __asm__ volatile("outb %0, %w1" : : "a"(byte), "d"(port));
}

static void put_line(u32 value) {
  for (int shift = 28; shift >= 0; shift -= 4) {
    put(consolePort, "0123456789abcdef"[(value >> shift) & 15]);
  }
  put(consolePort, '\n');
}

void run(void) {
  put(consolePort, '>');
  setup();
  for (u32 round = 0; round < rounds; round++) put_line(work(round));
  put(exitPort, 0);
}
