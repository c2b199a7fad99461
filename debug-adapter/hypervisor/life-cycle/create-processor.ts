/** What HvCallCreateVp makes of a processor: controls, MSRs and registers as after power-on (TLFS 7.3). */
import { setUpMemoryTypes } from '../memory-type-msrs';
import { powerOn, resetMsrs } from '../processor-reset';
import type { VirtualProcessor } from '../virtual-processor';
import { setUpVmcsControls } from '../vmcs-setup';

/** A processor of a new partition, or of one that was reset: the first runs, the others wait for a start-up IPI. */
export function createProcessor(processor: VirtualProcessor): void {
  const { state } = processor;
  setUpVmcsControls(state, processor.index);
  setUpMemoryTypes(state);
  resetMsrs(state);
  powerOn(processor);
  if (processor.index !== 0) processor.waitForStartUp();
}
