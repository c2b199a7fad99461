// Every sample guest does what its source says, on the whole machine.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { webAssemblyCodeHost } from '../../../debug-adapter/host/web-assembly-code-space';
import { configureSingleGuest } from '../../../debug-adapter/system/machine-configuration';
import { PhysicalMachine } from '../../../debug-adapter/system/physical-machine';
import type { RunStop } from '../../../debug-adapter/system/run-types';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const memoryBytes = 64 * 1024 * 1024;

interface GuestRun {
  readonly stop: RunStop;
  readonly output: string;
}

function runGuest(name: string, maxSteps = 2_000_000): GuestRun {
  const path = `guests/${name}/${name}.elf`;
  const image = { path, bytes: new Uint8Array(readFileSync(root + path)) };
  const machine = new PhysicalMachine(
    configureSingleGuest({ name, memoryBytes, image, commandLine: '' }),
    { codeHost: webAssemblyCodeHost },
  );
  let output = '';
  machine.trace.forwardTo({
    record: (event) => {
      if (event.kind === 'console') output += Buffer.from(event.data).toString('latin1');
    },
  });
  const { stop } = machine.run({ maxSteps });
  return { stop, output };
}

const helloOutput = [
  'Hello from a guest partition.',
  'processors     0x01',
  'memory         0x04000000 bytes',
  'hypervisor     present',
  'vendor         Microsoft Hv',
  /^highest leaf {3}0x400000[0-9a-f]{2}$/,
  'interface      Hv#1',
  /^privileges {5}0x[0-9a-f]{8}$/,
  'hypercall page 0x00103000, it holds 0f01c1c3',
  'VP index       0x00',
  'HvCallNotifyLongSpinWait: status 0x0000',
  'call code 0x7777:         status 0x0002 (HV_STATUS_INVALID_HYPERCALL_CODE, as it should be)',
  'done',
];

const pageFaultOutput = [
  'Page-fault lab',
  /^own page tables at 0x[0-9a-f]{8}$/,
  '',
  '1. read a page that is not present',
  /^ {3}#PF CR2=0x0000000040000000 error=0x0000 RIP=0x[0-9a-f]{8}$/,
  '   not present: give it a frame, read-only and no-execute',
  '   read 0xfeedfacecafef00d',
  '',
  '2. write to a read-only page',
  /^ {3}#PF CR2=0x0000000040000000 error=0x0003 RIP=0x[0-9a-f]{8}$/,
  '   a write, forbidden: make the page writable',
  '   the page now holds 0x1122334455667788',
  '',
  '3. execute a no-execute page',
  '   #PF CR2=0x0000000040000000 error=0x0011 RIP=0x40000000',
  '   an instruction fetch, forbidden: make the page executable',
  '   the routine returned 0x2a',
  '',
  'faults handled: 0x03',
  'done',
];

const exitLoopOutput = [...'ABCDEFGHIJKLMNOP'].map((letter) => letter.repeat(64));

const stringOutput = ['A string of bytes, one iteration each.', 'All six tests passed.'];

/** Guest, the kind of stop it ends with, and the lines it prints. */
const rows: readonly (readonly [string, RunStop['kind'], readonly (string | RegExp)[]])[] = [
  ['hello-partition', 'halted', helloOutput],
  ['page-fault-lab', 'halted', pageFaultOutput],
  ['exit-loop', 'guest-exit', exitLoopOutput],
  ['string-io', 'guest-exit', stringOutput],
  ['spin', 'budget', []],
  ['triple-fault', 'triple-fault', []],
  ['jump-nowhere', 'unhandled-exit', []],
  ['unimplemented', 'unimplemented', []],
];

describe('sample guests on the whole machine', () => {
  for (const [name, kind, lines] of rows) {
    it(`${name} ends with ${kind}`, () => {
      const { stop, output } = runGuest(name);
      assert.equal(stop.kind, kind, output);
      const printed = output === '' ? [] : output.replace(/\n$/, '').split('\n');
      lines.forEach((line, index) => {
        if (typeof line === 'string') assert.equal(printed[index], line);
        else assert.match(printed[index] ?? '', line);
      });
      assert.equal(printed.length, lines.length, output);
      if (stop.kind === 'guest-exit') assert.equal(stop.code, 0);
    });
  }
});
