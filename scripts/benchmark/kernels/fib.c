/* Recursive calls: Fibonacci numbers by definition, without the compiler's inlining. */
#include "kernel.h"

void setup(void) {}

static __attribute__((noinline, noclone)) u32 fib(u32 n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

u32 work(u32 round) { return fib(32) + round; }
