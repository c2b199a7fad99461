/* SHA-256 (FIPS 180-4) compression of many blocks. */
#include "kernel.h"

enum { blocks = 36000 };

static u32 k[64];
static u8 message[64];

/* Fractional bits of cube roots of primes, by integer search: the table needs no constants. */
static u32 root_fraction(u32 prime) {
  u64 low = 0;
  u64 high = (u64)8 << 32;
  while (high - low > 1) {
    u64 middle = low + ((high - low) >> 1);
    /* middle^3 against prime * 2^96, in parts of 32 bits. */
    u64 a = middle >> 32, b = middle & 0xffffffffu;
    u64 bb = b * b, ab = a * b;
    u64 s0 = bb & 0xffffffffu;
    u64 s1 = (bb >> 32) + ((ab << 1) & 0xffffffffu);
    u64 s2 = a * a + (ab >> 31) + (s1 >> 32);
    s1 &= 0xffffffffu;
    u64 c1 = ((s0 * b) >> 32) + s0 * a + ((s1 * b) & 0xffffffffu);
    u64 c2 = (c1 >> 32) + ((s1 * b) >> 32) + s1 * a;
    u64 c3 = (c2 >> 32) + s2 * a + ((s2 * b) >> 32) + ((((c2 & 0xffffffffu) + ((s2 * b) & 0xffffffffu))) >> 32);
    if (c3 >= prime) high = middle;
    else low = middle;
  }
  return (u32)low;
}

void setup(void) {
  u32 count = 0;
  for (u32 n = 2; count < 64; n++) {
    u32 isPrime = 1;
    for (u32 d = 2; d * d <= n; d++) isPrime &= n % d != 0;
    if (isPrime != 0) k[count++] = root_fraction(n);
  }
  for (u32 i = 0; i < 64; i++) message[i] = (u8)(i * 7 + 1);
}

static u32 rotate(u32 x, u32 n) { return (x >> n) | (x << (32 - n)); }

static void compress(u32 *h, const u8 *block) {
  u32 w[64];
  for (u32 i = 0; i < 16; i++) {
    const u8 *p = block + i * 4;
    w[i] = (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
  }
  for (u32 i = 16; i < 64; i++) {
    u32 s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ (w[i - 15] >> 3);
    u32 s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ (w[i - 2] >> 10);
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], x = h[7];
  for (u32 i = 0; i < 64; i++) {
    u32 s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    u32 t1 = x + s1 + ((e & f) ^ (~e & g)) + k[i] + w[i];
    u32 s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    u32 t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    x = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += x;
}

u32 work(u32 round) {
  u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  for (u32 i = 0; i < blocks; i++) {
    message[0] = (u8)(i + round);
    compress(h, message);
  }
  return h[0] ^ h[1] ^ h[2] ^ h[3] ^ h[4] ^ h[5] ^ h[6] ^ h[7];
}
