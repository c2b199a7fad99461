/** The DSDT's machine language: the devices of a generation-1 virtual machine as ACPI describes them. */
import { deviceIsWorking } from '../../spec/pc/aml';
import { ioApic, irq, localApicGpa, port, portCount, softOffSleepType } from '../../spec/pc/board';
import { processorUid, type AcpiConfiguration } from './acpi-configuration';
import {
  device,
  eisaId,
  integer,
  method,
  name,
  packageOf,
  returned,
  scope,
  string,
  type Aml,
} from './aml-encoder';
import {
  busNumbers,
  edgeInterrupt,
  fixedMemory,
  ioPorts,
  ioWindow,
  memoryWindow32,
  memoryWindow64,
  resourceTemplate,
  type Window,
} from './resource-template';

const gibibyte = 2 ** 30;

/** Memory-mapped devices below 4 GiB: from the end of RAM, but not below 3.5 GiB, to the I/O APIC. */
function lowDeviceWindow({ lowMemoryEnd }: AcpiConfiguration): Window {
  return { first: Math.max(lowMemoryEnd, 3.5 * gibibyte), last: ioApic.gpa - 1 };
}

/** As much above all RAM as a guest with 40 address bits can use without thought: 64 GiB. */
function highDeviceWindow({ highMemoryEnd = 4 * gibibyte }: AcpiConfiguration): Window {
  const first = Math.max(64 * gibibyte, highMemoryEnd);
  return { first, last: first + 64 * gibibyte - 1 };
}

const isaDevice = (path: string, id: string, uid: number, ...resources: readonly Aml[]): Aml =>
  device(
    path,
    name('_HID', eisaId(id)),
    name('_UID', integer(uid)),
    name('_CRS', resourceTemplate(...resources)),
  );

/** Function 0 of device 7, where the PIIX4 sits. */
function isaBridge(): Aml {
  const { serial, realTimeClock } = portCount;
  return device(
    'ISA',
    name('_ADR', integer(0x0007_0000)),
    isaDevice('UAR1', 'PNP0501', 1, ioPorts(port.com1, serial), edgeInterrupt(irq.com1)),
    isaDevice('UAR2', 'PNP0501', 2, ioPorts(port.com2, serial), edgeInterrupt(irq.com2)),
    isaDevice(
      'RTC0',
      'PNP0B00',
      0,
      ioPorts(port.realTimeClock, realTimeClock),
      edgeInterrupt(irq.realTimeClock),
    ),
    isaDevice(
      'PS2K',
      'PNP0303',
      0,
      ioPorts(port.keyboardData, 1),
      ioPorts(port.keyboardCommand, 1),
      edgeInterrupt(irq.keyboard),
    ),
    isaDevice('PS2M', 'PNP0F13', 0, edgeInterrupt(irq.mouse)),
  );
}

/**
 * The device that Linux's hv_vmbus binds to. Its interrupt comes through SINT2, never through a line; but a _CRS must be
 * there and evaluate, and the search for memory windows goes on in the parent's.
 */
function vmbus(): Aml {
  return device(
    'VMBS',
    name('_HID', string('VMBus')),
    name('_DDN', string('VMBUS')),
    name('_ADR', integer(0)),
    name('_UID', integer(0)),
    method('_STA', returned(integer(deviceIsWorking))),
    method('_DIS'),
    method('_PS0'),
    method('_PS3'),
    name('_CRS', resourceTemplate(edgeInterrupt(5))),
  );
}

function pciRoot(configuration: AcpiConfiguration): Aml {
  const { pciConfigurationAddress: address } = port;
  const { pciConfiguration: count } = portCount;
  return device(
    'PCI0',
    name('_HID', eisaId('PNP0A03')),
    name('_ADR', integer(0)),
    name('_UID', integer(0)),
    name('_BBN', integer(0)),
    name(
      '_CRS',
      resourceTemplate(
        busNumbers({ first: 0, last: 0 }),
        ioPorts(address, count),
        ioWindow({ first: 0, last: address - 1 }),
        ioWindow({ first: address + count, last: 0xffff }),
        memoryWindow32(lowDeviceWindow(configuration)),
        memoryWindow64(highDeviceWindow(configuration)),
      ),
    ),
    // No function asks for an interrupt through a pin: power management has the SCI.
    name('_PRT', packageOf()),
    isaBridge(),
    ...(configuration.hasVmbus === false ? [] : [vmbus()]),
  );
}

function interruptControllers(): Aml {
  return device(
    'APIC',
    name('_HID', eisaId('PNP0003')),
    name(
      '_CRS',
      resourceTemplate(fixedMemory(localApicGpa, 0x1000), fixedMemory(ioApic.gpa, ioApic.bytes)),
    ),
  );
}

function processor(index: number): Aml {
  const uid = processorUid(index);
  return device(
    `P${String(uid).padStart(3, '0')}`,
    name('_HID', string('ACPI0007')),
    name('_UID', integer(uid)),
    method('_STA', returned(integer(deviceIsWorking))),
  );
}

/** The definition block's terms; the table's header is not among them. */
export function encodeDsdt(configuration: AcpiConfiguration): Uint8Array {
  const processors = Array.from({ length: configuration.processorCount }, (_, at) => processor(at));
  const sleepState = (type: number): Aml => packageOf(integer(type), integer(type));
  return Uint8Array.from([
    ...scope('_SB', pciRoot(configuration), interruptControllers(), ...processors),
    ...name('_S0', sleepState(0)),
    ...name('_S5', sleepState(softOffSleepType)),
  ]);
}
