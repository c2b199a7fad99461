// Table: messages of PCI pass-through (Linux drivers/pci/controller/pci-hyperv.c 6.1; openvmm vpci_protocol).
import { bit, bits } from '../../support/bit-field';
import {
  namesOfValues,
  structField as f,
  structLayout,
  type FieldMeaning,
  type StructField,
  type StructLayout,
} from '../../support/struct-layout';

/** Added to by every type of message. */
const base = 0x4249_0000;

/** Type of a message. */
export const PciMessageType = {
  busRelations: base + 0x00,
  queryBusRelations: base + 0x01,
  powerStateChange: base + 0x04,
  queryResourceRequirements: base + 0x05,
  queryResourceResources: base + 0x06,
  busD0Entry: base + 0x07,
  busD0Exit: base + 0x08,
  readBlock: base + 0x09,
  writeBlock: base + 0x0a,
  eject: base + 0x0b,
  queryStop: base + 0x0c,
  reenable: base + 0x0d,
  queryStopFailed: base + 0x0e,
  ejectionComplete: base + 0x0f,
  resourcesAssigned: base + 0x10,
  resourcesReleased: base + 0x11,
  invalidateBlock: base + 0x12,
  queryProtocolVersion: base + 0x13,
  createInterrupt: base + 0x14,
  deleteInterrupt: base + 0x15,
  resourcesAssigned2: base + 0x16,
  createInterrupt2: base + 0x17,
  deleteInterrupt2: base + 0x18,
  busRelations2: base + 0x19,
  resourcesAssigned3: base + 0x1a,
  createInterrupt3: base + 0x1b,
} as const;

/** Status of a completion: NTSTATUS values. */
export const PciStatus = { success: 0, revisionMismatch: 0xc000_0059 } as const;

const count: FieldMeaning = { kind: 'count' };
const reserved: FieldMeaning = { kind: 'reserved' };
const version: FieldMeaning = { kind: 'bits', bits: [bits(15, 0, 'Minor'), bits(31, 16, 'Major')] };
const slotNumber: FieldMeaning = {
  kind: 'bits',
  bits: [bits(4, 0, 'Device'), bits(7, 5, 'Function')],
};
const slot = f('Slot', 'u32', 0, slotNumber);

const body = (
  name: string,
  sizeBytes: number,
  fields: readonly StructField[],
  parts?: StructLayout['parts'],
): StructLayout => structLayout(name, fields, sizeBytes, parts);

const functionFields: readonly StructField[] = [
  f('VendorId', 'u16', 0),
  f('DeviceId', 'u16', 2),
  f('RevisionId', 'u8', 4),
  f('ProgrammingInterface', 'u8', 5),
  f('SubClass', 'u8', 6),
  f('BaseClass', 'u8', 7),
  f('SubsystemId', 'u32', 8),
  f('Slot', 'u32', 12, slotNumber),
  f('SerialNumber', 'u32', 16, count),
];

const functionDescription = body('FunctionDescription', 20, functionFields);
const functionDescription2 = body('FunctionDescription2', 28, [
  ...functionFields,
  f('Flags', 'u32', 20, { kind: 'bits', bits: [bit(0, 'NumaAffinity')] }),
  f('VirtualNumaNode', 'u16', 24, count),
  f('Reserved', 'u16', 26, reserved),
]);

const relations = (name: string, element: StructLayout): StructLayout =>
  body(
    name,
    4,
    [f('DeviceCount', 'u32', 0, count)],
    [
      {
        kind: 'elements',
        name: 'Devices',
        element,
        count: { kind: 'field', field: 'DeviceCount' },
      },
    ],
  );

/** Where the interrupt goes: so many processors, named one by one. */
const processors = (offset: number): readonly StructField[] => [
  f('ProcessorCount', 'u16', offset, count),
];
const processorList: StructLayout['parts'] = [
  {
    kind: 'elements',
    name: 'Processors',
    element: structLayout('Processor', [f('VpIndex', 'u16', 0, count)], 2),
    count: { kind: 'field', field: 'ProcessorCount' },
  },
];

/** What a device writes, and where, to raise an interrupt. */
const translatedInterrupt = (offset: number): readonly StructField[] => [
  f('ReservedOfInterrupt', 'u16', offset, reserved),
  f('VectorCount', 'u16', offset + 2, count),
  f('MessageData', 'u32', offset + 4),
  f('MessageAddress', 'u64', offset + 8),
];

const ofSlot = (name: string): StructLayout => body(name, 4, [slot]);

const T = PciMessageType;

const bodies: ReadonlyMap<number, StructLayout> = new Map([
  [T.busRelations, relations('BusRelations', functionDescription)],
  [T.busRelations2, relations('BusRelations2', functionDescription2)],
  [
    T.powerStateChange,
    body(
      'PowerStateChange',
      8,
      [slot, f('PowerState', 'u32', 4, count)],
      [
        {
          kind: 'appended',
          layout: structLayout('PowerStateChangeTail', [f('Reserved', 'u32', 0, reserved)], 4),
        },
      ],
    ),
  ],
  [T.queryResourceRequirements, ofSlot('QueryResourceRequirements')],
  [T.queryResourceResources, ofSlot('QueryResourceResources')],
  [
    T.busD0Entry,
    body('BusD0Entry', 12, [f('Reserved', 'u32', 0, reserved), f('MmioBase', 'u64', 4)]),
  ],
  [
    T.readBlock,
    body('ReadBlock', 12, [
      f('BlockId', 'u32', 0, count),
      f('Slot', 'u32', 4, slotNumber),
      f('BytesRequested', 'u32', 8, count),
    ]),
  ],
  [
    T.writeBlock,
    body(
      'WriteBlock',
      12,
      [
        f('BlockId', 'u32', 0, count),
        f('Slot', 'u32', 4, slotNumber),
        f('ByteCount', 'u32', 8, count),
      ],
      [{ kind: 'bytes', name: 'Block', length: { kind: 'field', field: 'ByteCount' } }],
    ),
  ],
  [T.eject, ofSlot('Eject')],
  [T.ejectionComplete, body('EjectionComplete', 8, [slot, f('Status', 'u32', 4)])],
  [
    T.resourcesAssigned,
    body('ResourcesAssigned', 144, [
      slot,
      f('MemoryRanges', { bytes: 120 }, 4),
      f('MsiDescriptorCount', 'u32', 124, count),
      f('Reserved', { bytes: 16 }, 128, reserved),
    ]),
  ],
  [
    T.resourcesAssigned2,
    body('ResourcesAssigned2', 198, [
      slot,
      f('MemoryRanges', { bytes: 120 }, 4),
      f('MsiDescriptorCount', 'u32', 124, count),
      f('Reserved', { bytes: 70 }, 128, reserved),
    ]),
  ],
  [T.resourcesReleased, ofSlot('ResourcesReleased')],
  [T.invalidateBlock, body('InvalidateBlock', 12, [slot, f('BlockMask', 'u64', 4)])],
  [
    T.queryProtocolVersion,
    body('QueryProtocolVersion', 4, [f('ProtocolVersion', 'u32', 0, version)]),
  ],
  [
    T.createInterrupt,
    body('CreateInterrupt', 20, [
      slot,
      f('Vector', 'u8', 4),
      f('DeliveryMode', 'u8', 5, count),
      f('VectorCount', 'u16', 6, count),
      f('Reserved', 'u32', 8, reserved),
      f('ProcessorMask', 'u64', 12),
    ]),
  ],
  [
    T.createInterrupt2,
    body(
      'CreateInterrupt2',
      10,
      [
        slot,
        f('Vector', 'u8', 4),
        f('DeliveryMode', 'u8', 5, count),
        f('VectorCount', 'u16', 6, count),
        ...processors(8),
      ],
      processorList,
    ),
  ],
  [
    T.createInterrupt3,
    body(
      'CreateInterrupt3',
      14,
      [
        slot,
        f('Vector', 'u32', 4),
        f('DeliveryMode', 'u8', 8, count),
        f('Reserved', 'u8', 9, reserved),
        f('VectorCount', 'u16', 10, count),
        ...processors(12),
      ],
      processorList,
    ),
  ],
  [T.deleteInterrupt, body('DeleteInterrupt', 20, [slot, ...translatedInterrupt(4)])],
  [T.deleteInterrupt2, body('DeleteInterrupt2', 20, [slot, ...translatedInterrupt(4)])],
]);

/** What every message begins with that is no completion; no pipe header before it. */
export const pciMessage = structLayout(
  'PciMessage',
  [f('MessageType', 'u32', 0, namesOfValues(PciMessageType))],
  4,
  [{ kind: 'choice', by: 'MessageType', cases: bodies }],
);

const interruptCreated = body('InterruptCreated', 20, [
  f('Reserved', 'u32', 0, reserved),
  ...translatedInterrupt(4),
]);

const bar = structLayout('Bar', [f('ProbedBar', 'u32', 0)], 4);

/** An answer: the request's type tells what follows its status. */
export const pciCompletion = structLayout(
  'PciCompletion',
  [f('Status', 'u32', 0, namesOfValues(PciStatus))],
  4,
  [
    {
      kind: 'choice',
      by: 'Request.MessageType',
      cases: new Map<number, StructLayout>([
        [
          T.queryResourceRequirements,
          body(
            'ResourceRequirements',
            0,
            [],
            [{ kind: 'elements', name: 'ProbedBars', element: bar, count: { kind: 'rest' } }],
          ),
        ],
        [
          T.powerStateChange,
          body('PowerStateChanged', 8, [slot, f('ResultantState', 'u32', 4, count)]),
        ],
        [T.createInterrupt, interruptCreated],
        [T.createInterrupt2, interruptCreated],
        [T.createInterrupt3, interruptCreated],
        [
          T.readBlock,
          body('BlockRead', 0, [], [{ kind: 'bytes', name: 'Block', length: { kind: 'rest' } }]),
        ],
      ]),
    },
  ],
);
