"""Sphinx configuration: warnings are errors (`make docs`)."""

project = "runlog"
author = "the runlog developers"
copyright = "the runlog developers, Apache-2.0"  # noqa: A001 (Sphinx's name)
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
suppress_warnings = ["misc.highlighting_failure"]
autodoc_typehints = "description"
html_theme = "furo"
html_title = "runlog"
nitpicky = False
exclude_patterns = ["_build"]
