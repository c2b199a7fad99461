/* 64-bit integer mixing: shifts, rotations, multiplications and additions in registers. */
#include "kernel.h"

enum { steps = 14000000 };

void setup(void) {}

u32 work(u32 round) {
  u64 a = round + 0x9e3779b97f4a7c15u;
  u64 b = 0x2545f4914f6cdd1du;
  for (u32 i = 0; i < steps; i++) {
    a ^= a >> 12;
    a ^= a << 25;
    a ^= a >> 27;
    b += a * 0x2545f4914f6cdd1du;
    b = (b << 31) | (b >> 33);
    a += b ^ i;
  }
  return (u32)(a ^ (a >> 32) ^ b);
}
