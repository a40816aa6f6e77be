// A receiver of forwarded events: a real HTTP(S) server that verifies each one with the library of Standard
// Webhooks, keeps it, and answers as it was told to.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { Webhook } from 'standardwebhooks';

export class Receiver {
  static async open({ secrets, tls, port = 0 }) {
    const receiver = Object.assign(new Receiver(), { secrets, deliveries: [], answers: new Map(), held: [] });
    receiver.server = tls ? createSecureServer(tls) : createServer();
    receiver.server.on('request', (request, response) => receiver.take(request, response));
    receiver.server.listen(port, '127.0.0.1');
    await once(receiver.server, 'listening');
    receiver.port = receiver.server.address().port;
    receiver.url = `${tls ? 'https' : 'http'}://127.0.0.1:${receiver.port}/hook`;
    return receiver;
  }

  // What comes next of an order is answered so, one after the other: a status, 'never', 'reset', raw bytes,
  // or a function of the response. Afterwards 204.
  answer(order, ...answers) {
    this.answers.set(order, answers);
  }

  async take(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString();
    const delivery = { method: request.method, path: request.url, headers: request.headers, body, at: Date.now(), id: request.headers['webhook-id'],
      verified: this.secrets.map((secret) => {
        try {
          new Webhook(secret).verify(body, request.headers);
          return true;
        } catch { return false; }
      }), event: JSON.parse(body) };
    this.deliveries.push(delivery);
    const answer = this.answers.get(delivery.event.data.order_id)?.shift() ?? 204;
    if (answer === 'never') this.held.push(response);
    else if (answer === 'reset') request.socket.destroy();
    else if (typeof answer === 'string') request.socket.end(answer);
    else if (typeof answer === 'function') answer(response);
    else response.writeHead(answer).end();
  }

  of(order) {
    return this.deliveries.filter((d) => d.event.data.order_id === order);
  }

  async close() {
    this.server.closeAllConnections?.();
    this.server.close();
    await once(this.server, 'close');
  }
}
