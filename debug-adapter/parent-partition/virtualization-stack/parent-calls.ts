/** Hypercalls of the virtualization stack: fields and lists written into its input page as the TLFS lays them out. */
import { pageSizeBytes } from '../../machine/addresses';
import { GuestMemory, rightRead, rightWrite } from '../../machine/guest-memory';
import type { HypercallPort } from '../../machine/hypercall-port';
import { hypercallByName, type Hypercall } from '../../spec/tlfs/hypercalls';
import { Status, statusByCode } from '../../spec/tlfs/status-codes';
import { assert, present } from '../../support/assert';
import { readField, structLayout, structWriter } from '../../support/struct-layout';

/** Where the parent has its input and output page. */
const inputGpa = pageSizeBytes;
const outputGpa = 2 * pageSizeBytes;

const repCountShift = 32n;
const repStartShift = 48n;
const repCountMax = 0xfff;

/** Values of the fields of a call by name; what is absent is zero. */
export type CallFields = Readonly<Record<string, number | bigint>>;

/** A list of a rep call: elements of the size that the call has. */
export interface CallList {
  readonly count: number;
  /** Bytes of all elements; absent where the call has none. */
  readonly bytes?: Uint8Array;
}

/** What is done where a partition's memory pool is too small (HV_STATUS_INSUFFICIENT_MEMORY). */
export type Depositor = () => void;

/** Two pages of memory for parameter blocks. They are empty between calls, so they are no state. */
export function makeHypercallPages(): GuestMemory {
  const memory = new GuestMemory(new Uint8Array(2 * pageSizeBytes), 0, 2);
  memory.mapRam(inputGpa / pageSizeBytes, 2, rightRead | rightWrite);
  return memory;
}

export class ParentCalls {
  constructor(
    private readonly port: HypercallPort,
    private readonly memory: GuestMemory,
  ) {}

  /**
   * Makes a simple call, which must succeed.
   * @param deposit called where the pool is too small, after which the call is made again
   * @returns what reads fields of the output
   */
  call(name: string, fields: CallFields, deposit?: Depositor): (field: string) => bigint {
    const row = rowOf(name);
    const input = this.writeInput(row, fields);
    const output = structLayout(name, row.output ?? []);
    const { status } = this.repeat(row, deposit, () => this.make(BigInt(row.code), input));
    assert(status === Status.success, `${name} gave ${statusName(status)}`);
    const answer = present(this.memory.read(outputGpa, output.sizeBytes), 'output page');
    this.erase(outputGpa, output.sizeBytes);
    return (field) => readField(output, answer, field);
  }

  /** Makes a rep call for a whole list, in as many calls as pages and counts allow; each must succeed. */
  callForList(
    name: string,
    fieldsAt: (first: number) => CallFields,
    list: CallList,
    deposit?: Depositor,
  ): void {
    const row = rowOf(name);
    const header = structLayout(name, row.input ?? []).sizeBytes;
    const elementBytes = row.inputElementBytes ?? 0;
    const fitting =
      elementBytes === 0 ? repCountMax : Math.floor((pageSizeBytes - header) / elementBytes);
    const perCall = Math.min(repCountMax, fitting);
    for (let first = 0; first < list.count; first += perCall) {
      const count = Math.min(perCall, list.count - first);
      const bytes = list.bytes?.subarray(first * elementBytes, (first + count) * elementBytes);
      this.callForPart(
        row,
        fieldsAt(first),
        { count, ...(bytes === undefined ? {} : { bytes }) },
        deposit,
      );
    }
  }

  /** Makes a rep call whose output is a list of 64-bit numbers, until the hypervisor has no more of them. */
  collect(name: string, fields: CallFields): readonly number[] {
    const row = rowOf(name);
    const collected: number[] = [];
    const perCall = pageSizeBytes / 8;
    for (;;) {
      const input = this.writeInput(row, fields);
      const control = BigInt(row.code) | (BigInt(perCall) << repCountShift);
      const { status, repsCompleted } = this.make(control, input);
      const bytes = present(this.memory.read(outputGpa, pageSizeBytes), 'output page');
      const view = new DataView(bytes.buffer);
      for (let index = 0; index < repsCompleted; index++) {
        collected.push(Number(view.getBigUint64(index * 8, true)));
      }
      this.erase(outputGpa, pageSizeBytes);
      if (status === Status.noResources) return collected;
      assert(status === Status.success, `${name} gave ${statusName(status)}`);
    }
  }

  private callForPart(
    row: Hypercall,
    fields: CallFields,
    list: CallList,
    deposit?: Depositor,
  ): void {
    const input = this.writeInput(row, fields);
    if (list.bytes !== undefined) input.push(list.bytes);
    let done = 0;
    const { status } = this.repeat(row, deposit, () => {
      const control =
        BigInt(row.code) | (BigInt(list.count) << repCountShift) | (BigInt(done) << repStartShift);
      const answer = this.make(control, input);
      done = answer.repsCompleted;
      return answer;
    });
    assert(status === Status.success, `${row.name} gave ${statusName(status)}`);
  }

  private repeat(
    { name }: Hypercall,
    deposit: Depositor | undefined,
    make: () => { readonly status: number },
  ): { readonly status: number } {
    for (let tries = 0; ; tries++) {
      const answer = make();
      if (answer.status !== Status.insufficientMemory || deposit === undefined) return answer;
      assert(tries < depositsPerCall, `${name} has enough memory after ${tries} deposits`);
      deposit();
    }
  }

  private make(control: bigint, input: readonly Uint8Array[]) {
    let at = inputGpa;
    for (const bytes of input) {
      this.memory.write(at, bytes);
      at += bytes.length;
    }
    const answer = this.port.call(control, inputGpa, outputGpa);
    this.erase(inputGpa, at - inputGpa);
    return answer;
  }

  private writeInput(row: Hypercall, fields: CallFields): Uint8Array[] {
    const layout = structLayout(row.name, row.input ?? []);
    const header = new Uint8Array(layout.sizeBytes);
    const write = structWriter(layout, header);
    for (const [name, value] of Object.entries(fields)) write(name, BigInt(value));
    return [header];
  }

  private erase(gpa: number, bytes: number): void {
    if (bytes > 0) this.memory.write(gpa, new Uint8Array(bytes));
  }
}

/** A call that wants more than so many deposits will never have enough. */
const depositsPerCall = 64;

function rowOf(name: string): Hypercall {
  return present(hypercallByName.get(name), `hypercall ${name}`);
}

function statusName(status: number): string {
  return statusByCode.get(status)?.name ?? `status ${status}`;
}
