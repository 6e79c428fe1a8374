// ws.mjs - npm ws. usage: node ws.mjs     says "ready PORT". One process, as Node runs.
// Every WebSocket joins; POST /any?times=N sends its body N times to all of them, as the package's documents show a broadcast, with a Buffer,
// so that a text is not encoded for each; without permessage-deflate.
import { createServer } from 'node:http';
import WebSocket, { WebSocketServer } from 'ws';

const server = createServer((req, res) => {
  const parts = [];
  req.on('data', d => parts.push(d)).on('end', () => {
    const body = Buffer.concat(parts), times = Number(new URL(req.url, 'http://x').searchParams.get('times') ?? 1);
    for (let i = 0; i < times; i++)
      for (const c of sockets.clients) if (c.readyState === WebSocket.OPEN) c.send(body, { binary: false });
    res.writeHead(204).end();
  });
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(`ready ${server.address().port}`));
