/**
 * The debug adapter process: speaks DAP over stdio, or over a socket on 127.0.0.1 with --server=PORT. With --prepare it
 * only leaves for later ones what is compiled without regard to a guest.
 */
import { prepareProgram } from './command-line/preparation';
import { keepTranslatedCode, nodePorts } from './host/node-ports';
import { serveSocket, serveStdio, type ConnectionHandler } from './host/dap-transport';
import { HyperscopeSession } from './dap/session';

const openSession: ConnectionHandler = (connection) => {
  const session = new HyperscopeSession(nodePorts, {
    send: (message) => connection.send(message),
    end: () => {
      keepTranslatedCode();
      connection.end();
    },
  });
  return {
    receive: (chunk) => session.receive(chunk),
    closed: () => {
      session.close();
      keepTranslatedCode();
    },
  };
};

const serverOption = process.argv.find((argument) => argument.startsWith('--server='));
if (process.argv.includes('--prepare')) prepareProgram();
else if (serverOption === undefined) serveStdio(openSession);
else serveSocket(serverOption.slice('--server='.length), openSession);
