/* Table CRC-32 over 1 MiB, byte by byte. */
#include "kernel.h"

enum { bytes = 1 << 20, passes = 10 };

static u32 table[256];
static u8 data[bytes];

void setup(void) {
  for (u32 i = 0; i < 256; i++) {
    u32 c = i;
    for (int bit = 0; bit < 8; bit++) c = (c & 1) != 0 ? (c >> 1) ^ 0xedb88320u : c >> 1;
    table[i] = c;
  }
  u32 x = 12345;
  for (u32 i = 0; i < bytes; i++) {
    x = x * 1664525u + 1013904223u;
    data[i] = (u8)(x >> 24);
  }
}

u32 work(u32 round) {
  u32 crc = ~round;
  for (u32 pass = 0; pass < passes; pass++) {
    for (u32 i = 0; i < bytes; i++) crc = table[(crc ^ data[i]) & 0xff] ^ (crc >> 8);
  }
  return ~crc;
}
