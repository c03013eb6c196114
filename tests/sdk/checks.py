"""Checks of the official Python SDK; one a call: `python checks.py NAME`. Only the environment points it at legwork."""

import asyncio
import base64
import hashlib
import hmac
import inspect
import json
import os
import socket
import statistics
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import parallel
from parallel import AsyncParallel, Parallel
from pydantic import BaseModel, Field
from receiver import receiver
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

QUESTION = "What is the capital of Mongolia?"
UNKNOWN = "trun_" + "0" * 32


class Country(BaseModel):
    """What is asked of a country."""

    capital: str | None = Field(description="the capital city")
    population: int | None = Field(description="how many people live there")


class City(BaseModel):
    name: str


class Land(BaseModel):
    """Its schema has a definition that is referred to, and leaves its objects open."""

    capital: City = Field(description="the capital city")


CAPITAL = {"type": "object", "properties": {"capital": {"type": "string"}}}


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def create_and_retrieve():
    client = Parallel()
    run = client.task_run.create(input=QUESTION, processor="base")
    assert run.run_id.startswith("trun_") and run.interaction_id == run.run_id
    assert run.status == "queued" and run.is_active
    again = client.task_run.retrieve(run.run_id)
    assert again.run_id == run.run_id and again.created_at == run.created_at


def answers_are_json_over_one_connection():
    calls = Parallel().task_run.with_raw_response
    first = calls.create(input=QUESTION, processor="lite")
    answers = [first, calls.retrieve(first.parse().run_id), calls.retrieve_input(first.parse().run_id)]
    own_ends = set()
    for answer in answers:
        assert answer.headers["content-type"].startswith("application/json"), answer.headers
        own_ends.add(answer.http_response.extensions["network_stream"].get_extra_info("client_addr"))
    assert len(own_ends) == 1, own_ends
    path = f"/v1/tasks/runs/{first.parse().run_id}/"
    slashed = refused(parallel.NotFoundError, lambda: Parallel().get(path, cast_to=object))
    assert not slashed.response.history, "nobody is sent elsewhere"


def a_wrong_key_is_an_authentication_error():
    error = refused(parallel.AuthenticationError, lambda: Parallel(api_key="other").task_run.retrieve(UNKNOWN))
    assert error.body["type"] == "error" and error.body["error"]["message"], error.body
    assert Parallel().task_run.create(input=QUESTION, processor="lite").run_id
    bearer = {"x-api-key": parallel.omit, "Authorization": f"Bearer {os.environ['PARALLEL_API_KEY']}"}
    refused(parallel.NotFoundError, lambda: Parallel().task_run.retrieve(UNKNOWN, extra_headers=bearer))


def prefixed(prefix):
    """A proxy that hands on what lies below a path; its address."""
    target = os.environ["PARALLEL_BASE_URL"]

    class Handler(BaseHTTPRequestHandler):
        def hand_on(self):
            assert self.path.startswith(prefix + "/"), self.path
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            url = target + self.path.removeprefix(prefix)
            with httpx.stream(self.command, url, headers=dict(self.headers), content=body, timeout=60) as answer:
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name not in ("connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.end_headers()
                for chunk in answer.iter_raw():
                    self.wfile.write(chunk)

        do_GET = do_POST = hand_on

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}{prefix}"


def a_server_behind_a_path_is_reached():
    for end in ("", "/"):
        client = Parallel(base_url=prefixed("/some/path") + end)
        run = client.task_run.create(input=QUESTION, processor="base")
        assert "Ulaanbaatar" in client.task_run.result(run.run_id).output.content
        assert list(client.task_run.events(run.run_id))[-1].run.status == "completed"
        refused(parallel.NotFoundError, lambda: client.task_run.retrieve(UNKNOWN))


def a_limited_client_is_told_when_to_come_back():
    client = Parallel(max_retries=0)

    def create_until_refused():
        for _ in range(10_000):
            client.task_run.create(input=QUESTION, processor="lite")

    error = refused(parallel.RateLimitError, create_until_refused)
    assert 0 < float(error.response.headers["retry-after"]) <= 60, error.response.headers
    assert Parallel().task_run.create(input=QUESTION, processor="lite").run_id, "the SDK waits by itself"


def result_blocks_until_done():
    client = Parallel()
    run = client.task_run.create(input=QUESTION, processor="lite")
    result = client.task_run.result(run.run_id)
    assert result.run.status == "completed" and not result.run.is_active
    assert result.output.type == "text" and "Ulaanbaatar" in result.output.content
    basis = result.output.basis[0]
    assert basis.field == "output" and basis.confidence in ("medium", "high")
    assert any("Ulaanbaatar" in excerpt for excerpt in basis.citations[0].excerpts)


def retrieve_input_echoes():
    client = Parallel()
    metadata = {"team": "blue", "n": 7, "ok": True, "share": 0.5}
    run = client.task_run.create(input={"country": "Chad"}, processor="core", metadata=metadata)
    given = client.task_run.retrieve_input(run.run_id)
    assert given.input == {"country": "Chad"} and given.processor == "core"
    assert given.metadata == metadata and run.metadata == metadata


def execute_without_a_type():
    result = Parallel().task_run.execute(input=QUESTION, processor="base")
    assert "Ulaanbaatar" in result.output.content


def execute_with_a_pydantic_type():
    result = Parallel().task_run.execute(input="Mongolia", processor="core", output=Country)
    parsed = result.output.parsed
    assert isinstance(parsed, Country), result.output
    assert parsed.capital == "Ulaanbaatar" and parsed.population > 3_000_000, parsed
    assert {basis.field for basis in result.output.basis} >= {"capital", "population"}


def execute_asynchronously():
    async def main():
        async with AsyncParallel() as client:
            calls = [client.task_run.execute(input=QUESTION, processor="lite") for _ in range(8)]
            for result in await asyncio.gather(*calls):
                assert "Ulaanbaatar" in result.output.content

    asyncio.run(main())


def everything_works_over_aiohttp():
    async def main():
        async with AsyncParallel(http_client=parallel.DefaultAioHttpClient()) as client:
            result = await client.task_run.execute(input="Mongolia", processor="core", output=Country)
            assert result.output.parsed.capital == "Ulaanbaatar", result.output
            events = [event async for event in await client.task_run.events(result.run.run_id)]
            assert events[-1].run.status == "completed", events[-1]
            group = await client.task_group.create()
            added = await client.task_group.add_runs(group.task_group_id, inputs=questions())
            events = [event async for event in await client.task_group.events(group.task_group_id)]
            runs = [event async for event in await client.task_group.get_runs(
                group.task_group_id, include_input=True, include_output=True
            )]
            check_group(events, runs, added)

    asyncio.run(main())


def object_input_and_every_option():
    client = Parallel()
    spec = {
        "input_schema": {"type": "json", "json_schema": {"type": "object", "properties": {"country": {"type": "string"}}}},
        "output_schema": {"json_schema": {"type": "object", "properties": {"capital": {"type": "string"}}}},
    }
    run = client.task_run.create(
        input={"country": "Mongolia"},
        processor="pro-fast",
        task_spec=spec,
        metadata=None,
        enable_events=True,
        source_policy={"include_domains": [], "exclude_domains": ["example.com"], "after_date": "2024-01-01"},
        mcp_servers=[{"type": "url", "url": "https://mcp.example.com", "name": "tools", "headers": {"a": "secret"}}],
        webhook={"url": "https://example.com/hook", "event_types": ["task_run.status"]},
        advanced_settings={"location": "us"},
    )
    assert run.status == "queued", run
    given = client.task_run.retrieve_input(run.run_id)
    assert "secret" not in given.to_json()
    assert client.task_run.result(run.run_id).output.content["capital"] == "Ulaanbaatar"


def every_option_may_be_null():
    client = Parallel()
    known = set(inspect.signature(client.task_run.create).parameters)
    options = {name for name in known if not name.startswith("extra_")} - {"input", "processor", "betas", "timeout"}
    assert {"webhook", "task_spec", "memory_scope_key"} <= options
    run = client.task_run.create(input=QUESTION, processor="lite", **dict.fromkeys(options))
    assert run.status == "queued" and run.metadata == {} and run.warnings is None, run


def each_form_of_a_schema_gives_its_kind_of_output():
    client = Parallel()
    for form, kind in [
        ({"type": "json", "json_schema": CAPITAL}, "json"),
        ({"json_schema": CAPITAL}, "json"),
        ({"type": "text", "description": "the capital"}, "text"),
        ({"description": None}, "text"),
        ("the capital", "text"),
        ({}, "text"),
        ({"type": "auto"}, "text"),
        (CAPITAL, "json"),
    ]:
        run = client.task_run.create(input=QUESTION, processor="base", task_spec={"output_schema": form})
        output = client.task_run.result(run.run_id).output
        assert output.type == kind and isinstance(output.content, dict if kind == "json" else str), (form, output)
        assert isinstance(output.basis, list), output
        assert getattr(output, "output_schema", None) is None, "only where none was given"
    output = client.task_run.execute(input=QUESTION, processor="pro").output
    assert output.type == "json" and output.output_schema["properties"].keys() == output.content.keys(), output


def a_pydantic_schema_with_references_is_filled():
    schema = Land.model_json_schema()
    assert "$defs" in schema and "additionalProperties" not in schema
    client = Parallel()
    spec = {"output_schema": {"type": "json", "json_schema": schema}}
    run = client.task_run.create(input="Mongolia", processor="core", task_spec=spec)
    assert {warning.type for warning in run.warnings} == {"spec_validation_warning"}, run.warnings
    content = client.task_run.result(run.run_id).output.content
    assert Land.model_validate(content).capital.name == "Ulaanbaatar", content


def all_eighteen_processors_are_accepted():
    names = ["lite", "base", "core", "core2x", "pro", "ultra", "ultra2x", "ultra4x", "ultra8x"]
    for name in names + [f"{name}-fast" for name in names]:
        assert Parallel().task_run.create(input={"n": 1}, processor=name).processor == name


def beta_headers_change_nothing():
    def created(**more):
        run = Parallel().task_run.create(input=QUESTION, processor="base", **more).to_dict()
        return {key: value for key, value in run.items() if key not in ("run_id", "interaction_id", "legwork")} | {
            "created_at": None,
            "modified_at": None,
        }

    plain = created()
    for given in ("", "from-the-future-2031-01-01", "events-sse-2025-07-24", "webhook-2025-08-12, mcp-2025-07-17"):
        assert created(extra_headers={"parallel-beta": given}) == plain, given
    assert created(betas=["events-sse-2025-07-24", "field-basis-2025-11-25"]) == plain
    assert created(extra_query={"beta": "true"}) == plain
    assert created(extra_body={"from_the_future": [1]}) == plain


def strict_validation_accepts_every_answer():
    client = Parallel(_strict_response_validation=True)
    run = client.task_run.create(input=QUESTION, processor="ultra")
    client.task_run.retrieve(run.run_id)
    client.task_run.retrieve_input(run.run_id)
    result = client.task_run.result(run.run_id)
    assert result.output.type == "json" and result.output.output_schema


def a_strict_client_reads_what_a_run_took():
    client = Parallel(_strict_response_validation=True)
    run = client.task_run.create(input={"pages": 7}, processor="base", extra_body={"legwork": {"max_tokens": 9}})
    assert not run.warnings, run
    for output in (client.task_run.result(run.run_id).output, list(client.task_run.events(run.run_id))[-1].output):
        took = output.legwork if isinstance(output.legwork, dict) else output.legwork.to_dict()
        assert took["usage"]["pages"] == 7 and took["usage"]["cost_usd"] is None, took
        assert took["warnings"] == ["nothing was read"], took


def an_unknown_processor_is_a_permission_error():
    error = refused(parallel.PermissionDeniedError, lambda: Parallel().task_run.create(input="x", processor="turbo"))
    assert "turbo" in str(error) and "base" in str(error)


def an_unknown_run_is_a_not_found_error():
    calls = Parallel().task_run
    for call in (calls.retrieve, calls.result, calls.retrieve_input, calls.events):
        error = refused(parallel.NotFoundError, lambda: call(UNKNOWN))
        assert UNKNOWN in str(error) and error.response.headers["content-type"].startswith("application/json")
        assert "status" not in (error.body["error"]["detail"] or {}), error.body


def a_wrong_body_is_an_unprocessable_entity():
    for where, wrong in [
        ("metadata", {"metadata": {"k": ["no", "list"]}}),
        ("input", {"input": 7}),
        ("processor", {"processor": None}),
        ("enable_events", {"enable_events": "yes"}),
        ("source_policy", {"source_policy": {"include_domains": [f"a{n}.example" for n in range(201)]}}),
        ("mcp_servers", {"mcp_servers": [{"url": "https://mcp.example.com", "name": f"n{n}"} for n in range(11)]}),
        ("memory_scope_key", {"memory_scope_key": "not a key"}),
        ("task_spec", {"task_spec": {"output_schema": {"type": "json", "json_schema": {"type": "array"}}}}),
        ("input", {"input": "x" * 24_990, "task_spec": {"output_schema": "y" * 100}}),
    ]:
        call = Parallel().task_run.create
        error = refused(parallel.UnprocessableEntityError, lambda: call(input="x", processor="base", extra_body=wrong))
        assert error.body["type"] == "error" and error.body["error"]["ref_id"], error.body
        place = error.body["error"]["detail"]["errors"][0]["loc"]
        assert place[:2] == ["body", where], (where, error.body)


def a_timeout_is_honoured():
    client = Parallel(max_retries=0)
    run = client.task_run.create(input=QUESTION, processor="base")
    client.task_run.result(run.run_id, api_timeout=25)
    assert client.task_run.result(run.run_id, api_timeout=0).run.status == "completed"


def idle(seconds, **more):
    """What a processor that does nothing is told to end after so long."""
    return {"at": int((time.time() + seconds) * 1_000_000), **more}


def a_pending_result_is_a_408_on_time():
    client = Parallel(max_retries=0)
    run = client.task_run.create(input=idle(60), processor="base")
    start = time.monotonic()
    error = refused(parallel.APIStatusError, lambda: client.task_run.result(run.run_id, api_timeout=2))
    took = time.monotonic() - start
    assert error.status_code == 408 and 2.0 <= took < 10.0, (error, took)
    assert error.body["type"] == "error" and error.body["error"]["detail"]["status"] in ("queued", "running")
    assert client.task_run.retrieve(run.run_id).is_active, "the run goes on"


def a_result_without_a_timeout_is_held():
    client = Parallel(max_retries=0)
    run = client.task_run.create(input=idle(4), processor="base")
    assert client.task_run.result(run.run_id).run.status == "completed"


def execute_is_held_in_one_call():
    sent = []
    with parallel.DefaultHttpxClient(event_hooks={"request": [sent.append]}) as http:
        result = Parallel(http_client=http).task_run.execute(input=idle(3), processor="base")
    assert result.run.status == "completed"
    create, hold = sent
    assert create.headers["x-stainless-poll-helper"] == hold.headers["x-stainless-poll-helper"] == "true"
    assert float(hold.headers["x-stainless-read-timeout"]) > 3500 and not hold.url.query, "so it is held beyond 600 s"


def the_end_of_a_run_wakes_who_waits():
    client = Parallel()

    def late():
        run = client.task_run.create(input=idle(0.3), processor="base")
        return time.time() - int(client.task_run.result(run.run_id).output.content) / 1_000_000

    # A machine that is busy gets more than one chance; a server that looks once a second would need luck.
    tries = (statistics.median(late() for _ in range(5)) for _ in range(5))
    assert any(median < 0.2 for median in tries)


def until_held(number):
    """Returns when the server holds so many requests."""
    deadline = time.monotonic() + 60
    while f"\nlegwork_waiters {number}\n" not in httpx.get(f"{os.environ['PARALLEL_BASE_URL']}/metrics").text:
        assert time.monotonic() < deadline, f"there are never {number} who wait"
        time.sleep(0.02)


def everybody_who_waits_is_answered_and_who_leaves_is_forgotten():
    async def main():
        async with AsyncParallel() as client:
            run = await client.task_run.create(input=idle(2), processor="base")
            results = await asyncio.gather(*(client.task_run.result(run.run_id) for _ in range(50)))
            assert {result.output.content for result in results} == {results[0].output.content}

    asyncio.run(main())
    until_held(0)
    run = Parallel().task_run.create(input=idle(600), processor="base")
    head = f"GET /v1/tasks/runs/{run.run_id}/result HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    url = httpx.URL(os.environ["PARALLEL_BASE_URL"])
    with socket.create_connection((url.host, url.port)) as connection:
        connection.sendall(head)
        until_held(1)
    until_held(0)


def a_run_without_an_output_is_a_not_found_error_with_its_reason():
    client = Parallel()
    failed = client.task_run.create(input=idle(0, fail="the dog ate it"), processor="base").run_id
    error = refused(parallel.NotFoundError, lambda: client.task_run.result(failed))
    told, run = error.body["error"], client.task_run.retrieve(failed)
    assert run.status == "failed" and not run.is_active
    assert told["message"] == run.error.message == "the dog ate it" and told["ref_id"] == run.error.ref_id, told
    assert told["detail"]["status"] == "failed", told
    stopped = client.task_run.create(input=idle(600), processor="base").run_id
    client.post(f"/v1/tasks/runs/{stopped}/cancel", cast_to=object)
    error = refused(parallel.NotFoundError, lambda: client.task_run.result(stopped))
    assert error.body["error"]["detail"]["status"] == "cancelled", error.body
    refused(parallel.NotFoundError, lambda: client.task_run.execute(input=idle(0, fail="again"), processor="base"))


def a_held_result_survives_a_restart():
    """Whoever runs this kills the server when it is told to, and starts another."""
    client = Parallel(max_retries=20)
    run = client.task_run.create(input=QUESTION, processor="base")
    with ThreadPoolExecutor() as pool:
        held = pool.submit(client.task_run.result, run.run_id)
        until_held(1)
        print("held", flush=True)
        assert "Ulaanbaatar" in held.result().output.content


def talkative():
    """A run that is silent for a second, tells five things, and ends."""
    return idle(1, events=5, every=1000)


def check_story(events):
    kinds = [event.type for event in events]
    assert kinds == ["task_run.state"] * 2 + ["task_run.progress_msg.plan"] * 5 + ["task_run.state"], kinds
    assert events[-1].run.status == "completed" and events[-1].output.type == "text", events[-1]


def a_stream_is_iterated_through_silence():
    client = Parallel()
    run = client.task_run.create(input=talkative(), processor="ultra")
    check_story(list(client.task_run.events(run.run_id)))
    check_story(list(client.task_run.events(run.run_id)))


def a_stream_is_iterated_asynchronously():
    async def main():
        async with AsyncParallel() as client:
            run = await client.task_run.create(input=talkative(), processor="ultra")
            stream = await client.task_run.events(run.run_id)
            check_story([event async for event in stream])

    asyncio.run(main())


def a_strict_client_reads_a_stream_and_comes_back():
    client = Parallel(_strict_response_validation=True)
    run = client.task_run.create(input=talkative(), processor="base", enable_events=True)
    events = list(client.task_run.events(run.run_id))
    check_story(events)
    rest = list(client.task_run.events(run.run_id, extra_query={"last_event_id": events[2].event_id}))
    assert [event.to_dict() for event in rest] == [event.to_dict() for event in events[3:]]


TOLD = {"task_run.state", "task_run.progress_stats"} | {
    f"task_run.progress_msg.{kind}" for kind in ("plan", "search", "result", "tool_call", "exec_status", "extract")
}


def a_strict_client_reads_what_the_researcher_tells():
    client = Parallel(_strict_response_validation=True)
    run = client.task_run.create(input=QUESTION, processor="ultra")
    events = [event.to_dict() for event in client.task_run.events(run.run_id)]
    kinds = {event["type"] for event in events}
    assert kinds <= TOLD and "task_run.progress_stats" in kinds and "task_run.progress_msg.plan" in kinds, kinds
    for event in events:
        assert event["event_id"], event
        if event["type"] == "task_run.progress_stats":
            assert 0 <= event["progress_meter"] <= 100, event
            assert {"num_sources_considered", "num_sources_read", "sources_read_sample"} <= event["source_stats"].keys()
        elif event["type"] != "task_run.state":
            assert event["message"] and event["timestamp"], event


def a_stream_begins_at_once():
    client = Parallel()
    run = client.task_run.create(input=idle(600), processor="base")
    with client.task_run.with_streaming_response.events(run.run_id) as answer:
        assert client.task_run.retrieve(run.run_id).is_active, "the head is there before the end"
        assert answer.headers["content-type"] == "text/event-stream" and "no-cache" in answer.headers["cache-control"]
        assert "content-encoding" not in answer.headers, answer.headers


def a_stream_of_a_failed_run_ends_with_its_error():
    client = Parallel(_strict_response_validation=True)
    run = client.task_run.create(input=idle(1, fail="the dog ate it"), processor="ultra")
    for _ in range(2):
        last = list(client.task_run.events(run.run_id))[-1]
        assert last.type == "task_run.state" and last.run.status == "failed" and last.output is None, last
        assert last.run.error.message == "the dog ate it", last


def a_stream_without_events_tells_the_states():
    client = Parallel()
    run = client.task_run.create(input=idle(1, events=3), processor="ultra", enable_events=False)
    statuses = [(event.type, event.run.status) for event in client.task_run.events(run.run_id)]
    assert statuses == [("task_run.state", status) for status in ("queued", "running", "completed")], statuses


def a_stream_that_is_cut_short_is_taken_up_again():
    client = Parallel()
    run = client.task_run.create(input=idle(0, events=20, every=100_000), processor="ultra")
    events, streams = [], 0
    while not events or getattr(events[-1], "run", None) is None or events[-1].run.is_active:
        cursor = {"last_event_id": events[-1].event_id if events else ""}
        events += client.task_run.events(run.run_id, extra_query=cursor)
        streams += 1
    assert streams > 1 and [event.event_id.split("-")[0] for event in events] == [str(n + 1) for n in range(23)]


def parsed_by_line(stream):
    """A parser as recipes have it: lines, two literal prefixes, and nothing told between the events."""
    kind, events = None, []
    for line in stream.iter_lines():
        if line.startswith("event: "):
            kind = line[len("event: ") :]
        elif line.startswith("data: "):
            data = json.loads(line[len("data: ") :])
            assert kind == data["type"], (kind, data)
            events.append(data)
            kind = None
    return events


def a_stream_is_read_line_by_line():
    run = Parallel().task_run.create(input=talkative(), processor="ultra")
    url = f"{os.environ['PARALLEL_BASE_URL']}/v1beta/tasks/runs/{run.run_id}/events"
    with httpx.stream("GET", url, timeout=60) as stream:
        live = parsed_by_line(stream)
    assert [event["type"] for event in live][-2:] == ["task_run.progress_msg.plan", "task_run.state"], live
    assert live[-1]["run"]["status"] == "completed" and live[-1]["output"]["content"], live[-1]
    assert live == [event.to_dict() for event in Parallel().task_run.events(run.run_id)]
    assert b"\r" not in httpx.get(url).content


def signatures(headers):
    return [entry.removeprefix("v1,") for entry in headers["webhook-signature"].split(" ")]


def signed_by_hand(key, headers, body):
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def a_webhook_is_verified_by_the_library_and_by_hand():
    client = Parallel()
    url, calls = receiver()
    webhook = {"url": url, "event_types": ["task_run.status"]}
    run = client.task_run.create(input=QUESTION, processor="base", webhook=webhook)
    headers, body = calls.get(timeout=30)
    names = {name.lower() for name in headers}
    assert {name for name in names if "hook" in name} == {"webhook-id", "webhook-timestamp", "webhook-signature"}, names
    assert headers["content-type"] == "application/json", headers
    # As soon as it is called, the result is there.
    result = client.task_run.result(run.run_id, api_timeout=0)
    secret = client.get("/v1/webhooks/secret", cast_to=object)["secrets"][0]
    told = Webhook(secret).verify(body, headers)
    assert told["type"] == "task_run.status" and told["data"]["status"] == "completed", told
    assert told["data"]["run_id"] == run.run_id and told["data"]["output"]["content"] == result.output.content
    run, told_run = client.task_run.retrieve(run.run_id).to_dict(mode="json"), told["data"]
    assert told_run == told_run | {key: run[key] for key in run if key != "legwork"}, (told_run, run)
    for key in (base64.b64decode(secret.removeprefix("whsec_")), secret.encode()):
        assert signed_by_hand(key, headers, body) in signatures(headers)
    refused(WebhookVerificationError, lambda: Webhook(secret).verify(body + b" ", headers))
    refused(WebhookVerificationError, lambda: Webhook("whsec_b3RoZXI=").verify(body, headers))


def a_webhook_needs_no_event_types_and_may_be_given_as_the_guide_does():
    client = Parallel()
    url, calls = receiver()
    for more in ({"webhook": {"url": url}}, {"extra_body": {"webhook_url": url}}):
        run = client.task_run.create(input=QUESTION, processor="lite", **more)
        assert json.loads(calls.get(timeout=30)[1])["data"]["run_id"] == run.run_id
        webhook = client.task_run.retrieve_input(run.run_id).webhook
        assert webhook.url == url, webhook


def a_webhook_tells_of_runs_without_an_output():
    client = Parallel()
    url, calls = receiver()
    failed = client.task_run.create(input=idle(0, fail="the dog ate it"), processor="base", webhook={"url": url})
    told = json.loads(calls.get(timeout=30)[1])["data"]
    assert (told["run_id"], told["status"]) == (failed.run_id, "failed") and told["error"]["message"], told
    stopped = client.task_run.create(input=idle(600), processor="base", webhook={"url": url})
    client.post(f"/v1/tasks/runs/{stopped.run_id}/cancel", cast_to=object)
    told = json.loads(calls.get(timeout=30)[1])["data"]
    assert (told["run_id"], told["status"]) == (stopped.run_id, "cancelled"), told


def a_webhook_is_signed_with_the_old_secret_and_the_new_one():
    client = Parallel()
    url, calls = receiver()
    client.task_run.create(input=QUESTION, processor="lite", webhook={"url": url})
    headers, body = calls.get(timeout=30)
    for secret in ("whsec_b2xkIG9sZCBvbGQgb2xk", "whsec_bmV3IG5ldyBuZXcgbmV3"):
        Webhook(secret).verify(body, headers)


COUNTRIES = {"Chad": "N'Djamena", "Peru": "Lima", "Japan": "Tokyo"}


def questions():
    return [{"input": f"What is the capital of {country}?", "processor": "base"} for country in COUNTRIES]


def check_group(events, runs, added):
    """The two streams of a group that has come to rest."""
    kinds = {event.type for event in events}
    assert kinds == {"task_group_status", "task_run.state"}, kinds
    ended = [event.run.run_id for event in events if event.type == "task_run.state"]
    assert sorted(ended) == sorted(added.run_ids), "each end once"
    last = [event for event in events if event.type == "task_group_status"][-1].status
    assert not last.is_active and last.task_run_status_counts == {"completed": 3}, last
    assert [event.run.run_id for event in runs] == added.run_ids, "in the order in which they were added"
    for event, capital in zip(runs, COUNTRIES.values()):
        assert event.input.processor == "base" and capital in event.output.content, event


def a_group_is_added_to_and_followed():
    for client in (Parallel(), Parallel(_strict_response_validation=True)):
        group = client.task_group.create(metadata={"batch": "a"})
        assert group.status.num_task_runs == 0 and not group.status.is_active
        added = client.task_group.add_runs(group.task_group_id, inputs=questions())
        assert len(added.run_ids) == 3 and added.status.num_task_runs == 3 and added.run_cursor is None
        events = list(client.task_group.events(group.task_group_id, api_timeout=60))
        runs = list(client.task_group.get_runs(group.task_group_id, include_input=True, include_output=True))
        check_group(events, runs, added)
        rest = list(client.task_group.get_runs(group.task_group_id, last_event_id=runs[0].event_id))
        assert [event.run.run_id for event in rest] == added.run_ids[1:]
        assert list(client.task_group.get_runs(group.task_group_id, status="failed")) == []
        one = client.task_group.retrieve_run(added.run_ids[0], task_group_id=group.task_group_id)
        assert one.status == "completed" and one.task_group_id == group.task_group_id
        again = client.task_group.retrieve(group.task_group_id)
        assert again.metadata == {"batch": "a"} and again.status.num_task_runs == 3
        refused(parallel.NotFoundError, lambda: client.task_group.retrieve("tgrp_" + "0" * 32))


def a_group_is_followed_asynchronously():
    async def main():
        async with AsyncParallel() as client:
            group = await client.task_group.create()
            spec = {"output_schema": {"type": "json", "json_schema": Country.model_json_schema()}}
            inputs = [{"input": {"country": country}, "processor": "core"} for country in COUNTRIES]
            added = await client.task_group.add_runs(
                group.task_group_id, inputs=inputs, default_task_spec=spec, refresh_status=False
            )
            events = [event async for event in await client.task_group.events(group.task_group_id)]
            ended = [event.run.run_id for event in events if event.type == "task_run.state"]
            assert sorted(ended) == sorted(added.run_ids)
            stream = await client.task_group.get_runs(group.task_group_id, include_output=True)
            capitals = [event.output.content["capital"] async for event in stream]
            assert capitals == list(COUNTRIES.values()), capitals

    asyncio.run(main())


def a_spec_of_its_own_goes_before_the_groups():
    client = Parallel()
    group = client.task_group.create()
    default = {"output_schema": {"type": "json", "json_schema": CAPITAL}}
    inputs = [
        {"input": QUESTION, "processor": "base"},
        {"input": QUESTION, "processor": "base", "task_spec": {"output_schema": "in a sentence"}},
    ]
    added = client.task_group.add_runs(group.task_group_id, inputs=inputs, default_task_spec=default)
    assert [client.task_run.result(id).output.type for id in added.run_ids] == ["json", "text"]
    bare = client.task_group.add_runs(group.task_group_id, inputs=inputs[:1])
    assert client.task_run.result(bare.run_ids[0]).output.type == "text"


def a_thousand_runs_are_added_to_a_group_and_not_one_more():
    client = Parallel()
    group = client.task_group.create()
    inputs = [{"input": {"n": n}, "processor": "lite"} for n in range(1001)]
    refused(parallel.UnprocessableEntityError, lambda: client.task_group.add_runs(group.task_group_id, inputs=inputs))
    assert client.task_group.retrieve(group.task_group_id).status.num_task_runs == 0, "all or none"
    added = client.task_group.add_runs(group.task_group_id, inputs=inputs[:1000], refresh_status=False)
    runs = list(client.task_group.get_runs(group.task_group_id, include_input=True))
    assert [event.run.run_id for event in runs] == added.run_ids
    assert [event.input.input["n"] for event in runs] == list(range(1000))


def a_group_is_followed_in_pieces():
    client = Parallel()
    group = client.task_group.create()
    inputs = [{"input": idle(seconds), "processor": "base"} for seconds in (1, 2, 3)]
    added = client.task_group.add_runs(group.task_group_id, inputs=inputs)
    ended, streams, cursor, active = [], 0, None, True
    while active:
        for event in client.task_group.events(group.task_group_id, last_event_id=cursor, api_timeout=0.3):
            cursor = event.event_id
            if event.type == "task_run.state":
                ended.append(event.run.run_id)
            else:
                active = event.status.is_active
        streams += 1
    assert streams > 1 and sorted(ended) == sorted(added.run_ids), (streams, ended)
    later = client.task_group.add_runs(group.task_group_id, inputs=[{"input": idle(0), "processor": "base"}])
    rest = client.task_group.events(group.task_group_id, last_event_id=later.event_cursor)
    assert [event.run.run_id for event in rest if event.type == "task_run.state"] == later.run_ids
    rest = client.task_group.get_runs(group.task_group_id, last_event_id=later.run_cursor)
    assert [event.run.run_id for event in rest] == later.run_ids


def a_create_with_a_key_is_done_once():
    client = Parallel()
    key = {"Idempotency-Key": "order-66"}
    first = client.task_run.create(input=QUESTION, processor="base", extra_headers=key)
    again = client.task_run.create(input=QUESTION, processor="base", extra_headers=key)
    assert again.run_id == first.run_id and again.created_at == first.created_at
    other = client.task_run.create(input=QUESTION, processor="base")
    assert other.run_id != first.run_id
    twenty = {client.task_run.create(input=QUESTION, processor="lite").run_id for _ in range(20)}
    assert len(twenty) == 20, "twenty equal creates stay twenty runs"


def beta_runs_of_the_line_0_5():
    client = Parallel()
    run = client.beta.task_run.create(
        input=QUESTION, processor="base", enable_events=True, betas=["events-sse-2025-07-24"]
    )
    kinds = [event.type for event in client.beta.task_run.events(run.run_id)]
    assert kinds[0] == "task_run.state" and kinds[-1] == "task_run.state", kinds
    result = client.beta.task_run.result(run.run_id, betas=["field-basis-2025-11-25"])
    assert "Ulaanbaatar" in result.output.content


def beta_groups_of_the_line_0_5():
    client = Parallel()
    group = client.beta.task_group.create()
    added = client.beta.task_group.add_runs(group.task_group_id, inputs=questions())
    events = list(client.beta.task_group.events(group.task_group_id))
    runs = list(client.beta.task_group.get_runs(group.task_group_id, include_input=True, include_output=True))
    check_group(events, runs, added)
    assert client.beta.task_group.retrieve(group.task_group_id).status.num_task_runs == 3


globals()[sys.argv[1]]()
