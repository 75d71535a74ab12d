"""The least that chats: a line editor and the client library, with the tools of a file."""

import json
import sys
from pathlib import Path
from typing import Any

import anyio
import openai
from prompt_toolkit import PromptSession

_HISTORY = 5


async def chat(url: str, tools: list[Any]) -> None:
    client = openai.AsyncOpenAI(base_url=url, api_key="none")
    prompt: PromptSession[str] = PromptSession()
    messages: list[Any] = []
    while True:
        del messages[: -2 * _HISTORY]
        messages.append({"role": "user", "content": await prompt.prompt_async("ops> ")})
        stream = await client.chat.completions.create(
            model="scripted", messages=messages, tools=tools, stream=True
        )
        said = ""
        async for chunk in stream:
            text = chunk.choices[0].delta.content or ""
            said += text
            print(text, end="", flush=True)
        print()
        messages.append({"role": "assistant", "content": said})


if __name__ == "__main__":
    anyio.run(chat, sys.argv[1], json.loads(Path(sys.argv[2]).read_text("utf-8")))
