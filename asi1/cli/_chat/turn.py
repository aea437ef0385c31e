"""
One turn of a chat: shows the answer, and asks before tools run.

A tool call is shown in full before the user is asked, with hidden characters as JSON
escapes: so the user sees exactly what will run.
"""

from __future__ import annotations

import json

from collections.abc import Callable

import asi1

from ..._models.visible import escape_hidden, visible
from .._terminal import Screen
from .._view import AnswerView, follow, summary
from .session import Session


__all__ = ["Turn"]

_QUESTION = "Run it? [y]es, [n]o, [a]lways, or say why not: "
_LONGEST = 10_000  # maximum characters of a call's arguments that are shown
_SHORT = 200  # maximum characters of a note about a tool
_WIDE = 60  # arguments of more characters are shown on lines of their own


class Turn:
    """
    One message of the user, and the model's answer.

    Args:
        session: The chat.
        view: Shows the answer.
        notes: The screen for notes: tool calls and token counts.
        ask: Asks the user a question; None if there is no user to ask.
        quiet: Whether `take` returns a line only about an answer that is cut off.

    Attributes:
        ran: The names of the tools that have begun to run.
    """

    def __init__(
        self,
        session: Session,
        view: AnswerView,
        notes: Screen,
        ask: Callable[[str], str] | None,
        *,
        quiet: bool = False,
    ) -> None:
        self._session = session
        self._view = view
        self._notes = notes
        self._ask = ask
        self._quiet = quiet
        self._decisions: dict[str, bool | str] = {}
        self.ran: list[str] = []

    def take(self, text: str) -> str:
        """
        Send *text*, show the answer, and return a line about tokens and times.

        Ctrl-C adds the text so far to the conversation, unless tools are offered.

        Raises:
            asi1.ASI1Error: The turn failed; it is not a part of the conversation.
            KeyboardInterrupt: The user stopped the answer.
        """
        session = self._session
        message, kept = session.message(text), len(session.chat.messages)
        if session.tools.offered:
            return self._run(message)
        try:
            stream = session.chat.stream(message, keep_partial=True)
            answer = follow(stream, self._view)
        except asi1.ASI1Error:
            session.forget_after(kept)
            raise
        self._note_missing_text(answer)
        return summary(answer, quiet=self._quiet)

    def _run(self, message: asi1.Messages) -> str:
        chat, tools = self._session.chat, self._session.tools
        run = chat.run_tools(message, tools=tools.offered, stream=True)
        while self._show(run) and run.pending:
            decisions = {call.id: self._decision(call) for call in run.pending}
            self._decisions |= decisions
            run = chat.resume_tools(
                run.to_json(), tools=tools.offered, decisions=decisions, stream=True
            )
        answers = [step for step in run.steps if isinstance(step, asi1.AnswerStep)]
        last = answers[-1].answer
        self._note_missing_text(last)
        line = summary(last, quiet=self._quiet)
        if len(answers) > 1 and run.usage is not None and not self._quiet:
            line += f"; {run.usage.total_tokens} tokens in {len(answers)} answers"
        return line

    def _show(self, run: asi1.ToolRun) -> bool:
        """Show the steps of *run* until the run is over, or waits for decisions."""
        try:
            with run:
                for step in run:
                    self._show_step(step)
        finally:
            self._view.end()
        return True

    def _show_step(self, step: asi1.ToolStep) -> None:
        match step:
            case asi1.TextStep(text=text):
                self._view.add("", text)
            case asi1.ThoughtStep(text=text):
                self._view.add(text, "")
            case asi1.ToolStartedStep(call=call):
                self.ran.append(call.function.name)
                asked = call.id in self._decisions
                text = call.function.name if asked else _call_text(call, _SHORT)
                self._note(f"running {text}")
            case asi1.ToolEndedStep(call=call) if self._is_refused(call):
                pass
            case asi1.ToolEndedStep(call=call, content=content, failed=failed):
                word = "failed" if failed else "returned"
                content = _cut(content, _SHORT)
                self._note(f"{call.function.name} {word}: {content}")

    def _decision(self, call: asi1.ToolCall) -> bool | str:
        """Return whether a call may run, or the text that tells the model why not."""
        name, modes = call.function.name, self._session.tools.modes
        if modes.get(name) == "run":  # the user has answered "always" before
            return True
        self._notes.end_line()
        self._notes.write(f"The model calls {_call_text(call, _LONGEST)}\n")
        if self._ask is None:
            self._note("not run: there is no terminal to ask on (--yes runs all)")
            return False
        said = self._ask(_QUESTION).strip()
        if said.lower() in {"a", "always"}:
            modes[name] = "run"
            return True
        if said.lower() in {"y", "yes"}:
            return True
        return False if said.lower() in {"", "n", "no"} else said

    def _is_refused(self, call: asi1.ToolCall) -> bool:
        return self._decisions.get(call.id, True) is not True

    def _note_missing_text(self, answer: asi1.ChatCompletion) -> None:
        if answer.text.strip():
            return
        refusal = answer.message.refusal
        self._note(f"the model refuses: {refusal}" if refusal else "no text")

    def _note(self, line: str) -> None:
        self._view.end()
        self._notes.end_line()
        self._notes.dim(" ".join(line.split()))
        self._notes.end_line()


def _call_text(call: asi1.ToolCall, most: int) -> str:
    """Return a call on one or more lines, without hidden characters."""
    arguments = call.function.arguments
    try:
        data = json.loads(arguments)
    except ValueError:
        pass
    else:
        indent = None if len(arguments) < _WIDE else 2
        arguments = json.dumps(data, ensure_ascii=False, indent=indent)
    shown = escape_hidden(arguments)
    return f"{visible(call.function.name)}({_cut(shown, most)})"


def _cut(text: str, most: int) -> str:
    rest = len(text) - most
    return text if rest <= 0 else f"{text[:most]}... ({rest:,} more characters)"
