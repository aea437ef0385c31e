"""Run the cells of a notebook in a real Jupyter kernel, without a browser."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
import time

from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

import asi1


__all__ = ["HEAD", "Notebook"]

# A kernel removes its start folder from sys.path, and asi1 may be in that folder, so
# asi1's folder is added to sys.path again.
HEAD = f"""\
import sys
sys.path.insert(0, {str(Path(asi1.__file__).parents[1])!r})
import asi1
"""


class Recorder(NotebookClient):
    """A notebook client that records each message that shows or updates an output."""

    def process_message(self, msg, cell, cell_index):
        if msg["msg_type"] in ("display_data", "update_display_data"):
            self.shown.append((msg["msg_type"], msg["content"]["data"]))
        return super().process_message(msg, cell, cell_index)


class Notebook:
    """
    A notebook whose kernel is the Python interpreter that runs the tests.

    Args:
        folder: The folder for the kernel's files and settings.

    Attributes:
        shown: Type and data of each display message of the cell that ran last.
    """

    def __init__(self, folder):
        spec = folder / "kernels" / "tests"
        spec.mkdir(parents=True)
        env = {
            name: str(folder)
            for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR")
        }
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        written = {"argv": argv, "display_name": "tests", "env": env}
        (spec / "kernel.json").write_text(json.dumps(written), "utf-8")
        specs = KernelSpecManager(kernel_dirs=[str(spec.parent)])
        self._manager = AsyncKernelManager(
            kernel_name="tests",
            kernel_spec_manager=specs,
            connection_file=str(folder / "connection.json"),
        )
        self._runner = asyncio.Runner()
        self._client = Recorder(
            new_notebook(), km=self._manager, timeout=30, allow_errors=True
        )

    def __enter__(self):
        self._runner.__enter__()
        self._runner.run(self._client.async_start_new_kernel())
        self._process = self._manager.provisioner.process
        self._runner.run(self._client.async_start_new_kernel_client())
        return self

    def __exit__(self, *_):
        self._runner.run(self._client._async_cleanup_kernel())
        self._runner.close()
        assert self._process.poll() is not None

    @property
    def shown(self):
        return self._client.shown

    def run(self, source, *, interrupt_when=None):
        """
        Run *source* as a cell, and return the cell's outputs.

        Once *interrupt_when* returns true, the cell is interrupted, as by the stop
        button of a notebook.
        """
        return self._runner.run(self._run(textwrap.dedent(source), interrupt_when))

    async def _run(self, source, interrupt_when):
        self._client.shown = []
        cell = new_code_cell(source)
        self._client.nb.cells.append(cell)
        number = len(self._client.nb.cells) - 1
        running = asyncio.create_task(self._client.async_execute_cell(cell, number))
        if interrupt_when is not None:
            end = time.monotonic() + 20
            while not interrupt_when() and not running.done():
                assert time.monotonic() < end, "the condition never held"
                await asyncio.sleep(0.01)
            await self._manager.interrupt_kernel()
        await running
        return cell.outputs
