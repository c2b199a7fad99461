/** Messages and packets that a Debian kernel and its hypervisor really exchanged, taken apart. */
import assert from 'node:assert/strict';
import {
  messageTree,
  messageValues,
  PacketFieldFinder,
  packetOperation,
  packetTree,
  packetValue,
  packetValues,
} from '../../../../debug-adapter/debugger/traffic/decode-traffic';
import { srbRequest, vstorPacket } from '../../../../debug-adapter/spec/vmbus/storage';
import type { StructNode } from '../../../../debug-adapter/support/struct-tree';
import { structVariants } from '../../../../debug-adapter/support/struct-variants';

const bytesOf = (digits: string): Uint8Array => Uint8Array.from(Buffer.from(digits, 'hex'));

/** A descriptor of 16 bytes, what extends it, and the payload. */
function packetBytes(
  packetType: number,
  flags: number,
  transactionId: bigint,
  extension: string,
  payload: string,
): Uint8Array {
  const rest = bytesOf(extension + payload);
  const bytes = new Uint8Array(16 + rest.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, packetType, true);
  view.setUint16(2, (16 + extension.length / 2) / 8, true);
  view.setUint16(4, bytes.length / 8, true);
  view.setUint16(6, flags, true);
  view.setBigUint64(8, transactionId, true);
  bytes.set(rest, 16);
  return bytes;
}

function at(nodes: readonly StructNode[], ...path: readonly string[]): StructNode {
  let found: StructNode | undefined;
  let level = nodes;
  for (const name of path) {
    found = level.find((node) => node.name === name);
    assert(found, `${name} of ${path.join('.')}`);
    level = found.children;
  }
  assert(found);
  return found;
}

// Linux 6.1.
const inquiry = {
  classId: 'scsi',
  packetType: 9,
  bytes: packetBytes(
    9,
    1,
    1n,
    '000000000100000024000000000400007855000000000000',
    '03000000010000000000000034000000000000000614010024000000120000002400000000000000000000000000000000000000480000003c00000000000000',
  ),
};
const inquiryAnswer = {
  classId: 'scsi',
  packetType: 0xb,
  bytes: packetBytes(
    0xb,
    0,
    1n,
    '',
    `010000000100000000000000340001000000000006140100${'00'.repeat(40)}`,
  ),
};
const shutdownVersions = {
  classId: 'shutdown',
  packetType: 6,
  bytes: packetBytes(
    6,
    0,
    0x77n,
    '',
    '0100000030000000000000000000000000001000000000000105000001000100000000000300000003000200010000000300000003000200',
  ),
};

describe('decoded VMBus traffic', () => {
  it('a channel opened: identifiers, status', () => {
    const payload = bytesOf('0600000000000000020000000200000000000000');
    const nodes = messageTree({ payload });
    assert.equal(at(nodes, 'MessageType').valueName, 'OpenChannelResult');
    assert.equal(at(nodes, 'ChildRelId').value, 2n);
    assert.equal(at(nodes, 'Status').valueName, 'Success');
    assert.equal(messageValues({ payload }).get('OpenId')?.value, 2n);
  });

  it('the version answered with the connection of the messages to come', () => {
    const nodes = messageTree({ payload: bytesOf('0f000000000000000100000004000000') });
    assert.equal(at(nodes, 'VersionSupported').valueName, 'yes');
    assert.equal(at(nodes, 'MessageConnectionId').value, 4n);
  });

  it('the first contact by the version that it asks for', () => {
    const contact = (version: string): readonly string[] => {
      const payload = bytesOf(`0e00000000000000${version}${'00'.repeat(28)}`);
      return messageTree({ payload }).map(({ name }) => name);
    };
    assert(contact('03000500').includes('TargetSint'));
    assert(contact('01000400').includes('InterruptPage'));
  });

  it('a SCSI request: its pages and its SRB', () => {
    const nodes = packetTree(inquiry);
    const [range] = at(nodes, 'Descriptor', 'Ranges').children;
    assert(range);
    assert.equal(at(range.children, 'ByteCount').value, 36n);
    assert.equal(at(range.children, 'ByteOffset').value, 0x400n);
    assert.equal(at(range.children, 'Pages').children[0]?.value, 0x5578n);
    assert.equal(at(nodes, 'VstorPacket', 'Operation').valueName, 'ExecuteSrb');
    assert.equal(at(nodes, 'VstorPacket', 'DataDirection').valueName, 'Read');
    assert.equal(at(nodes, 'VstorPacket', 'DataTransferLength').value, 36n);
    const cdb = at(nodes, 'VstorPacket', 'Cdb');
    assert.equal(inquiry.bytes[cdb.offset], 0x12, 'INQUIRY');
    const command = at(nodes, 'VstorPacket', 'Cdb', 'OperationCode');
    assert.equal(command.valueName, 'Inquiry');
    assert.equal(command.offset, cdb.offset);
    assert.equal(at(nodes, 'VstorPacket', 'Cdb', 'AllocationLength').value, 36n);
    assert.equal(packetValues(inquiry).get('AllocationLength')?.value, 36n);
  });

  it('names what a packet does', () => {
    assert.equal(packetOperation(inquiry), 'ExecuteSrb');
    assert.equal(packetOperation(shutdownVersions), 'Negotiate');
  });

  it('finds one value as it finds all', () => {
    for (const [packet, request] of [
      [inquiry],
      [shutdownVersions],
      [inquiryAnswer, inquiry],
    ] as const) {
      const values = packetValues(packet, request);
      assert.ok(values.size > 3);
      for (const [name, reading] of values) {
        assert.ok(new PacketFieldFinder(name).mayFind(packet.classId, packet.packetType));
        assert.deepEqual(
          packetValue(packet, name, () => request),
          reading,
        );
      }
    }
    assert.equal(packetValue(inquiry, 'SenseData'), undefined);
    const absent = new PacketFieldFinder('SequenceNumber');
    assert.equal(absent.mayFind(inquiry.classId, inquiry.packetType), false);
  });

  it('an answer by its request', () => {
    const nodes = packetTree(inquiryAnswer, inquiry);
    assert.equal(at(nodes, 'VstorCompletion', 'Operation').valueName, 'CompleteIo');
    assert.equal(at(nodes, 'VstorCompletion', 'SrbStatus', 'Code').valueName, 'Success');
    const alone = packetTree(inquiryAnswer);
    assert.equal(at(alone, 'VstorCompletion', 'Rest').sizeBytes, 52);
  });

  it('the versions of an integration component, behind the pipe header', () => {
    const nodes = packetTree(shutdownVersions);
    assert.equal(at(nodes, 'PipeHeader', 'PipePacketType').valueName, 'Data');
    const [framework] = at(nodes, 'IcHeader', 'FrameworkVersions').children;
    const [service] = at(nodes, 'IcHeader', 'MessageVersions').children;
    const major = (of?: StructNode): unknown => of?.children[0]?.value;
    const minor = (of?: StructNode): unknown => of?.children[1]?.value;
    assert.deepEqual([major(framework), minor(framework)], [3n, 0n]);
    assert.deepEqual([major(service), minor(service)], [3n, 2n]);
  });

  it('a class that is not known as bytes', () => {
    const nodes = packetTree({ ...shutdownVersions, classId: 'unknown' });
    assert.deepEqual(
      nodes.map(({ name }) => name),
      ['Descriptor', 'Rest'],
    );
  });

  it('whatever a guest writes, within the bytes', () => {
    const head = inquiry.bytes.subarray(0, 40);
    const payload = inquiry.bytes.subarray(40);
    const broken = [
      ...structVariants(vstorPacket, payload),
      ...structVariants(srbRequest, payload.subarray(12)),
    ].map(({ bytes }) => Uint8Array.of(...head, ...bytes));
    for (let length = 0; length < inquiry.bytes.length; length++) {
      broken.push(inquiry.bytes.slice(0, length));
    }
    for (let field = 0; field < 48; field += 2) {
      const bytes = inquiry.bytes.slice();
      bytes.fill(0xff, field, field + 2);
      broken.push(bytes);
    }
    for (const bytes of broken) {
      const packet = { ...inquiry, bytes };
      for (const node of packetTree(packet)) {
        assert(node.offset + node.sizeBytes <= bytes.length, node.name);
      }
      packetValues(packet, inquiry);
    }
  });
});
