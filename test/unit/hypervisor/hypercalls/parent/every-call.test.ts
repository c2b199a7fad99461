/** Every row of the table of hypercalls as the parent makes it, against the checks of TLFS 3.8 in their order. */
import assert from 'node:assert/strict';
import { parentHandlers } from '../../../../../debug-adapter/hypervisor/hypercalls/parent/handler-table';
import { parentPrivileges } from '../../../../../debug-adapter/hypervisor/parent-port';
import { parentStatuses } from '../../../../../debug-adapter/spec/tlfs/hypercall-statuses';
import { hypercalls, type Hypercall } from '../../../../../debug-adapter/spec/tlfs/hypercalls';
import { Status, statusByCode } from '../../../../../debug-adapter/spec/tlfs/status-codes';
import { structLayout } from '../../../../../debug-adapter/support/struct-layout';
import { parentRig } from '../../parent-rig';

const inputGpa = 0x1000;
const outputGpa = 0x2000;
const noMemory = 0x100000;
const bit = (position: number): bigint => 1n << BigInt(position);

interface Changes {
  readonly control?: bigint;
  readonly input?: number;
  readonly output?: number;
  /** True for a parent without any privilege. */
  readonly isBare?: boolean;
}

function makeCall(row: Hypercall, changes: Changes = {}): number {
  const { port } = parentRig(changes.isBare === true ? [] : parentPrivileges);
  const reps = row.kind === 'rep' ? 1n << 32n : 0n;
  const control = (BigInt(row.code) | reps) ^ (changes.control ?? 0n);
  return port.call(control, changes.input ?? inputGpa, changes.output ?? outputGpa).status;
}

describe('every hypercall of the parent', () => {
  for (const row of hypercalls) {
    const title = `0x${row.code.toString(16)} ${row.name}`;
    if (row.privilege !== undefined) {
      it(`${title}: denied without its privilege, whatever else is wrong`, () => {
        const wrong = { control: bit(27) | bit(60), input: 1, isBare: true };
        assert.equal(makeCall(row, wrong), Status.accessDenied);
      });
    }
    if (!parentHandlers.has(row.code)) {
      it(`${title}: not there`, () => {
        const isHeld = row.privilege === undefined || parentPrivileges.includes(row.privilege);
        assert.equal(makeCall(row), isHeld ? Status.invalidHypercallCode : Status.accessDenied);
      });
      continue;
    }
    checkForm(title, row);
    checkBlocks(title, row);
  }
});

function checkForm(title: string, row: Hypercall): void {
  it(`${title}: zeros in its block give a status that it may give`, () => {
    const name = statusByCode.get(makeCall(row))?.name ?? assert.fail('unknown status');
    assert(['HV_STATUS_SUCCESS', ...(parentStatuses[row.name] ?? [])].includes(name), name);
  });

  it(`${title}: reserved bits, rep count and variable header`, () => {
    const wrong = [17, 26, 27, 28, 29, 30, 31, 32, 44, 45, 46, 47, 48, 60, 61, 62, 63].map(bit);
    for (const control of wrong) {
      const status = makeCall(row, { control });
      assert.equal(status, Status.invalidHypercallInput, `control ^ 0x${control.toString(16)}`);
    }
  });

  it(`${title}: never fast`, () => {
    assert.equal(makeCall(row, { control: bit(16) }), Status.invalidHypercallInput);
  });
}

function checkBlocks(title: string, row: Hypercall): void {
  const inputBytes = structLayout(row.name, row.input ?? []).sizeBytes;
  it(`${title}: where its input may lie`, () => {
    assert.equal(makeCall(row, { input: inputGpa + 4 }), Status.invalidAlignment);
    assert.equal(makeCall(row, { input: noMemory }), Status.invalidHypercallInput);
    if (inputBytes <= 8) return;
    assert.equal(makeCall(row, { input: 0x1ff8 }), Status.invalidAlignment);
  });
  if (row.output === undefined && row.outputElementBytes === undefined) return;
  it(`${title}: where its output may lie`, () => {
    assert.equal(makeCall(row, { output: outputGpa + 2 }), Status.invalidAlignment);
    assert.equal(makeCall(row, { output: noMemory }), Status.invalidHypercallInput);
  });
}
