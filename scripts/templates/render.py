"""What the HTML pages have in common: strict templates that escape, one style sheet, one content security policy.

A rule whose job renders a page names the templates of this folder and the style sheet as inputs.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from scripts.templates.policy import csp_source


def clean(value: str) -> str:
    """Return *value* on one line, with nothing in it that cannot be printed."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in value).split())


def clean_text(value: Any) -> Any:
    """Return *value*, cleaned if it is a text that is not HTML yet."""
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def make_environment(**filters: Callable) -> Environment:
    """Return the environment of the templates of this folder, with *filters* of the page.

    Every value is cleaned and escaped unless it is Markup; a value that is missing is an error.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=clean_text,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters
    return environment


def render_page(environment: Environment, template: str, style: str, scripts: list[str], **values: Any) -> str:
    """Return a complete page that makes no requests.

    Its policy allows the *style* and the *scripts*, by digest, and nothing else: no request and no other code.
    """
    style = f"\n{style}"
    programs = " ".join(map(csp_source, scripts)) or "'none'"
    policy = f"default-src 'none'; img-src data:; style-src {csp_source(style)}; script-src {programs}"
    page = environment.get_template(template)
    return page.render(policy=Markup(policy), style=Markup(style), scripts=list(map(Markup, scripts)), **values)
