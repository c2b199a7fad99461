// A guest whose processor makes the hypercalls that a test wants: the test plays the driver, in the guest's own memory.
import type { Partition } from '../../debug-adapter/hypervisor/partition';
import type { GuestConfiguration } from '../../debug-adapter/system/machine-configuration';
import type { PhysicalMachine } from '../../debug-adapter/system/physical-machine';
import { code, interruptGuest } from './interrupt-guest';
import { littleEndian, machineCode } from './machine-code';

/** Call codes of HvCallPostMessage and HvCallSignalEvent. */
const callCode = { postMessage: 0x5cn, signalEvent: 0x5dn } as const;

const u32 = (value: number): string => littleEndian(value, 4);

/** Where the guest looks for what it is to do, and where its pages of the hypervisor lie. */
const mail = { control: 0xb000, input: 0xb008, result: 0xb010, output: 0xb018 } as const;
const inputPage = 0x68000;
export const drivenPages = { hypercall: 0x64000, messages: 0x65000, events: 0x66000 } as const;
const messageSint = 2;
const sintVector = 0x52n;

/** Waits for a control word, makes the call, and frees the message slot. */
function loop(): string {
  const body =
    `48 8b 14 25 ${u32(mail.input)} 4c 8b 04 25 ${u32(mail.output)} 0f 01 c1 ` +
    `48 89 04 25 ${u32(mail.result)} 48 c7 04 25 ${u32(mail.control)} ${u32(0)} ` +
    code.writeMsr(0x40000084, 0n);
  const wait = `48 8b 0c 25 ${u32(mail.control)} 48 85 c9 74 f3`;
  const jump = machineCode(`${wait} ${body} e9 ${u32(0)}`).length;
  return `${wait} ${body} e9 ${u32(-jump >>> 0)}`;
}

/** The configuration of such a guest. Interrupts stay off: the test looks for messages itself. */
export function drivenGuest(options: Partial<GuestConfiguration> = {}): GuestConfiguration {
  const { hypercall, messages, events } = drivenPages;
  const boot =
    code.writeMsr(0x40000000, 1n) +
    code.writeMsr(0x40000001, BigInt(hypercall) | 1n) +
    code.writeMsr(0x40000083, BigInt(messages) | 1n) +
    code.writeMsr(0x40000082, BigInt(events) | 1n) +
    code.writeMsr(0x40000090 + messageSint, sintVector) +
    code.writeMsr(0x40000080, 1n) +
    loop();
  return interruptGuest({ boot, options });
}

/** The test's hand on such a guest. */
export class DrivenGuest {
  /** @param isOver true where there is no more to be done, as where a neighbour has ended */
  constructor(
    private readonly machine: PhysicalMachine,
    private readonly guest: Partition,
    private readonly isOver: () => boolean = () => false,
  ) {}

  read(gpa: number, target: Uint8Array): boolean {
    const bytes = this.guest.memory.read(gpa, target.length);
    if (bytes !== undefined) target.set(bytes);
    return bytes !== undefined;
  }

  write(gpa: number, bytes: Uint8Array): boolean {
    return this.guest.memory.write(gpa, bytes);
  }

  word(gpa: number): number {
    const bytes = new Uint8Array(4);
    this.read(gpa, bytes);
    return new DataView(bytes.buffer).getUint32(0, true);
  }

  setWord(gpa: number, value: number): void {
    this.write(
      gpa,
      Uint8Array.from([0, 8, 16, 24], (by) => (value >>> by) & 0xff),
    );
  }

  /** Makes a hypercall. @returns its status; undefined where it did not come back */
  call(control: bigint, input: bigint): number | undefined {
    this.setQuad(mail.input, input);
    this.setQuad(mail.control, control);
    for (let turn = 0; turn < 100 && !this.isOver(); turn++) {
      this.machine.run({ maxSteps: 10_000 });
      if (this.word(mail.control) === 0) return this.word(mail.result) & 0xffff;
    }
    return undefined;
  }

  post(connection: number, payload: Uint8Array, type = 1): number | undefined {
    const block = new Uint8Array(256);
    const view = new DataView(block.buffer);
    view.setUint32(0, connection, true);
    view.setUint32(8, type, true);
    view.setUint32(12, payload.length, true);
    block.set(payload.subarray(0, 240), 16);
    this.write(inputPage, block);
    return this.call(callCode.postMessage, BigInt(inputPage));
  }

  signal(connection: number): number | undefined {
    const isFast = 1n << 16n;
    return this.call(callCode.signalEvent | isFast, BigInt(connection >>> 0));
  }

  /** Takes the message in the slot, if there is one; the next one comes with the next call. */
  takeMessage(): Uint8Array | undefined {
    const slot = drivenPages.messages + messageSint * 256;
    if (this.word(slot) === 0) return undefined;
    const header = new Uint8Array(16);
    this.read(slot, header);
    const payload = new Uint8Array(header[4] ?? 0);
    this.read(slot + 16, payload);
    this.setWord(slot, 0);
    return payload;
  }

  private setQuad(gpa: number, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.write(gpa, bytes);
  }
}
