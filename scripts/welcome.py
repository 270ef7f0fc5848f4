"""Reads what ``router --json serve`` announces on stdout, and prints how to make a first call."""

from __future__ import annotations

import json
import os
import signal
import sys

__all__ = ["main"]

TEXT = """
These examples need no provider key: `echo` is a local stand-in that says your own words back, not a language model.

curl:

    curl {base_url}/chat/completions \\
      -H "Authorization: Bearer {key}" \\
      -H "Content-Type: application/json" \\
      -d '{{"model": "echo/echo", "messages": [{{"role": "user", "content": "Hello, gateway"}}]}}'

Python (pip install openai):

    from openai import OpenAI

    client = OpenAI(base_url="{base_url}", api_key="{key}")
    stream = client.chat.completions.create(
        model="echo/echo", messages=[{{"role": "user", "content": "Hello, gateway"}}], stream=True
    )
    for chunk in stream:
        print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()

A real model: set OPENAI_API_KEY before `make run`, and ask for "openai/gpt-4o-mini". Ctrl-C stops the gateway.
Base URL: {base_url}
{portal}"""

PORTAL = """The portal: {url} (sign up there; until [mail] names a server, mails are written into this log)
"""


def main() -> None:
    """Print the welcome once the server has said its URL, then pass on whatever else it prints."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server
    announcement = ""
    for line in sys.stdin:
        announcement += line
        if line.rstrip() == "}":
            told = json.loads(announcement)
            portal = PORTAL.format(url=told["portal"]) if told["portal"] else ""
            key = os.environ.get("FIRST_API_KEY", "YOUR_API_KEY")
            print(TEXT.format(base_url=f"{told['url']}/v1", key=key, portal=portal), flush=True)
            break
    for line in sys.stdin:
        print(line, end="", flush=True)


if __name__ == "__main__":
    main()
