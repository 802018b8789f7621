// Votes as most people would write them: Fastify checks the body by a JSON schema, amqplib publishes one persistent
// message a vote to a quorum queue, and the answer is sent when the broker has confirmed it.
//
// Fair and tuned: schemas are compiled for request and answer, logging is off, messages go out on one confirm channel
// for all requests (never publish-then-wait in turn), the queue is what the suite's own are (quorum, reject-publish),
// and Node runs in production mode. PORT (default 8090), AMQP, QUEUE; prints `ready` when it listens.
import { randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import amqp from 'amqplib';

const port = Number(process.env.PORT ?? 8090);
const url = process.env.AMQP ?? 'amqp://guest:guest@127.0.0.1:5672';
const queue = process.env.QUEUE ?? 'peer.votes';

const connection = await amqp.connect(url, { noDelay: true });
const channel = await connection.createConfirmChannel();
await channel.assertQueue(queue, {
  durable: true,
  arguments: { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish' },
});
connection.on('close', () => process.exit(1));

function publish(body) {
  return new Promise((resolve, reject) => {
    channel.publish('', queue, Buffer.from(body), { persistent: true, mandatory: true }, (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

const vote = {
  type: 'object',
  required: ['name', 'album', 'year', 'rank'],
  additionalProperties: false,
  properties: {
    id: { type: 'string', minLength: 1, maxLength: 64 },
    name: { type: 'string', minLength: 1, maxLength: 100 },
    album: { type: 'string', minLength: 1, maxLength: 100 },
    year: { type: 'integer', minimum: 1900, maximum: 2100 },
    rank: { type: 'integer', minimum: 1, maximum: 5 },
  },
};
const accepted = {
  type: 'object',
  properties: { accepted: { type: 'integer' }, ids: { type: 'array', items: { type: 'string' } } },
};

const app = Fastify({ logger: false });
app.post('/votes', { schema: { body: vote, response: { 202: accepted } } }, async (request, reply) => {
  const id = request.body.id ?? randomUUID();
  try {
    await publish(JSON.stringify({ ...request.body, id }));
  } catch {
    return reply.code(503).header('retry-after', '1').send({ error: 'not accepted' });
  }
  reply.code(202);
  return { accepted: 1, ids: [id] };
});
app.get('/livez', async () => 'ok');

await app.listen({ host: '127.0.0.1', port });
console.log('ready');
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    await app.close();
    await connection.close().catch(() => {});
    process.exit(0);
  });
}
