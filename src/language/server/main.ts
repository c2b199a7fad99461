/** Entry point of the language server's process; the transport is named on its command line. */
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import { nodeFileReader } from './node-file-reader';
import { serve } from './server';

serve(createConnection(ProposedFeatures.all), nodeFileReader);
