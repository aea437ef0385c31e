"""`tools_of`: the tools of an MCP server, from any session and from the mcp package."""

from __future__ import annotations

import json
import subprocess
import sys

from types import SimpleNamespace

import anyio
import pytest

import asi1

from ..support.talk import until


USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
PAGES = {None: (["add", "files/read"], "p2"), "p2": (["slow"], "p3"), "p3": ([], None)}


def listed(name):
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    return SimpleNamespace(name=name, description=f"Is {name}.", inputSchema=schema)


class Session:
    """An MCP session with three pages of tools; a called tool returns its own
    arguments.
    """

    def __init__(self, pages=PAGES):
        self.pages = pages
        self.cursors = []
        self.calls = []

    async def list_tools(self, cursor=None):
        self.cursors.append(cursor)
        names, following = self.pages[cursor]
        return SimpleNamespace(tools=[listed(n) for n in names], nextCursor=following)

    async def call_tool(self, name, arguments):
        self.calls.append((name, arguments))
        text = SimpleNamespace(type="text", text=f"{name} {json.dumps(arguments)}")
        return SimpleNamespace(content=[text], isError=name == "slow")


class Newer(Session):
    """A session whose `list_tools` has only the keyword `cursor`."""

    async def list_tools(self, *, cursor: str | None = None):
        page = await super().list_tools(cursor)
        return SimpleNamespace(tools=page.tools, next_cursor=page.nextCursor)


class WithParams(Session):
    """A session whose `list_tools` takes an object with the cursor."""

    async def list_tools(self, *, params=None):
        return await super().list_tools(params and params.cursor)


class ByPlace(Session):
    """A session whose `list_tools` has a cursor as a positional parameter with another
    name.
    """

    async def list_tools(self, after=None, /):
        return await super().list_tools(after)


class AnyOptions(Session):
    """A session whose `list_tools` accepts any arguments, and passes them on."""

    async def list_tools(self, *args, **options):
        return await super().list_tools(*args, **options)


class Unpaged(Session):
    """A session whose `list_tools` takes nothing."""

    async def list_tools(self):
        return await super().list_tools()


class ReadsAllPages(Session):
    """A session whose `list_tools` returns a list of tools."""

    async def list_tools(self):
        return [listed(name) for names, _ in self.pages.values() for name in names]


@pytest.mark.parametrize(
    "kind", [Session, Newer, WithParams, ByPlace, AnyOptions, ReadsAllPages]
)
async def test_mcp_tools_of_all_pages_are_returned(kind):
    """
    `tools_of` returns the tools of all pages, whatever parameter `list_tools` has for
    the cursor.
    """
    session = kind()

    tools = await asi1.tools_of(session)

    assert ["add", "files_read", "slow"] == [each.name for each in tools]
    assert ["Is add.", "Is files/read.", "Is slow."] == [t.description for t in tools]
    assert kind is ReadsAllPages or session.cursors == [None, "p2", "p3"]


async def test_called_mcp_tool_has_its_original_name_on_the_server():
    """
    A tool can be called like a function; the server gets the name under which it listed
    the tool, and an error of the server is a `ToolError`.
    """
    session = Session()
    _, read, slow = await asi1.tools_of(session)

    assert 'files/read {"path": "x", "self": 1}' == await read.function(
        path="x", self=1
    )
    with pytest.raises(asi1.ToolError, match=r"slow \{\}"):
        await slow()

    assert [("files/read", {"path": "x", "self": 1}), ("slow", {})] == session.calls
    assert ("files_read", "Is files/read.") == (read.__name__, read.__doc__)


async def test_timeout_prefix_and_needs_approval_apply_to_each_tool():
    """
    `timeout` is the timeout of each tool, and `prefix` the start of each name;
    `needs_approval` may be a function of the name that the tool has on the server.
    """
    tools = await asi1.tools_of(
        Session(), needs_approval=lambda n: n == "files/read", timeout=3, prefix="my."
    )

    assert [False, True, False] == [each.needs_approval for each in tools]
    assert {3} == {each.timeout for each in tools}
    assert ["my_add", "my_files_read", "my_slow"] == [each.name for each in tools]
    every = await asi1.tools_of(Session(), needs_approval=True)
    assert [True] * 3 == [each.needs_approval for each in every]


async def test_tool_that_is_listed_twice_is_returned_once():
    """
    A tool that the server lists on two pages is returned once.
    """
    session = Session({None: (["a", "b"], "p2"), "p2": (["b", "c"], None)})

    assert ["a", "b", "c"] == [t.name for t in await asi1.tools_of(session)]


@pytest.mark.parametrize(
    "pages",
    [
        {None: (["a"], "x"), "x": (["b"], "x")},
        {None: (["a"], "x"), "x": ([], "y"), "y": ([], "x")},
        {None: (["a"], "0"), **{str(n): ([], str(n + 1)) for n in range(2000)}},
    ],
    ids=["same", "circle", "endless"],
)
async def test_list_of_tools_that_does_not_end_is_an_error(pages):
    """
    `tools_of` raises an error if the pages of a server repeat a cursor, or do not end.
    """
    session = Session(pages)

    with pytest.raises(asi1.ASI1Error, match="list of tools does not end"):
        await asi1.tools_of(session)

    assert len(session.cursors) <= 1001


@pytest.mark.parametrize(
    ("session", "options", "words"),
    [
        (None, {}, "session: must have the method list_tools"),
        (SimpleNamespace(list_tools=print), {}, "session: must have the method call_t"),
        (Unpaged(), {}, "session: .* list_tools takes no cursor"),
        (Session(), {"timeout": 0}, "timeout: must be a number of seconds above 0"),
        (Session(), {"timeout": True}, "timeout: must be a number of seconds above 0"),
        (Session(), {"prefix": None}, "prefix: must be a str"),
        (Session(), {"needs_approval": "no"}, "needs_approval: must be True, False or"),
        (Session(), {"needs_approval": str}, "needs_approval: .* for 'add': must be T"),
    ],
)
async def test_mcp_session_or_option_of_a_wrong_kind_is_refused(
    session, options, words
):
    """
    An object without the methods of an MCP session, and a wrong option, raise an
    `ArgumentError`.
    """
    with pytest.raises(asi1.ArgumentError, match=words):
        await asi1.tools_of(session, **options)


def test_mcp_tool_in_another_event_loop_is_an_error_that_the_model_reads(
    fake, blocking_client
):
    """
    Tools of a session work on the session's event loop only. A blocking client, whose
    event loop is another one, cannot run them: the model reads why, and nothing hangs.
    """
    session = Session()
    tools = anyio.run(asi1.tools_of, session)
    fake.reply("", tool_calls=[{"name": "add"}])
    fake.reply("Sorry.")

    run = blocking_client.chat.completions.run_tools("Hi", tools=tools)

    assert "Sorry." == run.until_done().text
    assert (
        "belongs to another event loop"
        in fake.requests[1].json["messages"][-1]["content"]
    )
    assert [] == session.calls


# The tests below use the mcp package and a server made with it.

PIXEL = "iVBORw0KGgo="


def result_of(types, name, arguments):
    text = types.TextContent(text=f"{name} {json.dumps(arguments)}")
    image = types.ImageContent(data=PIXEL, mime_type="image/png")
    match name:
        case "draw":
            return types.CallToolResult(content=[text, image])
        case "count":
            counted = {"count": len(arguments)}
            return types.CallToolResult(content=[], structured_content=counted)
        case "fail":
            return types.CallToolResult(content=[text], is_error=True)
    return types.CallToolResult(content=[text])


def server_of(calls):
    """Return a server of the mcp package with one tool on each page."""
    pytest.importorskip("mcp", reason="mcp is not installed")
    from mcp import types
    from mcp.server.lowlevel import Server

    names = ["files/read.it", "draw", "count", "fail", "wait", "add"]
    schema = {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "required": ["a"],
        "additionalProperties": False,
    }

    async def list_tools(context, params):
        place = int(params.cursor) if params and params.cursor else 0
        hints = types.ToolAnnotations(destructive_hint=True)
        tool = types.Tool(
            name=names[place],
            description=f"Is {names[place]}.",
            input_schema=schema if names[place] == "add" else {"type": "object"},
            annotations=hints,
        )
        rest = names[place + 1 :]
        following = str(place + 1) if rest else None
        return types.ListToolsResult(tools=[tool], next_cursor=following)

    async def call_tool(context, params):
        arguments = params.arguments or {}
        calls.append((params.name, arguments))
        if params.name == "wait":
            await anyio.sleep_forever()
        return result_of(types, params.name, arguments)

    return Server("test", on_list_tools=list_tools, on_call_tool=call_tool)


@pytest.fixture(params=["client", "session", "older protocol"])
async def mcp_session(request):
    """
    Return a session with a server in this process, and the list of the server's calls.
    """
    calls = []
    server = server_of(calls)
    from mcp import Client

    mode = "legacy" if request.param == "older protocol" else "auto"
    async with Client(server, mode=mode) as client:
        yield client if request.param == "client" else client.session, calls


@pytest.mark.system
async def test_tools_of_all_pages_are_returned_with_the_mcp_package(mcp_session):
    """
    `tools_of` returns the tools of a real server, with the server's schemas. A tool
    with ``destructiveHint`` needs no approval.
    """
    session, _ = mcp_session

    tools = await asi1.tools_of(session)

    names = ["files_read_it", "draw", "count", "fail", "wait", "add"]
    assert names == [each.name for each in tools]
    assert ["a"] == tools[-1].parameters["required"]
    assert [False] * 6 == [each.needs_approval for each in tools]


@pytest.mark.system
async def test_model_calls_tools_of_the_mcp_package(fake, fake_client, mcp_session):
    """
    A run calls the tools of a real server at the same time. The model reads the texts,
    the structured content and the errors. A call that does not fit the schema is not
    sent to the server.
    """
    session, calls = mcp_session
    wanted = ["files_read_it", "draw", "count", "fail", "wait"]
    asked = [{"name": name, "arguments": {"x": [1]}} for name in wanted]
    asked += [{"name": "add", "arguments": given} for given in ({}, {"a": 1, "b": 2})]
    fake.reply("", tool_calls=asked, usage=USAGE)
    fake.reply("All done.", usage=USAGE)
    tools = await asi1.tools_of(session)
    tools[4].timeout = 0.1

    run = fake_client.chat.completions.run_tools("Hi", tools=tools)
    done = await run.until_done()

    sent = [m["content"] for m in fake.requests[1].json["messages"] if "name" not in m]
    read, drawn, counted, *failed = sent[-7:]
    assert 'files/read.it {"x": [1]}' == read
    assert 'draw {"x": [1]}\n[image image/png, 8 bytes]' == drawn
    assert '{"count":1}' == counted
    errors = [json.loads(text)["error"] for text in failed]
    assert 'fail {"x": [1]}' == errors[0]
    assert errors[1].startswith("the tool took longer than 0.1 seconds; ")
    assert errors[2].endswith("$.a: expected a value, found no such key")
    assert errors[3].endswith("expected only the keys a, found the number 2")
    assert ("All done.", 16) == (done.text, done.usage.total_tokens)
    # The timeout of `wait` may pass before the server gets its call.
    got = {name for name, _ in calls} | {"wait"}
    assert {"files/read.it", *wanted[1:]} == got


@pytest.mark.system
async def test_session_works_after_a_cancelled_run(fake, fake_client, mcp_session):
    """
    Closing a run cancels the call of the server's tool; the session can still be used.
    """
    session, calls = mcp_session
    fake.reply("", tool_calls=[{"name": "wait"}])
    *_, wait, add = await asi1.tools_of(session)

    async with anyio.create_task_group() as tasks:
        run = fake_client.chat.completions.run_tools("Hi", tools=[wait])
        tasks.start_soon(run.until_done)
        await until(lambda: calls)
        tasks.cancel_scope.cancel()
    await run.aclose()

    assert [("wait", {})] == calls
    assert 'add {"a": 1}' == await add(a=1)


@pytest.mark.system
def test_mcp_is_never_imported_by_the_package():
    """
    The package takes the tools of a session without importing mcp.
    """
    code = (
        "import sys, anyio, asi1, types\n"
        "class S:\n"
        "  async def list_tools(self): return []\n"
        "  async def call_tool(self, name, arguments): ...\n"
        "anyio.run(asi1.tools_of, S())\n"
        "print([n for n in sys.modules if n.partition('.')[0] == 'mcp'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )

    assert "[]\n" == done.stdout
