/** Tables of numbers: ascending, unique, found by number and by name. */
import assert from 'node:assert/strict';
import { hypervisorCpuidLeaves } from '../../../debug-adapter/spec/tlfs/cpuid-leaves';
import { hypercalls } from '../../../debug-adapter/spec/tlfs/hypercalls';
import { partitionPrivileges, privilegeMask } from '../../../debug-adapter/spec/tlfs/privileges';
import { hypercallStatuses } from '../../../debug-adapter/spec/tlfs/status-codes';
import { syntheticMsrs } from '../../../debug-adapter/spec/tlfs/synthetic-msrs';
import { exceptionVectors } from '../../../debug-adapter/spec/x86/exceptions';
import {
  exitReasonByName,
  ExitReasonNumber,
  exitReasons,
} from '../../../debug-adapter/spec/x86/exit-reasons';
import { architecturalMsrs, msrByNumber, msrs } from '../../../debug-adapter/spec/x86/msrs';
import { vmcsFields } from '../../../debug-adapter/spec/x86/vmcs-fields';
import { structLayout } from '../../../debug-adapter/support/struct-layout';

const tables: readonly (readonly [string, readonly { number: number; name: string }[]])[] = [
  ['exit reasons', exitReasons],
  ['architectural MSRs', architecturalMsrs],
  ['synthetic MSRs', syntheticMsrs],
  ['all MSRs', msrs],
  ['hypercalls', hypercalls.map(({ code, name }) => ({ number: code, name }))],
  ['statuses', hypercallStatuses.map(({ code, name }) => ({ number: code, name }))],
  ['privileges', partitionPrivileges.map(({ position, name }) => ({ number: position, name }))],
  ['exceptions', exceptionVectors.map(({ vector, name }) => ({ number: vector, name }))],
  ['CPUID leaves', hypervisorCpuidLeaves.map(({ leaf, name }) => ({ number: leaf, name }))],
  ['VMCS fields', vmcsFields.map(({ encoding, name }) => ({ number: encoding, name }))],
];

describe('specification tables', () => {
  for (const [title, rows] of tables) {
    it(`${title}: numbers ascend, names are unique`, () => {
      for (const [index, row] of rows.entries()) {
        const before = rows[index - 1];
        assert(before === undefined || before.number < row.number, `${row.name} is in its place`);
      }
      assert.equal(new Set(rows.map((row) => row.name)).size, rows.length);
    });
  }

  it('exit reason constants are those of the table', () => {
    for (const [name, number] of Object.entries(ExitReasonNumber)) {
      assert.equal(exitReasonByName.get(name)?.number, number, name);
    }
  });

  it('synthetic and architectural MSRs are found by number', () => {
    assert.equal(msrByNumber.get(0x40000000)?.name, 'HV_X64_MSR_GUEST_OS_ID');
    assert.equal(msrByNumber.get(0xc0000080)?.name, 'IA32_EFER');
  });

  it('the privilege mask has EAX in its low half and EBX in its high half', () => {
    assert.equal(
      privilegeMask(['AccessHypercallMsrs', 'AccessVpIndex', 'PostMessages']),
      0x10_0000_0060n,
    );
  });

  it('hypercall parameters do not overlap', () => {
    const widths = { u8: 1, u16: 2, u32: 4, u64: 8 };
    for (const { name, input = [], output = [] } of hypercalls) {
      for (const fields of [input, output]) {
        structLayout(name, fields);
        let end = 0;
        for (const { name: fieldName, type, offset } of fields) {
          const size = typeof type === 'string' ? widths[type] : type.bytes;
          assert(offset >= end, `${name}.${fieldName} begins behind the field before it`);
          end = offset + size;
        }
      }
    }
  });
});
