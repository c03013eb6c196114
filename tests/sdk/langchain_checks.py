"""Checks of langchain-parallel, a client of other people's; one a call: `python langchain_checks.py NAME`."""

import asyncio
import json
import os
import sys

from langchain_parallel import (
    McpServer,
    ParallelDeepResearch,
    ParallelEnrichment,
    ParallelTaskGroup,
    ParallelTaskRunTool,
    build_task_spec,
    parse_basis,
    verify_webhook,
)
from pydantic import BaseModel, Field
from receiver import receiver

QUESTION = "What is the capital of Mongolia?"
# It takes its address from nowhere else.
HERE = {"base_url": os.environ["PARALLEL_BASE_URL"]}
COUNTRIES = {"Chad": "N'Djamena", "Peru": "Lima", "Japan": "Tokyo"}


class Land(BaseModel):
    country: str = Field(description="the name of a country")


class Country(BaseModel):
    capital: str = Field(description="the capital city")


def tool():
    result = ParallelTaskRunTool(**HERE).invoke({"input": QUESTION, "metadata": {"team": "blue"}})
    assert "Ulaanbaatar" in result["output"]["content"], result
    told = parse_basis(result)
    assert told["citations_by_field"]["output"] and told["interaction_id"] == result["run"]["run_id"], told
    typed = ParallelTaskRunTool(processor="core-fast", task_output_schema=Country, **HERE)
    result = asyncio.run(typed.ainvoke({"input": "Mongolia"}))
    assert result["output"]["content"]["capital"] == "Ulaanbaatar", result
    spec = build_task_spec(output_schema=Country, input_schema=Land)
    result = ParallelTaskRunTool(task_spec=spec, **HERE).invoke({"input": {"country": "Peru"}})
    assert result["output"]["content"] == {"capital": "Lima"}, result


def deep_research():
    result = ParallelDeepResearch(**HERE).invoke(QUESTION)
    assert "Ulaanbaatar" in result["output"]["content"].values(), result
    result = asyncio.run(ParallelDeepResearch(processor="ultra", output_schema="a report", **HERE).ainvoke(QUESTION))
    assert "Ulaanbaatar" in result["output"]["content"], result


def mcp():
    server = McpServer(name="tools", url="https://mcp.example.com", headers={"a": "b"}, allowed_tools=["look"])
    result = ParallelTaskRunTool(mcp_servers=[server], **HERE).invoke({"input": QUESTION})
    assert "Ulaanbaatar" in result["output"]["content"], result


def interaction_with_a_schema_in_no_envelope():
    first = ParallelTaskRunTool(**HERE).invoke({"input": QUESTION})
    schema = {"type": "object", "properties": {"capital": {"type": "string"}}}
    next_one = ParallelDeepResearch(processor="core-fast", output_schema=schema, **HERE)
    result = next_one.invoke("Mongolia", previous_interaction_id=first["interaction_id"])
    assert result["output"]["content"] == {"capital": "Ulaanbaatar"}, result


def task_group():
    inputs = [f"What is the capital of {country}?" for country in COUNTRIES]
    results = ParallelTaskGroup(**HERE).run(inputs)
    again = asyncio.run(ParallelTaskGroup(metadata={"batch": "a"}, **HERE).arun(inputs))
    for capital, *two in zip(COUNTRIES.values(), results, again):
        assert all(capital in one["output"]["content"] for one in two), two


def enrichment():
    enrich = ParallelEnrichment(input_schema=Land, output_schema=Country, **HERE)
    results = enrich.invoke([Land(country=country) for country in COUNTRIES])
    assert [result["output"]["content"]["capital"] for result in results] == list(COUNTRIES.values()), results


def webhook():
    url, calls = receiver()
    # Its tools know no webhooks; the client below them does.
    client = ParallelTaskRunTool(**HERE)._client
    hook = {"url": url, "event_types": ["task_run.status"]}
    run = client.beta.task_run.create(input=QUESTION, processor="lite", webhook=hook, betas=["webhook-2025-08-12"])
    headers, body = calls.get(timeout=30)
    secret = client.get("/v1/webhooks/secret", cast_to=object)["secrets"][0]
    named = {f"webhook_{name}": headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature")}
    assert verify_webhook(body, secret=secret, **named)
    assert not verify_webhook(body + b" ", secret=secret, **named)
    assert json.loads(body)["data"]["run_id"] == run.run_id


globals()[sys.argv[1]]()
