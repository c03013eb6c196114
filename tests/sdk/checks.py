"""Checks of the official Python SDK; one a call: `python checks.py NAME`. Only the environment points it at legwork."""

import asyncio
import base64
import hashlib
import hmac
import queue
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import parallel
from parallel import AsyncParallel, Parallel
from pydantic import BaseModel, Field
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

QUESTION = "What is the capital of Mongolia?"


class Country(BaseModel):
    """What is asked of a country."""

    capital: str | None = Field(description="the capital city")
    population: int | None = Field(description="how many people live there")


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


def strict_validation_accepts_every_answer():
    client = Parallel(_strict_response_validation=True)
    run = client.task_run.create(input=QUESTION, processor="ultra")
    client.task_run.retrieve(run.run_id)
    client.task_run.retrieve_input(run.run_id)
    result = client.task_run.result(run.run_id)
    assert result.output.type == "json" and result.output.output_schema


def an_unknown_processor_is_a_permission_error():
    error = refused(parallel.PermissionDeniedError, lambda: Parallel().task_run.create(input="x", processor="turbo"))
    assert "turbo" in str(error) and "base" in str(error)


def an_unknown_run_is_a_not_found_error():
    unknown = "trun_" + "0" * 32
    for call in (Parallel().task_run.retrieve, Parallel().task_run.result, Parallel().task_run.retrieve_input):
        assert unknown in str(refused(parallel.NotFoundError, lambda: call(unknown)))


def a_wrong_body_is_an_unprocessable_entity():
    error = refused(
        parallel.UnprocessableEntityError,
        lambda: Parallel().task_run.create(input="x", processor="base", metadata={"k": ["no", "list"]}),
    )
    assert error.body["error"]["detail"]["errors"][0]["loc"][:2] == ["body", "metadata"], error.body


def a_timeout_is_honoured():
    client = Parallel(max_retries=0)
    run = client.task_run.create(input=QUESTION, processor="base")
    client.task_run.result(run.run_id, api_timeout=25)
    assert client.task_run.result(run.run_id, api_timeout=0).run.status == "completed"


def talkative():
    """A run that is silent for a second, tells five things, and ends."""
    return {"at": int((time.time() + 1) * 1_000_000), "events": 5, "every": 1000}


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


def receiver():
    """A receiver of webhooks on this machine: its address, and a queue of what it is sent."""
    calls = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()
            calls.put((dict(self.headers), body))

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/hook", calls


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
    # As soon as it is called, the result is there.
    result = client.task_run.result(run.run_id, api_timeout=0)
    secret = client.get("/v1/webhooks/secret", cast_to=object)["secrets"][0]
    told = Webhook(secret).verify(body, headers)
    assert told["type"] == "task_run.status" and told["data"]["status"] == "completed", told
    assert told["data"]["run_id"] == run.run_id and told["data"]["output"]["content"] == result.output.content
    for key in (base64.b64decode(secret.removeprefix("whsec_")), secret.encode()):
        assert signed_by_hand(key, headers, body) in signatures(headers)
    refused(WebhookVerificationError, lambda: Webhook(secret).verify(body + b" ", headers))
    refused(WebhookVerificationError, lambda: Webhook("whsec_b3RoZXI=").verify(body, headers))


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
