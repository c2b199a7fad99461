/** General registers by encoding (SDM vol. 2, table 2-2), as definitions name them. */
import type { Builder } from '../ir/builder';
import type { Expression } from '../ir/ir';

export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;

/**
 * Writes a register that counts or points within the address size, cut to that size already. Only the low half is
 * written where addresses have 16 bits, which flat code never has.
 */
export function setCounter(b: Builder, register: number, value: Expression): void {
  if (!b.isChecked) return b.setRegister(register, value);
  const kept = b.and(b.register(register), b.i64(~0xffff));
  const isShort = b.compare('eq', b.decoded('addressMask'), b.i64(0xffff));
  b.setRegister(register, b.select(isShort, b.or(kept, value), value));
}
