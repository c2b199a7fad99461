/** Carries DAP messages over stdio or a local socket. */
import { Buffer } from 'node:buffer';
import { createServer, type Socket } from 'node:net';

/** What a session is given to answer with. */
export interface TransportConnection {
  send(message: object): void;
  end(): void;
}

/** What a session does with a connection. */
export interface ConnectionClient {
  receive(chunk: Uint8Array): void;
  closed(): void;
}

/** Makes a session for a connection. */
export type ConnectionHandler = (connection: TransportConnection) => ConnectionClient;

function frame(message: object): string {
  const body = JSON.stringify(message);
  return `Content-Length: ${Buffer.byteLength(body, 'utf8')}\r\n\r\n${body}`;
}

/** Serves one session on standard input and output; the process ends with it. */
export function serveStdio(open: ConnectionHandler): void {
  const { stdin, stdout } = process;
  const exit = (): void => {
    stdout.end(() => process.exit(0));
  };
  const client = open({ send: (message) => stdout.write(frame(message)), end: exit });
  stdin.on('data', (chunk: Buffer) => client.receive(chunk));
  stdin.on('end', () => {
    client.closed();
    exit();
  });
  // The editor has gone without a word: nothing is left to tell anybody.
  stdout.on('error', () => process.exit(0));
}

function serveOne(socket: Socket, open: ConnectionHandler): void {
  const client = open({
    send: (message) => {
      if (!socket.destroyed) socket.write(frame(message));
    },
    end: () => socket.end(),
  });
  socket.on('data', (chunk) => client.receive(Buffer.from(chunk)));
  socket.on('error', () => socket.destroy());
  socket.on('close', () => client.closed());
}

/** Serves sessions on a port of this computer; port 0 lets the system choose. Prints the port. */
export function serveSocket(portText: string, open: ConnectionHandler): void {
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN;
  if (!(port <= 65_535)) {
    process.stderr.write(`--server needs a port from 0 to 65535, not "${portText}".\n`);
    process.exit(2);
  }
  const server = createServer((socket) => serveOne(socket, open));
  server.on('error', (error) => {
    process.stderr.write(`Cannot listen on 127.0.0.1:${port}: ${error.message}\n`);
    process.exit(1);
  });
  server.listen(port, '127.0.0.1', () => {
    const address = server.address();
    const chosen = typeof address === 'object' && address !== null ? address.port : port;
    process.stderr.write(`Debug adapter listens on 127.0.0.1:${chosen}\n`);
  });
}
