// Table: names of the I/O ports at which the chips of a PC sit, for breakpoints.
import { port, portCount } from './board';

/** The ports of one chip, or of a part of it. */
export interface PortRange {
  /** For breakpoints: `io:COM1`. */
  readonly name: string;
  readonly title: string;
  readonly first: number;
  readonly count: number;
}

function range(name: string, title: string, first: number, count = 1): PortRange {
  return { name, title, first, count };
}

/** Ascending by first port. */
export const portRanges: readonly PortRange[] = [
  range('PIC1', 'Master 8259A interrupt controller', port.masterInterruptController, 2),
  range('PIT', '8254 interval timer', port.intervalTimer, portCount.intervalTimer),
  range('KBD_DATA', '8042 keyboard controller: data', port.keyboardData),
  range('PORT_B', 'System control port B: speaker and timer 2', port.systemControlB),
  range('KBD_COMMAND', '8042 keyboard controller: command and status', port.keyboardCommand),
  range('RTC', 'Real-time clock and CMOS: index and data', port.realTimeClock, 2),
  range('PORT_A', 'System control port A: fast reset and A20', port.systemControlA),
  range('PIC2', 'Slave 8259A interrupt controller', port.slaveInterruptController, 2),
  range('DEBUGCON', 'Debug console', port.debugConsole),
  range('DEBUG_EXIT', 'Debug exit', port.debugExit, portCount.debugExit),
  range('COM2', 'Second serial port', port.com2, portCount.serial),
  range('COM1', 'First serial port', port.com1, portCount.serial),
  range('ACPI_PM', 'ACPI power management', port.powerManagement, portCount.powerManagement),
  range('ELCR', 'Edge/level control of the interrupt controllers', port.edgeLevelControl, 2),
  range(
    'PCI_CONFIG',
    'PCI configuration address and data',
    port.pciConfigurationAddress,
    portCount.pciConfiguration,
  ),
];
