"""Agents by three frameworks' default surfaces. usage: frameworks.py FRAMEWORK BASE_URL KEY MODEL; prints JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any


def openai_agents(base_url: str, key: str, model: str) -> dict[str, Any]:
    """A hand-off from one agent to another, which runs a tool."""
    from agents import Agent, OpenAIProvider, RunConfig, Runner, function_tool, set_tracing_disabled

    set_tracing_disabled(True)

    @function_tool
    def weather(city: str) -> str:
        return f"cold in {city}"

    forecaster = Agent(name="Forecaster", instructions="Tell the weather.", tools=[weather], model=model)
    desk = Agent(name="Desk", instructions="Hand off.", handoffs=[forecaster], model=model)
    config = RunConfig(model_provider=OpenAIProvider(api_key=key, base_url=base_url))
    done = Runner.run_sync(desk, "What is the weather in Oslo?", run_config=config)
    return {"text": done.final_output, "agent": done.last_agent.name}


def pydantic_ai(base_url: str, key: str, model: str) -> dict[str, Any]:
    """A tool, by ``openai:``, which is Responses."""
    from pydantic_ai import Agent
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    return _with_weather(Agent(OpenAIResponsesModel(model, provider=OpenAIProvider(base_url=base_url, api_key=key))))


def pydantic_ai_anthropic(base_url: str, key: str, model: str) -> dict[str, Any]:
    """The same by ``anthropic:``."""
    from anthropic import AsyncAnthropic
    from pydantic_ai import Agent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(base_url=base_url.removesuffix("/v1"), api_key=key)
    return _with_weather(Agent(AnthropicModel(model, provider=AnthropicProvider(anthropic_client=client))))


def langchain(base_url: str, key: str, model: str) -> dict[str, Any]:
    """Two turns by ``use_responses_api=True``, plain and as a stream."""
    from langchain_core.messages import HumanMessage, ToolMessage
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    @tool
    def weather(city: str) -> str:
        """The weather of a city."""
        return f"cold in {city}"

    chat = ChatOpenAI(model=model, base_url=base_url, api_key=key, use_responses_api=True).bind_tools([weather])
    messages: list[Any] = [HumanMessage("What is the weather in Oslo?")]
    first = chat.invoke(messages)
    call = first.tool_calls[0]
    messages += [first, ToolMessage(weather.invoke(call["args"]), tool_call_id=call["id"])]
    streamed = "".join(piece.text for piece in chat.stream(messages))
    return {"text": streamed, "calls": [[call["name"], call["args"]]]}


def _with_weather(agent: Any) -> dict[str, Any]:
    @agent.tool_plain
    def weather(city: str) -> str:
        return f"cold in {city}"

    async def run() -> dict[str, Any]:
        done = await agent.run("What is the weather in Oslo?")
        async with agent.run_stream("What is the weather in Oslo?") as streamed:
            text = await streamed.get_output()
        return {"text": done.output, "streamed": text}

    return asyncio.run(run())


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]](*sys.argv[2:])))
