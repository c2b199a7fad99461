/** HvCallGetVpIndexFromApicId (0x9A): here APIC identifiers equal processor indices. */
import { hypercallByName } from '../../spec/tlfs/hypercalls';
import { Status } from '../../spec/tlfs/status-codes';
import { structLayout } from '../../support/struct-layout';
import type { RepHypercallHandler } from './handler';
import { resolvePartition } from './target';

const layout = structLayout(
  'HvCallGetVpIndexFromApicId',
  hypercallByName.get('HvCallGetVpIndexFromApicId')?.input ?? [],
);

export const getVpIndexFromApicId: RepHypercallHandler = {
  kind: 'rep',
  begin({ caller, header }) {
    const partition = resolvePartition(caller, layout, header);
    return typeof partition === 'number' ? partition : Status.success;
  },
  runElement({ caller }, { input, output }) {
    const apicId = new DataView(input.buffer, input.byteOffset).getUint32(0, true);
    if (caller.partition.processors[apicId] === undefined) return Status.invalidParameter;
    new DataView(output.buffer, output.byteOffset).setUint32(0, apicId, true);
    return Status.success;
  },
};
