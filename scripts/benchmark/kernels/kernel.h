/* What a kernel of the benchmark provides; the same source is built for 64-bit and for 32-bit guests. */
#ifndef KERNEL_H
#define KERNEL_H

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

/* Fills tables and memory; counted as part of the first round. */
void setup(void);

/* One round of work; its checksum depends on everything the round computed. */
u32 work(u32 round);

#endif
