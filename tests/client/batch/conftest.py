"""Fixtures for the tests of batches: files, and a server that echoes."""

from __future__ import annotations

import json

import pytest


def request_line(custom_id, text=None, **body):
    """Return a request line whose message is *text*, by default the custom id."""
    message = {"role": "user", "content": custom_id if text is None else text}
    value = {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"messages": [message], **body},
    }
    return json.dumps(value) + "\n"


class Files:
    """The input file and the output file of a batch."""

    def __init__(self, folder):
        self.input = folder / "in.jsonl"
        self.output = folder / "out.jsonl"

    def ask(self, *lines):
        """Write the input; a line that is only a custom id becomes a request."""
        whole = [n if n.endswith("\n") else request_line(n) for n in lines]
        self.input.write_text("".join(whole))

    def rows(self):
        """Return the rows of the output."""
        return list(map(json.loads, self.output.read_text().splitlines()))

    def texts(self):
        """
        Return the text of each answer, or the status of each refusal, by custom id.
        """
        found = {}
        for row in self.rows():
            response = row["response"]
            if response is None:
                found[row["custom_id"]] = row["error"]["code"]
            elif response["status_code"] == 200:
                message = response["body"]["choices"][0]["message"]
                found[row["custom_id"]] = message["content"]
            else:
                found[row["custom_id"]] = response["status_code"]
        return found


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture
def fake(fake):
    """Return a fake server whose answers repeat the question."""
    fake.reply(lambda r: f"<{r.json['messages'][0]['content']}>", times=None)
    return fake


def asked(fake):
    """Return the questions that the fake server has received."""
    return sorted(r.json["messages"][0]["content"] for r in fake.requests)
