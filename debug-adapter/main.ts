/** The debug adapter process: speaks DAP over stdio, or over a socket on 127.0.0.1 with --server=PORT. */
import { icedDisassembler } from './host/iced-disassembler';
import { nodeDecompressor } from './host/node-decompressor';
import { nodeFileSource } from './host/node-file-source';
import { nodeWallClock } from './host/node-wall-clock';
import { serveSocket, serveStdio, type ConnectionHandler } from './host/dap-transport';
import { webAssemblyCodeHost } from './host/web-assembly-code-space';
import { HyperscopeSession } from './dap/session';

const ports = {
  files: nodeFileSource,
  decompressor: nodeDecompressor,
  disassembler: icedDisassembler,
  clock: nodeWallClock,
  codeHost: webAssemblyCodeHost,
};

const openSession: ConnectionHandler = (connection) => {
  const session = new HyperscopeSession(ports, connection);
  return {
    receive: (chunk) => session.receive(chunk),
    closed: () => session.close(),
  };
};

const serverOption = process.argv.find((argument) => argument.startsWith('--server='));
if (serverOption === undefined) serveStdio(openSession);
else serveSocket(serverOption.slice('--server='.length), openSession);
