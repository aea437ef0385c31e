"""Settings of the documentation site; `nox -s docs` builds it without the network."""

import sys

from pathlib import Path

import asi1


sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "asi1"
copyright = "the authors of asi1; Apache-2.0"  # noqa: A001 - Sphinx reads this name
release = version = asi1.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_llms_txt",
    "docstrings",
    "links",
    "plain_text",
    "top_files",
]
exclude_patterns = ["_build", "_ext"]

# A link to a page, heading or name that does not exist is a warning. Types outside of
# asi1, and private ones, have no page here.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!asi1\.).*|asi1\.(.*\.)?_.*")]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
# Libraries of integrations, which the session `docs` does not install.
autodoc_mock_imports = ["opentelemetry", "ray", "redis"]
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_custom_sections = [("Reading raises", "params_style")]

html_theme = "furo"
html_title = f"asi1 {release}"
html_static_path = ["_static"]
html_css_files = ["asi1.css"]
html_copy_source = True

llms_txt_uri_template = "_sources/{docname}{suffix}{sourcelink_suffix}"
llms_txt_title = "asi1"
llms_txt_summary = (
    "The Python client of ASI-1 Mini, the chat completion API at api.asi1.ai: async"
    " first, with a blocking twin, OpenAI's names, and errors that tell what happened."
)
