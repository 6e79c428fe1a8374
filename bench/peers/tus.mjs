// tus.mjs - @tus/server with its own FileStore. usage: node tus.mjs FOLDER     says "ready PORT"
// FileStore does not fsync: an upload that it has confirmed may be gone after a power cut.
import { FileStore } from '@tus/file-store';
import { Server } from '@tus/server';

const server = new Server({ path: '/files', datastore: new FileStore({ directory: process.argv[2] }) });
const http = server.listen({ port: 0, host: '127.0.0.1' }, () => console.log(`ready ${http.address().port}`));
