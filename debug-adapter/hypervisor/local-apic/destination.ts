/** Whom an interrupt message reaches (SDM vol. 3, 11.6.2 and 11.12.9). */
import { destinationFormat } from '../../spec/x86/local-apic';
import type { LocalApic } from './local-apic';

const broadcast8 = 0xff;
const broadcast32 = 0xffffffff;

/** Whether `destination` names this APIC. An 8-bit destination reaches an APIC in x2APIC mode as well. */
export function isDestination(apic: LocalApic, destination: number, isLogical: boolean): boolean {
  if (destination === broadcast32) return true;
  return isLogical ? isLogicalDestination(apic, destination) : isPhysical(apic, destination);
}

/** Machines of this kind have fewer than 255 processors, so that 255 can mean everyone in both modes. */
function isPhysical({ id }: LocalApic, destination: number): boolean {
  return destination === broadcast8 || destination === id;
}

function isLogicalDestination(apic: LocalApic, destination: number): boolean {
  if (apic.isX2Apic) {
    const own = apic.x2LogicalDestination;
    return destination >>> 16 === own >>> 16 && (destination & own & 0xffff) !== 0;
  }
  if (destination === broadcast8) return true;
  const own = apic.logicalDestination >>> 24;
  if (apic.destinationFormat >>> 28 === destinationFormat.flat) return (own & destination) !== 0;
  return own >>> 4 === destination >>> 4 && (own & destination & 0xf) !== 0;
}
