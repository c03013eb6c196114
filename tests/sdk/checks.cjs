// Checks of the official npm SDK; one a call: `node checks.cjs NAME`. Only the environment points it at legwork.

const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const http = require('node:http');
const { Parallel } = require('parallel-web');
const { Parallel: Parallel03 } = require('parallel-web-0.3');

const QUESTION = 'What is the capital of Mongolia?';
const UNKNOWN = 'trun_' + '0'.repeat(32);

/** What a processor that does nothing is told to end after so long. */
const idle = (seconds, more = {}) => ({ at: Math.round((Date.now() + seconds * 1000) * 1000), ...more });

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
    await assert.rejects(client.taskRun.events(UNKNOWN), Parallel.NotFoundError);
  },

  async a_pending_result_is_a_408_on_time() {
    const client = new Parallel({ maxRetries: 0 });
    const run = await client.taskRun.create({ input: idle(60), processor: 'base' });
    const start = performance.now();
    await assert.rejects(client.taskRun.result(run.run_id, { timeout: 2 }), { status: 408 });
    const took = performance.now() - start;
    assert.ok(took >= 2000 && took < 10_000, `${took} ms`);
    assert.equal((await client.taskRun.retrieve(run.run_id)).is_active, true);
  },

  // With a shorter hold than the documentation's 25 seconds.
  async the_loop_of_the_documentation_comes_to_the_result() {
    const client = new Parallel();
    const run = await client.taskRun.create({ input: idle(5), processor: 'base' });
    let result;
    let turns = 0;
    for (; turns < 144 && !result; turns++) {
      try {
        result = await client.taskRun.result(run.run_id, { timeout: 1 });
      } catch (error) {
        assert.equal(error.status, 408);
      }
    }
    assert.equal(result.run.status, 'completed');
    assert.ok(turns > 1);
  },

  // Its patience is not told, so that it leaves while it is held: what its own retry gets is what counts.
  async a_client_with_little_patience_comes_back() {
    const client = new Parallel({ timeout: 1500, maxRetries: 20 });
    const run = await client.taskRun.create({ input: idle(4), processor: 'base' });
    assert.equal((await client.taskRun.result(run.run_id)).run.status, 'completed');
  },

  async a_run_without_an_output_is_a_not_found_error_with_its_reason() {
    const client = new Parallel();
    const run = await client.taskRun.create({ input: idle(0, { fail: 'the dog ate it' }), processor: 'base' });
    const refused = await client.taskRun.result(run.run_id).catch((error) => error);
    assert.ok(refused instanceof Parallel.NotFoundError);
    assert.match(refused.message, /^404 .*the dog ate it/);
    const last = [];
    for await (const event of await client.taskRun.events(run.run_id)) last[0] = event;
    assert.deepEqual([last[0].run.status, last[0].output], ['failed', null]);
    assert.equal(last[0].run.error.message, 'the dog ate it');
  },

  // Whoever runs this kills the server when it is told to, and starts another.
  async a_held_result_survives_a_restart() {
    const client = new Parallel({ maxRetries: 20 });
    const run = await client.taskRun.create({ input: QUESTION, processor: 'base' });
    const held = client.taskRun.result(run.run_id);
    const counted = async () => (await fetch(`${process.env.PARALLEL_BASE_URL}/metrics`)).text();
    while (!(await counted()).includes('\nlegwork_waiters 1\n'));
    console.log('held');
    assert.match((await held).output.content, /Ulaanbaatar/);
  },

  async a_timeout_is_honoured() {
    const client = new Parallel({ maxRetries: 0 });
    const run = await client.taskRun.create({ input: QUESTION, processor: 'base' });
    await client.taskRun.result(run.run_id, { timeout: 25 });
    assert.equal((await client.taskRun.result(run.run_id, { timeout: 0 })).run.status, 'completed');
  },

  async a_stream_is_iterated_through_silence() {
    const client = new Parallel();
    const input = idle(1, { events: 5, every: 1000 });
    const run = await client.taskRun.create({ input, processor: 'ultra' });
    const kinds = [];
    for await (const event of await client.taskRun.events(run.run_id)) {
      kinds.push(event.type);
      if (event.type === 'task_run.state' && event.run.status === 'completed') assert.equal(event.output.type, 'text');
    }
    const plan = 'task_run.progress_msg.plan';
    assert.deepEqual(kinds, ['task_run.state', 'task_run.state', plan, plan, plan, plan, plan, 'task_run.state']);
  },

  // As pages do it that read the stream themselves: cut at blank lines, two literal prefixes, a dispatch by name.
  async a_stream_is_read_event_by_event() {
    const client = new Parallel();
    const run = await client.taskRun.create({ input: idle(1, { events: 5, every: 1000 }), processor: 'ultra' });
    const response = await fetch(`${process.env.PARALLEL_BASE_URL}/v1beta/tasks/runs/${run.run_id}/events`);
    const decoder = new TextDecoder();
    const events = [];
    let buffer = '';
    for await (const chunk of response.body) {
      buffer += decoder.decode(chunk, { stream: true });
      const parts = buffer.split('\n\n');
      buffer = parts.pop();
      for (const part of parts) {
        const lines = part.split('\n');
        const [kind, ...no_other_kind] = lines.filter((line) => line.startsWith('event: '));
        const [data, ...no_other_data] = lines.filter((line) => line.startsWith('data: '));
        assert.deepEqual([...no_other_kind, ...no_other_data], [], part);
        const event = JSON.parse(data.slice('data: '.length));
        assert.equal(kind.slice('event: '.length), event.type);
        events.push(event);
      }
    }
    assert.equal(buffer, '', 'nothing is left over');
    const again = [];
    for await (const event of await client.taskRun.events(run.run_id)) again.push(event);
    assert.deepEqual(events, again);
    assert.equal(events.length, 8);
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

  // The key is the text of the secret, as the first documentation had it and workflow nodes still have it.
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

  async beta_runs_of_the_line_0_3() {
    const client = new Parallel03();
    const betas = ['events-sse-2025-07-24', 'webhook-2025-08-12'];
    const task = { input: QUESTION, processor: 'base', enable_events: true, betas };
    const run = await client.beta.taskRun.create(task);
    const kinds = [];
    for await (const event of await client.beta.taskRun.events(run.run_id)) kinds.push(event.type);
    assert.deepEqual([kinds.at(0), kinds.at(-1)], ['task_run.state', 'task_run.state']);
    const result = await client.beta.taskRun.result(run.run_id, { timeout: 25, betas: ['field-basis-2025-11-25'] });
    assert.match(result.output.content, /Ulaanbaatar/);
    assert.match((await client.taskRun.result(run.run_id)).output.content, /Ulaanbaatar/);
  },

  async beta_groups_of_the_line_0_3() {
    const client = new Parallel03();
    const group = await client.beta.taskGroup.create({});
    const inputs = ['Chad', 'Peru'].map((c) => ({ input: `What is the capital of ${c}?`, processor: 'base' }));
    const added = await client.beta.taskGroup.addRuns(group.taskgroup_id, { inputs });
    const ended = [];
    for await (const event of await client.beta.taskGroup.events(group.taskgroup_id)) {
      if (event.type === 'task_run.state') ended.push(event.run.run_id);
    }
    assert.deepEqual([...ended].sort(), [...added.run_ids].sort());
    const told = [];
    const query = { include_output: true, include_input: true };
    for await (const event of await client.beta.taskGroup.getRuns(group.taskgroup_id, query)) told.push(event);
    assert.deepEqual(told.map((event) => event.run.run_id), added.run_ids);
    assert.match(told[1].output.content, /Lima/);
  },
};

checks[process.argv[2]]().catch((error) => {
  console.error(error);
  process.exit(1);
});
