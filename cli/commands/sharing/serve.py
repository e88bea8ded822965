"""``exfolio serve``: the registry over HTTP, for browsers and programs, to read only."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from ....stores.connection import connect, may_write
from ....stores.errors import ConfigurationError
from ...display.console import begin, err

QUESTION_SECONDS: Final = 10.0
"""For what somebody asks over HTTP: who asks what no index answers waits so long at most, and is told why."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def register(app: typer.Typer) -> None:
    """Add ``serve`` to the app."""
    app.command()(serve)


def serve(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
    address: Annotated[
        str, typer.Option(help="URL under which people reach it, behind a proxy for one: https://registry.example.org")
    ] = "",
    mcp: Annotated[bool, typer.Option("--mcp", help="Let assistants ask as well, by MCP at /mcp.")] = False,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="Answer one assistant by MCP on stdin and stdout, and nobody else.")
    ] = False,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="Let pages of this other server read the answers; may be repeated.")
    ] = None,
) -> None:
    """Serve the registry: pages for people, OPTIMADE and a JSON API for programs. Nobody can change anything by it.

    Examples
    --------
      exfolio serve

      exfolio serve --mcp

      exfolio serve --host 0.0.0.0 --port 80 --address https://registry.example.org
    """
    try:
        import uvicorn

        from ....web.app import make_app
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"serving needs the package {error.name}", 'Install it with: pip install "exfolio[serve]"'
        ) from error
    settings = begin()
    settings = settings.model_copy(update={"query_seconds": min(settings.query_seconds, QUESTION_SECONDS)})
    with connect(settings, reader=True) as connection:
        if may_write(connection):
            err.print(
                "The database user may write. Safer: a user with the role read, in EXFOLIO_MONGO_READER_URI.",
                markup=False,
                soft_wrap=True,
            )
        if stdio:
            from ....web.assistants import assistant_server

            assistant_server(connection).run("stdio")
            return
        if host not in _LOOPBACK:
            err.print(f"Listening on {host}: whoever reaches this machine can read the registry.", soft_wrap=True)
        here = (address or f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}").rstrip("/")  # noqa: S104
        err.print(f"{connection.describe()} is served at {here} (Ctrl-C stops it)", markup=False, soft_wrap=True)
        app = make_app(connection, address=here, allowed_origins=allow_origin or (), assistants=mcp)
        uvicorn.run(app, host=host, port=port, log_level="warning", server_header=False, timeout_keep_alive=5)
