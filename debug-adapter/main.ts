/** The debug adapter process: speaks DAP over stdio, or over a socket on 127.0.0.1 with --server=PORT. */
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
if (serverOption === undefined) serveStdio(openSession);
else serveSocket(serverOption.slice('--server='.length), openSession);
