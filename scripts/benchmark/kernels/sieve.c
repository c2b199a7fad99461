/* Sieve of Eratosthenes below one million, one byte for each number. */
#include "kernel.h"

enum { limit = 1000000, passes = 7 };

static u8 composite[limit];

void setup(void) {}

u32 work(u32 round) {
  u32 sum = round;
  for (u32 pass = 0; pass < passes; pass++) {
    for (u32 i = 0; i < limit; i++) composite[i] = 0;
    for (u32 i = 2; i < limit; i++) {
      if (composite[i] != 0) continue;
      sum = sum * 31 + i;
      for (u64 j = (u64)i * i; j < limit; j += i) composite[j] = 1;
    }
  }
  return sum;
}
