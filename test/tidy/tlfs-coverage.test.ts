// Every published hypercall and synthetic MSR is there, or stands in one list with a reason; the page says which.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { hypercallHandlers } from '../../debug-adapter/hypervisor/hypercalls/handler-table';
import { defaultPrivileges } from '../../debug-adapter/hypervisor/partition';
import { syntheticMsrBehaviour } from '../../debug-adapter/hypervisor/synthetic-msr-behaviour';
import {
  reasonWithoutCall,
  reasonWithoutMsr,
  unsupportedHypercalls,
  unsupportedMsrs,
} from '../../debug-adapter/hypervisor/unsupported';
import { parentHandlers } from '../../debug-adapter/hypervisor/hypercalls/parent/handler-table';
import { ownStatuses, parentStatuses } from '../../debug-adapter/spec/tlfs/hypercall-statuses';
import { hypercallByName, hypercalls } from '../../debug-adapter/spec/tlfs/hypercalls';
import { syntheticMsrs } from '../../debug-adapter/spec/tlfs/synthetic-msrs';
import { coveragePage } from '../../scripts/generate-tlfs-coverage';
import { expectNone } from './expect-none';

describe('coverage of the TLFS', () => {
  it('a hypercall has a handler, or is refused to guests, or has a reason', () => {
    const refused = hypercalls.filter(
      ({ caller, privilege }) =>
        caller === 'parent' ||
        caller === 'root' ||
        (privilege !== undefined && !defaultPrivileges.includes(privilege)),
    );
    const wrong = hypercalls.filter((row) => {
      const ways = [hypercallHandlers.has(row.code), reasonWithoutCall(row.name) !== undefined];
      const count = ways.filter(Boolean).length;
      return refused.includes(row) ? count > 1 : count !== 1;
    });
    expectNone(
      wrong.map(({ name }) => name),
      'see debug-adapter/hypervisor/unsupported.ts',
    );
  });

  it('a hypercall that is there has its statuses in the table', () => {
    const built = hypercalls.filter(({ code }) => hypercallHandlers.has(code));
    assert.deepEqual(Object.keys(ownStatuses).sort(), built.map(({ name }) => name).sort());
    const forParent = hypercalls.filter(({ code }) => parentHandlers.has(code));
    assert.deepEqual(Object.keys(parentStatuses).sort(), forParent.map(({ name }) => name).sort());
  });

  it('a synthetic MSR has a behaviour or a reason', () => {
    const wrong = syntheticMsrs.filter(
      ({ number, name }) =>
        syntheticMsrBehaviour.has(number) === (reasonWithoutMsr(name) !== undefined),
    );
    expectNone(
      wrong.map(({ name }) => name),
      'see debug-adapter/hypervisor/unsupported.ts',
    );
  });

  it('the lists name what is published', () => {
    const msrs = new Set(syntheticMsrs.map(({ name }) => name));
    expectNone([
      ...unsupportedHypercalls.flatMap(([, names]) =>
        names.filter((name) => !hypercallByName.has(name)),
      ),
      ...unsupportedMsrs.flatMap(([, names]) =>
        names.filter((name) => !msrs.has(`HV_X64_MSR_${name}`)),
      ),
    ]);
  });

  it('the page is up to date', async () => {
    const page = readFileSync('debug-adapter/hypervisor/TLFS-COVERAGE.md', 'utf8');
    assert.equal(page, await coveragePage(), 'run "npx tsx scripts/generate-tlfs-coverage.ts"');
  });
});
