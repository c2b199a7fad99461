/** Guest crash enlightenment: parameters, and the register whose write reports the crash (TLFS appendix C). */
import type { GuestMemory } from '../../machine/guest-memory';
import { decodeUtf8 } from '../../support/utf8';

/** Bits of HV_X64_MSR_CRASH_CTL. */
const crashMessage = 1n << 62n;
const crashNotify = 1n << 63n;

/** What a read of HV_X64_MSR_CRASH_CTL says: crashes can be reported, also with a message. */
export const crashCapabilities = crashNotify | crashMessage;

const parameterCount = 5;
/** Indices of the parameters that tell where a message lies. */
const [messageAddress, messageLength] = [3, 4] as const;
const messageBytesMax = 4096;

/** A crash as the guest reported it. */
export interface CrashReport {
  /** HV_X64_MSR_CRASH_P0 to P4. */
  readonly parameters: readonly bigint[];
  /** The last lines of the guest's log; empty where it gave none. */
  readonly message: string;
}

export class CrashRegisters {
  private values: readonly bigint[] = new Array<bigint>(parameterCount).fill(0n);

  get parameters(): readonly bigint[] {
    return this.values;
  }

  write(index: number, value: bigint): void {
    this.values = this.values.map((kept, at) => (at === index ? value : kept));
  }

  /** What a write of HV_X64_MSR_CRASH_CTL reports; undefined where it does not notify. */
  report(control: bigint, memory: GuestMemory): CrashReport | undefined {
    if ((control & crashNotify) === 0n) return undefined;
    const hasMessage = (control & crashMessage) !== 0n;
    return { parameters: this.values, message: hasMessage ? this.readMessage(memory) : '' };
  }

  restore(parameters: readonly bigint[]): void {
    this.values = Array.from({ length: parameterCount }, (_, index) => parameters[index] ?? 0n);
  }

  private readMessage(memory: GuestMemory): string {
    const address = this.values[messageAddress] ?? 0n;
    const length = this.values[messageLength] ?? 0n;
    if (address >> 52n !== 0n || length === 0n) return '';
    const bytes = memory.read(
      Number(address),
      Math.min(Number(BigInt.asUintN(32, length)), messageBytesMax),
    );
    return bytes === undefined ? '' : decodeUtf8(bytes);
  }
}
