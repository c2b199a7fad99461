/* Pointer chase: one random cycle through 4 MiB, so that memory and translation caches decide. */
#include "kernel.h"

enum { cells = 1 << 18, steps = 15500000 };

struct cell {
  struct cell *next;
  u32 value;
};

static struct cell cell[cells];
static u32 order[cells];

void setup(void) {
  u32 x = 1;
  for (u32 i = 0; i < cells; i++) order[i] = i;
  for (u32 i = cells - 1; i > 0; i--) {
    x = x * 1664525u + 1013904223u;
    u32 j = (u32)(((u64)x * i) >> 32);
    u32 t = order[i];
    order[i] = order[j];
    order[j] = t;
  }
  for (u32 i = 0; i < cells; i++) {
    cell[order[i]].next = &cell[order[(i + 1) & (cells - 1)]];
    cell[order[i]].value = i;
  }
}

u32 work(u32 round) {
  struct cell *at = &cell[order[round]];
  u32 sum = 0;
  for (u32 i = 0; i < steps; i++) {
    sum += at->value;
    at = at->next;
  }
  return sum;
}
