// Checks of the official npm SDK; one a call: `node checks.cjs NAME`. Only the environment points it at legwork.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const http = require('node:http');
const { Parallel } = require('parallel-web');

const QUESTION = 'What is the capital of Mongolia?';
const UNKNOWN = 'trun_' + '0'.repeat(32);

const checks = {
  async create_and_retrieve() {
    const client = new Parallel();
    const run = await client.taskRun.create({ input: QUESTION, processor: 'base' });
    assert.equal(run.status, 'queued');
    assert.equal(run.is_active, true);
    assert.equal((await client.taskRun.retrieve(run.run_id)).created_at, run.created_at);
  },

  async result_blocks_until_done() {
    const client = new Parallel();
    const run = await client.taskRun.create({ input: QUESTION, processor: 'lite' });
    const result = await client.taskRun.result(run.run_id);
    assert.equal(result.run.status, 'completed');
    assert.match(result.output.content, /Ulaanbaatar/);
    assert.match(result.output.basis[0].citations[0].excerpts[0], /Ulaanbaatar/);
  },

  async retrieve_input_echoes() {
    const client = new Parallel();
    const run = await client.taskRun.create({ input: { country: 'Chad' }, processor: 'core', metadata: { n: 7 } });
    const given = await client.taskRun.retrieveInput(run.run_id);
    assert.deepEqual([given.input, given.metadata], [{ country: 'Chad' }, { n: 7 }]);
  },

  async a_json_schema_is_filled() {
    const client = new Parallel();
    const json_schema = {
      type: 'object',
      properties: { capital: { type: 'string' }, population: { type: 'integer' } },
      required: ['capital', 'population'],
      additionalProperties: false,
    };
    const task_spec = { output_schema: { type: 'json', json_schema } };
    const run = await client.taskRun.create({ input: 'Mongolia', processor: 'core', task_spec });
    const { output } = await client.taskRun.result(run.run_id, { timeout: 25 });
    assert.equal(output.content.capital, 'Ulaanbaatar');
    assert.ok(output.content.population > 3_000_000);
  },

  async an_unknown_processor_is_a_permission_error() {
    const client = new Parallel();
    await assert.rejects(client.taskRun.create({ input: 'x', processor: 'turbo' }), Parallel.PermissionDeniedError);
  },

  async an_unknown_run_is_a_not_found_error() {
    const client = new Parallel();
    await assert.rejects(client.taskRun.retrieve(UNKNOWN), Parallel.NotFoundError);
    await assert.rejects(client.taskRun.result(UNKNOWN), Parallel.NotFoundError);
  },

  async a_timeout_is_honoured() {
    const client = new Parallel({ maxRetries: 0 });
    const run = await client.taskRun.create({ input: QUESTION, processor: 'base' });
    await client.taskRun.result(run.run_id, { timeout: 25 });
    assert.equal((await client.taskRun.result(run.run_id, { timeout: 0 })).run.status, 'completed');
  },

  async a_stream_is_iterated_through_silence() {
    const client = new Parallel();
    const input = { at: (Date.now() + 1000) * 1000, events: 5, every: 1000 };
    const run = await client.taskRun.create({ input, processor: 'ultra' });
    const kinds = [];
    for await (const event of await client.taskRun.events(run.run_id)) {
      kinds.push(event.type);
      if (event.type === 'task_run.state' && event.run.status === 'completed') assert.equal(event.output.type, 'text');
    }
    const plan = 'task_run.progress_msg.plan';
    assert.deepEqual(kinds, ['task_run.state', 'task_run.state', plan, plan, plan, plan, plan, 'task_run.state']);
  },

  async a_group_is_added_to_and_followed() {
    const client = new Parallel();
    const group = await client.taskGroup.create({ metadata: null });
    assert.deepEqual([group.status.num_task_runs, group.status.is_active], [0, false]);
    const countries = { Chad: "N'Djamena", Peru: 'Lima' };
    const inputs = Object.keys(countries).map((c) => ({ input: `What is the capital of ${c}?`, processor: 'base' }));
    const added = await client.taskGroup.addRuns(group.taskgroup_id, { inputs });
    assert.equal(added.run_ids.length, 2);
    const ended = [];
    for await (const event of await client.taskGroup.events(group.taskgroup_id, { last_event_id: null })) {
      if (event.type === 'task_run.state') ended.push(event.run.run_id);
    }
    assert.deepEqual([...ended].sort(), [...added.run_ids].sort());
    const told = [];
    const query = { include_output: true, include_input: true };
    for await (const event of await client.taskGroup.getRuns(group.taskgroup_id, query)) told.push(event);
    assert.deepEqual(told.map((event) => event.run.run_id), added.run_ids);
    told.forEach((event, n) => assert.ok(event.output.content.includes(Object.values(countries)[n])));
    const run = await client.taskGroup.retrieveRun(added.run_ids[1], { taskgroup_id: group.taskgroup_id });
    assert.equal(run.status, 'completed');
    const status = (await client.taskGroup.retrieve(group.taskgroup_id)).status;
    assert.deepEqual([status.task_run_status_counts, status.is_active], [{ completed: 2 }, false]);
  },

  // The key is the text of the secret, as the first documentation had it.
  async a_webhook_is_verified_as_the_documentation_does() {
    const client = new Parallel();
    const calls = [];
    const server = http.createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      response.end();
      calls.push({ headers: request.headers, body });
      server.emit('called');
    });
    await new Promise((listens) => server.listen(0, '127.0.0.1', listens));
    const called = new Promise((came) => server.once('called', came));
    const webhook = { url: `http://127.0.0.1:${server.address().port}/`, event_types: ['task_run.status'] };
    const run = await client.taskRun.create({ input: QUESTION, processor: 'lite', webhook });
    await called;
    server.close();
    server.closeAllConnections();
    const { secrets } = await client.get('/v1/webhooks/secret');
    const [{ headers, body }] = calls;
    const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
    const expected = crypto.createHmac('sha256', secrets[0]).update(text).digest('base64');
    const given = headers['webhook-signature'].split(' ').map((entry) => entry.split(',')[1]);
    assert.ok(given.includes(expected), headers['webhook-signature']);
    // Whoever verifies what it has parsed and written again gets the same text.
    assert.equal(JSON.stringify(JSON.parse(body)), body);
    assert.equal(JSON.parse(body).data.run_id, run.run_id);
  },
};

checks[process.argv[2]]().catch((error) => {
  console.error(error);
  process.exit(1);
});
