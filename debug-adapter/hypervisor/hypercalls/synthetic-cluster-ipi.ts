/** HvCallSendSyntheticClusterIpi (0x0B) and its form for sparse sets (0x15): a fixed interrupt on many processors. */
import { hypercallByName } from '../../spec/tlfs/hypercalls';
import { Status } from '../../spec/tlfs/status-codes';
import { present } from '../../support/assert';
import { readField, readHalf, readNumber, structLayout } from '../../support/struct-layout';
import type { VirtualProcessor } from '../virtual-processor';
import type { HypercallCaller, SimpleHypercallHandler } from './handler';
import { processorsOfMask, processorsOfSet } from './vp-set';

const maskLayout = structLayout(
  'HvCallSendSyntheticClusterIpi',
  present(hypercallByName.get('HvCallSendSyntheticClusterIpi')?.input, 'input layout'),
);
const setLayout = structLayout(
  'HvCallSendSyntheticClusterIpiEx',
  present(hypercallByName.get('HvCallSendSyntheticClusterIpiEx')?.input, 'input layout'),
);

/** Vectors of a fixed interrupt (SDM vol. 3, 11.5.2). */
const vectors = { first: 0x10, last: 0xff } as const;
const reservedBytes = { from: 5, to: 8 } as const;
/** TargetVtl: VTL 0, said or not said. */
const useTargetVtl = 0x10;

/** What both forms begin with: the vector, and a trust level of which there is only 0. */
function checkVector(header: Uint8Array): number {
  const vector = readNumber(maskLayout, header, 'Vector');
  const vtl = readNumber(maskLayout, header, 'TargetVtl');
  let reserved = 0;
  for (let at = reservedBytes.from; at < reservedBytes.to; at++) reserved |= header[at] ?? 0;
  const isRight =
    vector >= vectors.first &&
    vector <= vectors.last &&
    (vtl === 0 || vtl === useTargetVtl) &&
    reserved === 0;
  return isRight ? Status.success : Status.invalidParameter;
}

function send(
  { partition }: HypercallCaller,
  header: Uint8Array,
  targets: readonly VirtualProcessor[],
): number {
  const vector = readNumber(maskLayout, header, 'Vector');
  for (const target of targets) partition.interrupts.requestInterrupt(target, vector);
  return Status.success;
}

export const sendSyntheticClusterIpi: SimpleHypercallHandler = {
  kind: 'simple',
  run({ caller, header }) {
    const status = checkVector(header);
    if (status !== Status.success) return status;
    const lower = readHalf(maskLayout, header, 'ProcessorMask', 'lower');
    const upper = readHalf(maskLayout, header, 'ProcessorMask', 'upper');
    return send(caller, header, processorsOfMask(caller.partition, lower, upper));
  },
};

export const sendSyntheticClusterIpiEx: SimpleHypercallHandler = {
  kind: 'simple',
  run({ caller, header, variableHeader }) {
    const status = checkVector(header);
    if (status !== Status.success) return status;
    const targets = processorsOfSet(caller.partition, {
      format: readField(setLayout, header, 'Format'),
      validBanks: readField(setLayout, header, 'ValidBanksMask'),
      banks: variableHeader,
    });
    return typeof targets === 'number' ? targets : send(caller, header, targets);
  },
};
