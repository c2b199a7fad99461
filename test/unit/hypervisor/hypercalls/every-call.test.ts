/** Every row of the table of hypercalls against the checks of TLFS 3.8, in their order; what is expected follows from the row. */
import assert from 'node:assert/strict';
import { dispatchHypercall } from '../../../../debug-adapter/hypervisor/hypercalls/dispatch';
import { hypercallHandlers } from '../../../../debug-adapter/hypervisor/hypercalls/handler-table';
import { ownStatuses } from '../../../../debug-adapter/spec/tlfs/hypercall-statuses';
import { hypercalls, type Hypercall } from '../../../../debug-adapter/spec/tlfs/hypercalls';
import {
  partitionPrivileges,
  type PrivilegeName,
} from '../../../../debug-adapter/spec/tlfs/privileges';
import { Status, statusByCode } from '../../../../debug-adapter/spec/tlfs/status-codes';
import { structLayout } from '../../../../debug-adapter/support/struct-layout';
import { scriptedPartition } from '../scripted-core';

const every = partitionPrivileges.map(({ name }) => name);
const inputGpa = 0x2000n;
const outputGpa = 0x3000n;
const noMemory = 0x100000n;
const bit = (position: number): bigint => 1n << BigInt(position);

interface Changes {
  readonly control?: bigint;
  readonly input?: bigint;
  readonly output?: bigint;
  readonly privileges?: readonly PrivilegeName[];
}

function makeCall(row: Hypercall, changes: Changes = {}): number {
  const { partition, processor } = scriptedPartition(changes.privileges ?? every);
  const reps = row.kind === 'rep' ? 1n << 32n : 0n;
  const { status } = dispatchHypercall(
    { partition, processor, timeNs: 0 },
    {
      control: (BigInt(row.code) | reps) ^ (changes.control ?? 0n),
      input: changes.input ?? inputGpa,
      output: changes.output ?? outputGpa,
    },
  );
  return status;
}

/** Bytes of the input and output blocks with one element. */
function blockBytes(row: Hypercall): readonly [number, number] {
  return [
    structLayout(row.name, row.input ?? []).sizeBytes + (row.inputElementBytes ?? 0),
    structLayout(row.name, row.output ?? []).sizeBytes + (row.outputElementBytes ?? 0),
  ];
}

describe('every hypercall', () => {
  for (const row of hypercalls) {
    const title = `0x${row.code.toString(16)} ${row.name}`;
    const isForGuests = row.caller !== 'parent' && row.caller !== 'root';
    if (row.privilege !== undefined || !isForGuests) {
      it(`${title}: denied without its privilege, whatever else is wrong`, () => {
        const wrong = { control: bit(27) | bit(60), input: 1n };
        assert.equal(makeCall(row, { ...wrong, privileges: [] }), Status.accessDenied);
      });
    }
    if (!hypercallHandlers.has(row.code)) {
      it(`${title}: not there`, () => {
        const expected = isForGuests ? Status.invalidHypercallCode : Status.accessDenied;
        assert.equal(makeCall(row), expected);
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
    assert(['HV_STATUS_SUCCESS', ...(ownStatuses[row.name] ?? [])].includes(name), name);
  });

  it(`${title}: reserved bits, rep count and variable header`, () => {
    const wrong = [27, 28, 29, 30, 31, 44, 45, 46, 47, 60, 61, 62, 63].map(bit);
    if (!row.variableHeader) wrong.push(bit(17), bit(26));
    // A rep call has one element here: none, or a start behind it; a simple call has neither count nor start.
    wrong.push(bit(32), bit(48));
    for (const control of wrong) {
      const status = makeCall(row, { control });
      assert.equal(status, Status.invalidHypercallInput, `control ^ 0x${control.toString(16)}`);
    }
  });
}

function checkBlocks(title: string, row: Hypercall): void {
  const [inputBytes, outputBytes] = blockBytes(row);
  if (inputBytes > 0) {
    it(`${title}: where its input may lie`, () => {
      assert.equal(makeCall(row, { input: inputGpa + 4n }), Status.invalidAlignment);
      assert.equal(makeCall(row, { input: noMemory }), Status.invalidHypercallInput);
      assert.equal(makeCall(row, { input: bit(60) }), Status.invalidHypercallInput);
      if (inputBytes <= 8) return;
      assert.equal(makeCall(row, { input: 0x2ff8n }), Status.invalidAlignment);
    });
  }
  if (outputBytes > 0) {
    it(`${title}: where its output may lie`, () => {
      assert.equal(makeCall(row, { output: outputGpa + 2n }), Status.invalidAlignment);
      assert.equal(makeCall(row, { output: noMemory }), Status.invalidHypercallInput);
      assert.equal(makeCall(row, { control: bit(16) }), Status.invalidHypercallInput);
    });
  }
}
