/** How the packets of each class of devices are read: what the payload is, and which field says what it does. */
import type { StructLayout } from '../../support/struct-layout';
import { balloonHeader } from './dynamic-memory';
import { keyboardMessage, mouseMessage, videoMessage } from './input-and-video';
import { icHeader, IcMessageType } from './integration';
import { nvspCompletion, nvspMessage } from './network';
import { rndisGuestMessages, rndisParentMessages } from './rndis';
import { rdpControlMessage, socketData, uartMessage, vmbfsMessage } from './small-protocols';
import { vstorCompletion, vstorPacket } from './storage';
import { pciCompletion, pciMessage } from './virtual-pci';
import { socketDeviceClassName } from './device-classes';

/** The protocol of a class. */
export interface DeviceProtocol {
  /** Payload of everything but completions, behind the pipe header where the class has one. */
  readonly message: StructLayout;
  /** Payload of completions. */
  readonly completion: StructLayout;
  /** Fields whose value names the operation; the last one that a packet has does. */
  readonly operationFields: readonly string[];
  /** Values of the first of them that packets of the class have, where classes share a protocol. */
  readonly messages?: readonly number[];
  /** What lies in the memory that a packet names, by who sent the packet. */
  readonly memory?: { readonly 'to-parent': StructLayout; readonly 'to-guest': StructLayout };
}

const protocol = (
  message: StructLayout,
  operationFields: readonly string[],
  completion = message,
): DeviceProtocol => ({ message, completion, operationFields });

const { negotiate, heartbeat, kvp, shutdown, timesync, vss, remoteDesktop, fileCopy } =
  IcMessageType;
const integration = (...own: readonly number[]): DeviceProtocol => ({
  ...protocol(icHeader, ['MessageType', 'Operation']),
  messages: [negotiate, ...own],
});
const storage = protocol(vstorPacket, ['Operation'], vstorCompletion);

/** Protocols by the name of the class; the other classes have payloads of bytes. */
export const deviceProtocolByClass: ReadonlyMap<string, DeviceProtocol> = new Map([
  ['shutdown', integration(shutdown)],
  ['timesync', integration(timesync)],
  ['heartbeat', integration(heartbeat)],
  ['kvp', integration(kvp)],
  ['vss', integration(vss)],
  ['fcopy', integration(fileCopy)],
  ['rdv', integration(remoteDesktop)],
  ['ic-negotiate', integration()],
  ['scsi', storage],
  ['ide', storage],
  ['fc', storage],
  [
    'network',
    {
      ...protocol(nvspMessage, ['MessageType'], nvspCompletion),
      memory: { 'to-parent': rndisGuestMessages, 'to-guest': rndisParentMessages },
    },
  ],
  ['pci', protocol(pciMessage, ['MessageType'], pciCompletion)],
  ['keyboard', protocol(keyboardMessage, ['MessageType'])],
  ['mouse', protocol(mouseMessage, ['MessageType'])],
  ['video', protocol(videoMessage, ['MessageType'])],
  ['balloon', protocol(balloonHeader, ['MessageType'])],
  ['rdp-control', protocol(rdpControlMessage, ['MessageType'])],
  ['vmbfs', protocol(vmbfsMessage, ['MessageType'])],
  ['uart', protocol(uartMessage, ['MessageType', 'Id'])],
  [socketDeviceClassName, protocol(socketData, [])],
]);
